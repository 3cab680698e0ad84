/**
 * Records what passes the doors of the exchange in a file of test inputs. When the file can't be written any more the
 * recording ends, and nothing else.
 */
import type { Logger } from 'pino';
import type { OrderbookForm } from './protocol/exchange.ts';
import type { DoorName } from './protocol/ouch-inputs/door-splitter.ts';
import { Recording } from './protocol/ouch-inputs/recording.ts';
import type { RecordingFile } from './protocol/ouch-inputs/recording-file.ts';
import type { SessionTap, TappedConnection } from './session-tap.ts';

/** Of the recording's clock. */
const TICK_MS = 100;

export class SessionRecorder implements SessionTap {
  readonly #file: RecordingFile;
  readonly #form: OrderbookForm;
  readonly #log: Logger;
  readonly #recording: Recording;
  readonly #timer: NodeJS.Timeout;
  #isOver = false;

  /** `form`: of the door with packets; at the other one books are numbers. */
  constructor(file: RecordingFile, form: OrderbookForm, log: Logger) {
    this.#file = file;
    this.#form = form;
    this.#log = log;
    this.#recording = new Recording(file);
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  opened({ id, service }: TappedConnection): void {
    const door = service as DoorName;
    if (!this.#isOver) this.#recording.open(id, door, door === 'ouch' ? this.#form : 'uint32');
  }

  received(id: number, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#isOver) this.#recording.inbound(id, bytes, start, end);
  }

  sent(id: number, bytes: Uint8Array): void {
    if (!this.#isOver) this.#recording.outbound(id, bytes);
  }

  ended(id: number): void {
    if (!this.#isOver) this.#recording.ended(id);
  }

  closed(id: number, reason: string): void {
    if (!this.#isOver) this.#recording.close(id, reason === '' ? 'close' : 'reset');
  }

  /** Writes what is left. */
  close(): void {
    if (this.#isOver) return;
    this.#recording.flush();
    this.#file.flush();
    this.#end();
    const { sessions, messages, skipped } = this.#recording;
    this.#log.info({ sessions, messages, skipped }, `recorded in ${this.#file.path}`);
  }

  #tick(): void {
    this.#recording.tick();
    this.#file.flush();
    const { failure } = this.#file;
    if (failure === undefined) return;
    this.#log.error(`the recording has ended: ${failure.message}`);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#file.close();
  }
}
