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
    this.#timer ??= this.#startTimer(this.#pauseMs);
  }

  /** `connection` has ended its message, is not being read for now, or is gone. */
  forget(connection: Pausing): void {
    this.#waiting.delete(connection);
  }

  /** What arrived while this thread was busy is read before the pauses are judged: immediates run after the sockets. */
  #startTimer(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#flushPaused()), delayMs);
  }

  #flushPaused(): void {
    this.#timer = undefined;
    for (const connection of this.#waiting) {
      const leftMs = connection.lastInputMs + this.#pauseMs - monotonicMs();
      if (leftMs > 0) {
        this.#timer = this.#startTimer(leftMs);
        return;
      }
      this.#waiting.delete(connection);
      connection.flushFrame();
    }
  }
}
