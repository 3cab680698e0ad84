/**
 * What the message being handled wants to have done, in order. Nothing of it happens before its events are stored and
 * applied, and if the actor throws it is cleared. One flat array, five places an output, so that nothing is allocated.
 */
export const OUTPUT = {
  tell: 0,
  bytes: 1,
  ask: 2,
  reply: 3,
  send: 4,
  remember: 5,
  stop: 6,
  identify: 7,
  frames: 8,
  ignored: 9,
  flow: 10,
  log: 11,
} as const;

const STRIDE = 5;

export class Outbox {
  readonly #slots: unknown[] = [];
  #used = 0;

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  get count(): number {
    return this.#used / STRIDE;
  }

  add(output: number, target: unknown, item: unknown, start: number, end: number): void {
    const slots = this.#slots;
    const at = this.#used;
    if (at === slots.length) slots.push(output, target, item, start, end);
    else {
      slots[at] = output;
      slots[at + 1] = target;
      slots[at + 2] = item;
      slots[at + 3] = start;
      slots[at + 4] = end;
    }
    this.#used = at + STRIDE;
  }

  output(index: number): number {
    return this.#slots[index * STRIDE] as number;
  }

  target(index: number): unknown {
    return this.#slots[index * STRIDE + 1];
  }

  item(index: number): unknown {
    return this.#slots[index * STRIDE + 2];
  }

  start(index: number): number {
    return this.#slots[index * STRIDE + 3] as number;
  }

  end(index: number): number {
    return this.#slots[index * STRIDE + 4] as number;
  }

  clear(): void {
    this.truncate(0);
  }

  /** Forgets all but the first `count` outputs. */
  truncate(count: number): void {
    const slots = this.#slots;
    for (let at = count * STRIDE; at < this.#used; at += STRIDE) {
      slots[at + 1] = undefined;
      slots[at + 2] = undefined;
    }
    this.#used = count * STRIDE;
  }
}
