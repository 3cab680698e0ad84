/**
 * How far each upload has come in one shard: every line up to its mark that is for this shard has been applied or
 * refused. So that a client whose connection broke can be told again, a shard keeps what it has refused, and one of them,
 * the upload's home, the lines that were no postings.
 */
import { DISCARD_REASONS, type DiscardReason, LEDGER_SHARDS } from '../../src/protocol/bank.ts';

/** Discards that are kept of one upload: the last ones. Few, since there may be thousands of uploads. */
export const DISCARDS_KEPT = 1024;

/** The shard that is the home of an upload or a key, by FNV-1a. Part of the meaning of what is stored: never change it. */
export function homeOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 16)) >>> 0) % LEDGER_SHARDS;
}

/**
 * The name of an upload in all shards but its home: the number that its home has given it is in it, so that two uploads
 * of the same id, one of which was forgotten, are never taken for each other. No upload-id has a `#`.
 */
export function partNameOf(id: string, number: number): string {
  return `${id}#${number}`;
}

/** A discarded line as one number: line × 16 + index into DISCARD_REASONS. */
export function packDiscard(line: number, reason: DiscardReason): number {
  return line * 16 + DISCARD_REASONS.indexOf(reason);
}

export function lineOfDiscard(packed: number): number {
  return Math.floor(packed / 16);
}

export function reasonOfDiscard(packed: number): DiscardReason | 'unknown' {
  return DISCARD_REASONS[packed % 16] ?? 'unknown';
}

/** A shard has refused the line, whose account was as it was; all other reasons are in the line itself. */
export function isRefusal(packed: number): boolean {
  const reason = reasonOfDiscard(packed);
  return reason === 'too-many-accounts' || reason === 'balance-out-of-range';
}

export interface Upload {
  readonly id: string;
  readonly number: number;
  mark: number;
  /** Packed, the last DISCARDS_KEPT. */
  readonly discards: number[];
}

/** As plain data, for snapshots. */
export interface StoredUploads {
  readonly next: number;
  readonly uploads: readonly Upload[];
}

export class Uploads {
  /** In the order in which they were last used. */
  readonly #byNumber = new Map<number, Upload>();
  readonly #byId = new Map<string, Upload>();
  #next = 0;
  #homeCount = 0;

  /** Uploads of which this shard is the home. */
  get homeCount(): number {
    return this.#homeCount;
  }

  /** Of those at home that may be forgotten, the one that has not been used for longest. */
  oldestAtHome(mayForget: (upload: Upload) => boolean): Upload | undefined {
    for (const upload of this.#byNumber.values()) {
      if (isAtHome(upload) && mayForget(upload)) return upload;
    }
    return undefined;
  }

  find(id: string): Upload | undefined {
    return this.#byId.get(id);
  }

  get(number: number): Upload | undefined {
    return this.#byNumber.get(number);
  }

  /** A new one; there must be none of that id. */
  open(id: string): Upload {
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
    if (isAtHome(upload)) this.#homeCount--;
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
    if (isAtHome(upload)) this.#homeCount++;
  }
}

/** The shard is the upload's home. */
function isAtHome({ id }: Upload): boolean {
  return !id.includes('#');
}
