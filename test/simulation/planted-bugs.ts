/** Mistakes that a simulation must find: each is put around a part of the server, none is in it. */
import { LineFramer, type LineSink } from '../../src/line-framer.ts';
import { LedgerShard } from '../../workers/ledger/ledger-shard.ts';
import type { Actor, ActorSpec } from '../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../workers/runtime/actor-system.ts';
import type { Store, StoredBatch } from '../../workers/runtime/store.ts';
import { SimulatedStore } from './simulated-store.ts';

export const PLANTED_BUGS = [
  /** What a turn has for others leaves before its events are stored. */
  'reply-before-flush',
  /** A line is applied whether or not the mark says that it was. */
  'double-apply',
  /** What is left of a chunk behind its last line is forgotten. */
  'lost-carry',
  /** Behind a snapshot recovery begins one batch late. */
  'skipped-event',
] as const;
export type PlantedBug = (typeof PLANTED_BUGS)[number];

/** Stores a batch when the next one comes. */
export class LateStore extends SimulatedStore {
  #waiting: Uint8Array | undefined;

  override get last(): number {
    return super.last + (this.#waiting === undefined ? 0 : 1);
  }

  override append(batch: Uint8Array): void {
    if (this.#waiting !== undefined) super.append(this.#waiting);
    this.#waiting = batch;
  }
}

export class SkippingStore extends SimulatedStore {
  override *read(position: number): Iterable<StoredBatch> {
    const isBehindSnapshot = position > 1;
    yield* super.read(isBehindSnapshot ? position + 1 : position);
  }
}

/** Loses what it keeps once in a while. */
export class ForgetfulFramer extends LineFramer {
  #inner: LineFramer;
  readonly #lineLengthMax: number;
  #chunks = 0;

  constructor(lineLengthMax: number) {
    super(lineLengthMax);
    this.#lineLengthMax = lineLengthMax;
    this.#inner = new LineFramer(lineLengthMax);
  }

  override get hasPartialLine(): boolean {
    return this.#inner.hasPartialLine;
  }

  override feed(chunk: Uint8Array, sink: LineSink): void {
    this.#inner.feed(chunk, sink);
    if (++this.#chunks % 8 === 0) this.#inner = new LineFramer(this.#lineLengthMax);
  }

  override flush(sink: LineSink): void {
    this.#inner.flush(sink);
  }
}

/** Makes the ledger shards that start in `system` believe that no line was applied yet. */
export function forgetMarks(system: ActorSystem): ActorSystem {
  const spawnRoot = system.spawnRoot.bind(system);
  system.spawnRoot = (address, spec) =>
    spawnRoot(address, { ...spec, create: () => withoutMarks(spec.create()) } as ActorSpec);
  return system;
}

function withoutMarks(actor: Actor): Actor {
  if (actor instanceof LedgerShard) {
    const { markOf } = actor;
    actor.markOf = (upload) => (markOf.call(actor, upload) === undefined ? undefined : 0);
  }
  return actor;
}

export type CreateStore = (...args: ConstructorParameters<typeof SimulatedStore>) => Store;

export function storeWith(bug: PlantedBug | undefined): CreateStore {
  if (bug === 'reply-before-flush') return (...args) => new LateStore(...args);
  if (bug === 'skipped-event') return (...args) => new SkippingStore(...args);
  return (...args) => new SimulatedStore(...args);
}

export function framerWith(bug: PlantedBug | undefined, lineLengthMax: number): LineFramer {
  return bug === 'lost-carry' ? new ForgetfulFramer(lineLengthMax) : new LineFramer(lineLengthMax);
}
