/** Stores as the commands on a data folder open them: only to be read. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredHost } from '../../src/protocol/data-jobs.ts';
import { LmdbStore, type LmdbStoreOptions } from '../runtime/lmdb-store.ts';

type OpenOptions = Pick<LmdbStoreOptions, 'isExamined' | 'onDamage'>;

/** Undefined if nothing was ever stored there: a server was ended before it came to that. */
export function openStored(
  { folder, isMade, isInUse }: StoredHost,
  options: OpenOptions = {},
): LmdbStore | undefined {
  if (!isMade && fileBytesIn(folder) === 0) return undefined;
  return new LmdbStore({ folder, isMade, isReadOnly: true, isInUse, ...options });
}

export function fileIn(folder: string): string {
  return join(folder, 'data.mdb');
}

export function fileBytesIn(folder: string): number {
  return statSync(fileIn(folder), { throwIfNoEntry: false })?.size ?? 0;
}

/** Journal between two reports on how far the work is. */
const PROGRESS_BYTES = 4 * 1024 * 1024;

/** Calls `report` now and then with the bytes that were done. */
export class Counter {
  readonly #report: (done: number) => void;
  #done = 0;
  #reported = 0;

  constructor(report: (done: number) => void) {
    this.#report = report;
  }

  add(bytes: number): void {
    this.#done += bytes;
    if (this.#done - this.#reported < PROGRESS_BYTES) return;
    this.#reported = this.#done;
    this.#report(this.#done);
  }
}
