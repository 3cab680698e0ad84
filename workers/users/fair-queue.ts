/**
 * What waits, of parties that take turns: whoever brings much waits for its own, and for no more than one of each other.
 * Pure. Where there is no room the party that has most waiting loses its last.
 */
export class FairQueue<Item> {
  readonly #max: number;
  /** The party whose turn is next first. Invariant: none of them is empty. */
  readonly #parties = new Map<string, Item[]>();
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#size;
  }

  /** Returns what finds no room: something else, or the item itself. */
  add(party: string, item: Item): Item | undefined {
    const own = this.#parties.get(party) ?? [];
    own.push(item);
    this.#parties.set(party, own);
    this.#size++;
    return this.#size > this.#max ? this.#dropLast(party, own) : undefined;
  }

  /** Removes and returns the next one. */
  take(): Item | undefined {
    const [next] = this.#parties;
    if (next === undefined) return undefined;
    const [party, [item, ...others]] = next;
    this.#parties.delete(party);
    if (others.length > 0) this.#parties.set(party, others);
    this.#size--;
    return item;
  }

  /** Of those with as many, `party` itself: who came earlier keeps its place. */
  #dropLast(party: string, own: Item[]): Item | undefined {
    let [loser, most] = [party, own];
    for (const [other, items] of this.#parties)
      if (items.length > most.length) [loser, most] = [other, items];
    this.#size--;
    const item = most.pop();
    if (most.length === 0) this.#parties.delete(loser);
    return item;
  }
}
