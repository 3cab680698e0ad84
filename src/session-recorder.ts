/** Records what passes the doors of the exchange as test inputs. */
import type { Logger } from 'pino';
import type { OrderbookForm } from './protocol/exchange.ts';
import type { DoorName } from './protocol/ouch-inputs/door-splitter.ts';
import { Recorder } from './protocol/ouch-inputs/recorder.ts';
import type { RecordingFile } from './protocol/ouch-inputs/recording-file.ts';
import type { SessionTap, TappedConnection } from './session-tap.ts';

export class SessionRecorder implements SessionTap {
  readonly #recorder: Recorder;
  readonly #form: OrderbookForm;
  readonly #log: Logger;

  /** `form`: of the door with packets; at the other one books are numbers. */
  constructor(file: RecordingFile, form: OrderbookForm, log: Logger) {
    this.#recorder = new Recorder(file, ({ message }) => log.error(`the recording has ended: ${message}`));
    this.#form = form;
    this.#log = log;
  }

  opened({ id, service }: TappedConnection): void {
    const door = service as DoorName;
    this.#recorder.open(id, door, door === 'ouch' ? this.#form : 'uint32');
  }

  received(id: number, bytes: Uint8Array, start: number, end: number): void {
    this.#recorder.inbound(id, bytes, start, end);
  }

  sent(id: number, bytes: Uint8Array): void {
    this.#recorder.outbound(id, bytes);
  }

  ended(id: number): void {
    this.#recorder.ended(id);
  }

  closed(id: number, reason: string): void {
    this.#recorder.close(id, reason !== '');
  }

  /** Writes what is left. */
  close(): void {
    this.#recorder.end();
    this.#log.info(this.#recorder.figures, `recorded in ${this.#recorder.path}`);
  }
}
