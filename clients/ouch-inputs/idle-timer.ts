/** Tells when nothing has moved for too long; what moves costs next to nothing. */

/** Within which a time is kept. */
const PARTS = 10;

export class IdleTimer {
  readonly #everyMs: number;
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | undefined;
  #idleParts = 0;

  constructor(timeoutMs: number, onIdle: () => void) {
    this.#everyMs = timeoutMs / PARTS;
    this.#onIdle = onIdle;
  }

  start(): void {
    this.stop();
    this.#idleParts = 0;
    this.#timer = setInterval(() => {
      this.#idleParts += 1;
      if (this.#idleParts < PARTS) return;
      this.stop();
      this.#onIdle();
    }, this.#everyMs);
  }

  moved(): void {
    this.#idleParts = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
