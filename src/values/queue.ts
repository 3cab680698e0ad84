/** A queue from whose middle an entry can be taken at once. */
export interface QueueEntry<T> {
  readonly item: T;
}

class Link<T> implements QueueEntry<T> {
  readonly item: T;
  previous: Link<T> | undefined;
  next: Link<T> | undefined;
  isQueued = true;

  constructor(item: T) {
    this.item = item;
  }
}

export class Queue<T> {
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): QueueEntry<T> {
    const link = new Link(item);
    link.previous = this.#last;
    if (this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#length++;
    return link;
  }

  /** Ahead of all others. */
  unshift(item: T): QueueEntry<T> {
    const link = new Link(item);
    link.next = this.#first;
    if (this.#first === undefined) this.#last = link;
    else this.#first.previous = link;
    this.#first = link;
    this.#length++;
    return link;
  }

  first(): T | undefined {
    return this.#first?.item;
  }

  shift(): T | undefined {
    const link = this.#first;
    if (link !== undefined) this.#unlink(link);
    return link?.item;
  }

  /** In order; nothing may be removed meanwhile. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let link = this.#first; link !== undefined; link = link.next) yield link.item;
  }

  /** Does nothing to an entry that has left the queue. */
  remove(entry: QueueEntry<T>): void {
    const link = entry as Link<T>;
    if (link.isQueued) this.#unlink(link);
  }

  #unlink(link: Link<T>): void {
    if (link.previous === undefined) this.#first = link.next;
    else link.previous.next = link.next;
    if (link.next === undefined) this.#last = link.previous;
    else link.next.previous = link.previous;
    link.isQueued = false;
    this.#length--;
  }
}
