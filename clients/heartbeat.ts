/**
 * Keeps a connection from looking dead, and finds out when it is: a third of the time that the server lets pass without a
 * word from us is the longest that nothing is sent, and the longest that is waited for an answer to that.
 */
import { TIMER_MAX_MS } from './pending.ts';

export interface HeartbeatListener {
  /** Say something that the other side answers. */
  onBeat(): void;
  /** Nothing came since, not even the answer. */
  onSilence(silentMs: number): void;
}

export class Heartbeat {
  readonly #listener: HeartbeatListener;
  readonly #periodMs: number;
  /** Due when nothing was sent for a period. */
  readonly #sending: NodeJS.Timeout;
  /** Due when nothing came for a period. */
  readonly #hearing: NodeJS.Timeout;
  #isWaiting = false;

  constructor(idleMs: number, listener: HeartbeatListener) {
    this.#listener = listener;
    this.#periodMs = Math.min(Math.ceil(idleMs / 3), TIMER_MAX_MS);
    this.#sending = setTimeout(() => listener.onBeat(), this.#periodMs);
    this.#hearing = setTimeout(() => this.#onQuiet(), this.#periodMs);
  }

  sent(): void {
    this.#sending.refresh();
  }

  heard(): void {
    this.#isWaiting = false;
    this.#hearing.refresh();
  }

  stop(): void {
    clearTimeout(this.#sending);
    clearTimeout(this.#hearing);
  }

  #onQuiet(): void {
    if (this.#isWaiting) {
      this.#listener.onSilence(2 * this.#periodMs);
      return;
    }
    this.#isWaiting = true;
    this.#hearing.refresh();
    this.#listener.onBeat();
  }
}
