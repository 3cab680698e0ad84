/**
 * How far each upload has come in one shard: every line up to its mark that is for this shard has been applied or
 * refused. One of the shards, the upload's home, also keeps what was discarded, so that a client whose connection broke
 * can be told again.
 */

import { LEDGER_SHARDS } from '../../src/protocol/bank.ts';

/** Discards that are kept of one upload: the last ones. */
export const DISCARDS_KEPT = 4096;

/** The shard that is an upload's home, by FNV-1a. Part of the meaning of stored uploads: never change it. */
export function homeOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 16)) >>> 0) % LEDGER_SHARDS;
}

export interface Upload {
  readonly id: string;
  readonly number: number;
  mark: number;
  /** Line × 16 + index into DISCARD_REASONS, the last DISCARDS_KEPT. */
  readonly discards: number[];
}

/** As plain data, for snapshots. */
export interface StoredUploads {
  readonly next: number;
  readonly uploads: readonly Upload[];
}

export class Uploads {
  readonly #shard: number;
  /** In the order in which they were last used. */
  readonly #byNumber = new Map<number, Upload>();
  readonly #byId = new Map<string, Upload>();
  #next = 0;
  #homeCount = 0;

  /** Of the shard with index `shard`. */
  constructor(shard: number) {
    this.#shard = shard;
  }

  /** Uploads of which this shard is the home. */
  get homeCount(): number {
    return this.#homeCount;
  }

  /** Of those at home, the one that has not been used for longest. */
  get oldestAtHome(): Upload | undefined {
    for (const upload of this.#byNumber.values()) if (this.#isHome(upload)) return upload;
    return undefined;
  }

  find(id: string): Upload | undefined {
    return this.#byId.get(id);
  }

  get(number: number): Upload | undefined {
    return this.#byNumber.get(number);
  }

  /** A new one, in place of any of the same id. */
  open(id: string): Upload {
    const before = this.#byId.get(id);
    if (before !== undefined) this.forget(before);
    const upload: Upload = { id, number: this.#next++, mark: 0, discards: [] };
    this.#add(upload);
    return upload;
  }

  mark(upload: Upload, line: number): void {
    upload.mark = line;
    this.#byNumber.delete(upload.number);
    this.#byNumber.set(upload.number, upload);
  }

  discard({ discards }: Upload, packed: number): void {
    // By halves, so that a long list is not moved for each line.
    if (discards.length === 2 * DISCARDS_KEPT) discards.splice(0, DISCARDS_KEPT);
    discards.push(packed);
  }

  forget(upload: Upload): void {
    this.#byNumber.delete(upload.number);
    this.#byId.delete(upload.id);
    if (this.#isHome(upload)) this.#homeCount--;
  }

  store(): StoredUploads {
    return {
      next: this.#next,
      uploads: [...this.#byNumber.values()].map((upload) => ({ ...upload, discards: [...upload.discards] })),
    };
  }

  restore({ next, uploads }: StoredUploads): void {
    this.#next = next;
    for (const upload of uploads) this.#add(upload);
  }

  #add(upload: Upload): void {
    this.#byNumber.set(upload.number, upload);
    this.#byId.set(upload.id, upload);
    if (this.#isHome(upload)) this.#homeCount++;
  }

  #isHome({ id }: Upload): boolean {
    return homeOf(id) === this.#shard;
  }
}
