/**
 * A recording that goes on: its clock and its file. When the file can't be written any more the recording ends, and nothing
 * else: whoever is recorded does not notice.
 */
import type { OutcryError } from '../../values/errors.ts';
import type { OrderbookForm } from '../ouch/fields.ts';
import type { DoorName } from './door-splitter.ts';
import { Recording } from './recording.ts';
import type { RecordingFile } from './recording-file.ts';

const TICK_MS = 100;

export interface RecordingFigures {
  readonly sessions: number;
  readonly messages: number;
  /** Of clients, that no test input can have. */
  readonly skipped: number;
}

export class Recorder {
  readonly #file: RecordingFile;
  readonly #recording: Recording;
  readonly #onFailed: (failure: OutcryError) => void;
  readonly #timer: NodeJS.Timeout;
  #isOver = false;

  /** `onFailed` is called once. */
  constructor(file: RecordingFile, onFailed: (failure: OutcryError) => void) {
    this.#file = file;
    this.#recording = new Recording(file);
    this.#onFailed = onFailed;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  get path(): string {
    return this.#file.path;
  }

  get figures(): RecordingFigures {
    const { sessions, messages, skipped } = this.#recording;
    return { sessions, messages, skipped };
  }

  open(session: number, door: DoorName, form: OrderbookForm): void {
    if (!this.#isOver) this.#recording.open(session, door, form);
  }

  inbound(session: number, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#isOver) this.#recording.inbound(session, bytes, start, end);
  }

  outbound(session: number, bytes: Uint8Array): void {
    if (!this.#isOver) this.#recording.outbound(session, bytes);
  }

  ended(session: number): void {
    if (!this.#isOver) this.#recording.ended(session);
  }

  close(session: number, isBroken: boolean): void {
    if (!this.#isOver) this.#recording.close(session, isBroken);
  }

  /** Writes what is left. */
  end(): void {
    if (this.#isOver) return;
    this.#recording.flush();
    this.#file.flush();
    this.#stop();
  }

  #tick(): void {
    this.#recording.tick();
    this.#file.flush();
    if (this.#file.failure !== undefined) this.#stop();
  }

  #stop(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#file.close();
    if (this.#file.failure !== undefined) this.#onFailed(this.#file.failure);
  }
}
