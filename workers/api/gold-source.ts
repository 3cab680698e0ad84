/** What a client watches of the rates of gold: the rows that it wants of what the store tells the session. */
import type { GoldChange } from '../../src/protocol/api/operations.ts';
import type { GoldAnswer, GoldNotice, GoldRow } from '../../src/protocol/gold.ts';
import { rowsNamed } from '../gold/gold-names.ts';
import type { Call, Source } from './call.ts';
import { PushQueue } from './push-queue.ts';

export class GoldSource implements Source {
  readonly #call: Call<'gold.watch'>;
  readonly #queue: PushQueue<'gold.watch'>;
  #isOpen = false;

  /** `onCancel` is called when the client watches no more. */
  constructor(call: Call<'gold.watch'>, onCancel: () => void) {
    this.#call = call;
    this.#queue = new PushQueue(call, onCancel);
  }

  /** `latest` has what was told before. */
  open(latest: GoldAnswer | null): void {
    this.#isOpen = true;
    const rows = latest === null ? [] : this.#wanted(latest.rows);
    this.#call.openDownload(latest && { ...latest, rows }, this);
  }

  offer(item: unknown): void {
    if (!this.#isOpen) return;
    const { date, source, timeMs, rows, before } = item as GoldNotice;
    const wanted = new Set(this.#wanted(rows));
    const changes = rows.flatMap((row, i): GoldChange[] =>
      wanted.has(row) ? [{ date, source, timeMs, row, before: before[i] ?? null }] : [],
    );
    for (const change of changes) if (!this.#call.isOver) this.#queue.offer(change);
  }

  pull(credit: number): void {
    this.#queue.pull(credit);
  }

  cancel(): void {
    this.#queue.cancel();
  }

  #wanted(rows: readonly GoldRow[]): readonly GoldRow[] {
    const { types } = this.#call.params;
    if (types === undefined) return rows;
    const named = new Set(types.flatMap((type) => rowsNamed(type, rows)));
    return rows.filter((row) => named.has(row));
  }
}
