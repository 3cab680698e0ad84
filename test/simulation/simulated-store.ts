/**
 * A store in memory that outlives its host, as a file does: what is durable is in the image, which the next store on it
 * begins with. A crash may come within any writing call: nothing of it is stored, or all of it, or, when the machine
 * ends with the process, a torn batch.
 */
import type { Address } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { Random } from '../../workers/runtime/random.ts';
import { Crash } from '../../workers/runtime/simulation.ts';
import type { Snapshot, SnapshotHead, Store, StoredBatch } from '../../workers/runtime/store.ts';

/** What survives. Batches and pieces are never changed, so a copy of the lists is a copy of it all. */
export class StoreImage {
  first = 1;
  needed = 1;
  /** From `first` on. */
  batches: Uint8Array[] = [];
  snapshots = new Map<Address, Snapshot>();

  get last(): number {
    return this.first + this.batches.length - 1;
  }

  copy(): StoreImage {
    const copy = new StoreImage();
    copy.first = this.first;
    copy.needed = this.needed;
    copy.batches = [...this.batches];
    copy.snapshots = new Map(this.snapshots);
    return copy;
  }
}

export type CrashKind =
  /** Nothing of the call is stored. */
  | 'before'
  /** All of it is stored, but nobody is told. */
  | 'after'
  /** Of a batch only the beginning is stored. */
  | 'torn';

export interface PlannedCrash {
  /** Writing calls before the one in which it comes. */
  writesLeft: number;
  readonly kind: CrashKind;
  /** Not only the host ends, but all of them. */
  readonly endsProcess: boolean;
}

/** What is wrong with the disk of one host, and when it ends. */
export class StoreFaults {
  /** Every write fails. */
  isFailing = false;
  crash: PlannedCrash | undefined;
  /** The crash that has come. */
  crashed: PlannedCrash | undefined;
}

export class SimulatedStore implements Store {
  readonly isDurable = true;
  readonly isReadOnly = false;
  readonly #image: StoreImage;
  readonly #faults: StoreFaults;
  readonly #random: Random;
  readonly #pieces = new Map<Address, Uint8Array[]>();

  constructor(image: StoreImage, faults: StoreFaults, random: Random) {
    this.#image = image;
    this.#faults = faults;
    this.#random = random;
  }

  get first(): number {
    return this.#image.first;
  }

  get last(): number {
    return this.#image.last;
  }

  get needed(): number {
    return this.#image.needed;
  }

  get journalBytes(): number {
    return this.#image.batches.reduce((sum, { length }) => sum + length, 0);
  }

  append(batch: Uint8Array): void {
    this.appendAll([batch]);
  }

  appendAll(batches: readonly Uint8Array[]): void {
    this.#write(
      (image) => image.batches.push(...batches.map((batch) => batch.slice())),
      (image) => image.batches.push(tornOf(batches[0] as Uint8Array, this.#random)),
    );
  }

  *read(position: number): Iterable<StoredBatch> {
    const { first, batches } = this.#image;
    for (const [i, bytes] of [...batches].entries()) {
      if (first + i >= position) yield { position: first + i, bytes };
    }
  }

  snapshots(): Iterable<Snapshot> {
    return [...this.#image.snapshots.values()];
  }

  /** A piece that does not count is not durable in any way that could be seen. */
  putSnapshotPiece(address: Address, index: number, piece: Uint8Array): void {
    this.#write(() => {
      const pieces = this.#pieces.get(address) ?? [];
      pieces[index] = piece.slice();
      this.#pieces.set(address, pieces);
    });
  }

  commitSnapshot(head: SnapshotHead, pieces: number): void {
    this.#write((image) => {
      const written = this.#pieces.get(head.address) ?? [];
      this.#pieces.delete(head.address);
      image.snapshots.set(head.address, { ...head, pieces: written.slice(0, pieces) });
    });
  }

  release(position: number): void {
    this.#write((image) => {
      image.needed = position;
    });
  }

  trim(keepBytes: number, keptFrom = Number.POSITIVE_INFINITY): boolean {
    const { first, needed, last, batches } = this.#image;
    if (first >= Math.min(needed, last, keptFrom) || this.journalBytes <= keepBytes) return false;
    this.#write((image) => {
      image.batches = batches.slice(1);
      image.first++;
    });
    return true;
  }

  cutLast(): void {
    this.#write((image) => image.batches.pop());
  }

  damage(problem: string): OutcryError {
    return new OutcryError('ERR_DATA_DAMAGED', problem);
  }

  async close(): Promise<void> {}

  #write(apply: (image: StoreImage) => void, tear?: (image: StoreImage) => void): void {
    const { isFailing, crash } = this.#faults;
    if (crash !== undefined && crash.writesLeft-- === 0) {
      this.#faults.crash = undefined;
      this.#faults.crashed = crash;
      if (crash.kind === 'after') apply(this.#image);
      else if (crash.kind === 'torn') tear?.(this.#image);
      throw new Crash(crash.kind);
    }
    if (isFailing) throw new OutcryError('ERR_STORE_WRITE', 'the disk is full');
    apply(this.#image);
  }
}

/** The beginning of a batch, and zeros in place of the rest or not. */
function tornOf(batch: Uint8Array, random: Random): Uint8Array {
  const length = random.below(batch.length);
  const prefix = batch.slice(0, length);
  if (random.chance(0.5)) return prefix;
  const zeroed = new Uint8Array(batch.length);
  zeroed.set(prefix);
  return zeroed;
}
