/**
 * The end of messages from clients that send no newline: a message has ended when its connection has sent nothing
 * more for a while. One timer for all connections of a service.
 */
import { monotonicMs } from './values/clock.ts';

interface Pausing {
  readonly lastInputMs: number;
  /** Takes what has come as a message. */
  flushFrame(): void;
}

export class InputPauses {
  readonly #pauseMs: number;
  /** Those within a message, in the order of their last input: the first is the next whose pause is over. */
  readonly #waiting = new Set<Pausing>();
  #timer: NodeJS.Timeout | undefined;

  constructor(pauseMs: number) {
    this.#pauseMs = pauseMs;
  }

  /** `connection` has just sent something that does not end a message. */
  await(connection: Pausing): void {
    this.#waiting.delete(connection);
    this.#waiting.add(connection);
    this.#timer ??= setTimeout(() => this.#flushPaused(), this.#pauseMs);
  }

  /** `connection` has ended its message, or is gone. */
  forget(connection: Pausing): void {
    this.#waiting.delete(connection);
  }

  #flushPaused(): void {
    this.#timer = undefined;
    for (const connection of this.#waiting) {
      const leftMs = connection.lastInputMs + this.#pauseMs - monotonicMs();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#flushPaused(), leftMs);
        return;
      }
      this.#waiting.delete(connection);
      connection.flushFrame();
    }
  }
}
