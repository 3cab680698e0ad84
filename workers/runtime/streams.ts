/**
 * What a store holds, by actor: recovery is an actor's latest snapshot and the events after it.
 *
 * The journal is read once for all actors of a host when it starts, and for a single one when that is restarted.
 */
import type { Address } from '../../src/values/address.ts';
import type { DurableActor } from './actor.ts';
import { BatchDamage, BODY, type JournalBatch, readBatch, type Segment, valuesIn } from './journal.ts';
import type { Snapshot, Store, StoredBatch } from './store.ts';

/** One actor's stream. */
interface Stream {
  readonly snapshot: Snapshot | undefined;
  readonly segments: Segment[];
  /** Position of its last event. */
  events: number;
  /** Position of the first batch with an event that is not in the snapshot. */
  firstBatch: number | undefined;
}

export interface StreamsOptions {
  /** Read no other stream. */
  readonly only?: Address;
  /** Called now and then with what has been read, of `total`. */
  readonly onProgress?: (bytes: number, total: number) => void;
  /** The last batch was torn, and is cut off. */
  readonly onTorn?: (position: number) => void;
}

const PROGRESS_BYTES = 16 * 1024 * 1024;

export class Streams {
  readonly #streams = new Map<Address, Stream>();
  /** Bytes of journal that were read. */
  bytes = 0;

  /** Reads the store; throws ERR_DATA_DAMAGED or ERR_DATA_FORMAT. */
  constructor(store: Store, options: StreamsOptions) {
    const { only, onProgress } = options;
    for (const snapshot of store.snapshots()) {
      if (only !== undefined && snapshot.address !== only) continue;
      this.#streams.set(snapshot.address, {
        snapshot,
        segments: [],
        events: snapshot.events,
        firstBatch: undefined,
      });
    }
    let reported = 0;
    for (const stored of store.read(store.needed)) {
      const batch = readStored(store, stored, options);
      if (batch === undefined) break;
      this.bytes += stored.bytes.length;
      for (const segment of batch.segments) {
        if (only === undefined || segment.address === only) this.#add(store, batch.position, segment);
      }
      if (this.bytes - reported < PROGRESS_BYTES) continue;
      reported = this.bytes;
      onProgress?.(this.bytes, store.journalBytes);
    }
  }

  /** By actor, the first batch with an event of it that is not in its snapshot. */
  get firstBatches(): Map<Address, number> {
    return new Map(
      [...this.#streams].flatMap(([address, { firstBatch }]) =>
        firstBatch === undefined ? [] : [[address, firstBatch]],
      ),
    );
  }

  /** Brings `actor` to the state it had; returns the position of its last event. What was used is forgotten. */
  restore(address: Address, actor: DurableActor): number {
    const stream = this.#streams.get(address);
    if (stream === undefined) return 0;
    this.#streams.delete(address);
    if (stream.snapshot !== undefined) actor.restore(stream.snapshot.pieces);
    for (const segment of stream.segments) applySegment(actor, segment);
    return stream.events;
  }

  /** Those that nobody has restored. */
  get left(): readonly Address[] {
    return [...this.#streams.keys()];
  }

  #add(store: Store, position: number, segment: Segment): void {
    const { address, count } = segment;
    let stream = this.#streams.get(address);
    if (stream === undefined) {
      stream = { snapshot: undefined, segments: [], events: 0, firstBatch: undefined };
      this.#streams.set(address, stream);
    }
    const last = segment.position + count - 1;
    if (stream.snapshot !== undefined && last <= stream.snapshot.events) return;
    if (segment.position !== stream.events + 1) {
      throw store.damage(
        `batch ${position} goes on with event ${segment.position} of ${address}, but the one before it was ` +
          `${stream.events}`,
      );
    }
    stream.events = last;
    stream.firstBatch ??= position;
    stream.segments.push(segment);
  }
}

/** The batch, checked; undefined if it is the last one and torn: then it is cut off, unless the store is only read. */
export function readStored(
  store: Store,
  { position, bytes }: StoredBatch,
  { onTorn }: Pick<StreamsOptions, 'onTorn'>,
): JournalBatch | undefined {
  try {
    return readBatch(bytes, position);
  } catch (error) {
    if (!(error instanceof BatchDamage)) throw error;
    if (!error.isTorn || position !== store.last) throw store.damage(`batch ${position}: ${error.message}`);
    if (!store.isReadOnly) store.cutLast();
    onTorn?.(position);
    return undefined;
  }
}

export function applySegment(actor: DurableActor, segment: Segment): void {
  if (segment.kind === BODY.flat) actor.applyFlat?.(segment.bytes, segment.start, segment.end);
  else for (const event of valuesIn(segment)) actor.apply?.(event);
}
