/** Mistakes that a simulation must find: each is put around a part of the server, none is in it. */
import type { FrameSink } from '../../src/framer.ts';
import { LineFramer } from '../../src/line-framer.ts';
import type { LedgerCommand } from '../../src/protocol/bank.ts';
import { LedgerShard } from '../../workers/ledger/ledger-shard.ts';
import { partIn } from '../../workers/ledger/postings.ts';
import type { Actor, ActorSpec, Context } from '../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../workers/runtime/actor-system.ts';
import type { StoredBatch } from '../../workers/runtime/store.ts';
import { type Outlet, Turns } from '../../workers/runtime/turns.ts';
import { SimulatedStore } from './simulated-store.ts';

export const PLANTED_BUGS = [
  /** What a turn has for others leaves before its events are stored. */
  'reply-before-flush',
  /** A line is applied whether or not the mark says that it was. */
  'double-apply',
  /** A request that comes again is posted again. */
  'double-post',
  /** What is left of a chunk behind its last line is forgotten. */
  'lost-carry',
  /** Behind a snapshot recovery begins one batch late. */
  'skipped-event',
] as const;
export type PlantedBug = (typeof PLANTED_BUGS)[number];

/** Lets the turn's outputs leave when its events are taken, and not yet stored. */
class HastyTurns extends Turns {
  constructor(system: ActorSystem, outlet: Outlet) {
    super(system, outlet);
    const takeEvents = system.takeEvents.bind(system);
    system.takeEvents = (timeMs) => {
      const events = takeEvents(timeMs);
      outlet.post(system.takeBatches());
      return events;
    };
  }
}

class SkippingStore extends SimulatedStore {
  override *read(position: number): Iterable<StoredBatch> {
    const isBehindSnapshot = position > 1;
    yield* super.read(isBehindSnapshot ? position + 1 : position);
  }
}

/** Loses what it keeps once in a while. */
class ForgetfulFramer extends LineFramer {
  #inner: LineFramer;
  readonly #lineLengthMax: number;
  #chunks = 0;

  constructor(lineLengthMax: number) {
    super(lineLengthMax);
    this.#lineLengthMax = lineLengthMax;
    this.#inner = new LineFramer(lineLengthMax);
  }

  override get hasPartialFrame(): boolean {
    return this.#inner.hasPartialFrame;
  }

  override feed(chunk: Uint8Array, sink: FrameSink): void {
    this.#inner.feed(chunk, sink);
    if (++this.#chunks % 8 === 0) this.#inner = new LineFramer(this.#lineLengthMax);
  }

  override flush(sink: FrameSink): void {
    this.#inner.flush(sink);
  }
}

/** Changes the ledger shards that start in `system`. */
function withShards(system: ActorSystem, change: (shard: LedgerShard) => void): ActorSystem {
  const spawnRoot = system.spawnRoot.bind(system);
  const changed = (actor: Actor): Actor => {
    if (actor instanceof LedgerShard) change(actor);
    return actor;
  };
  system.spawnRoot = (address, spec) =>
    spawnRoot(address, { ...spec, create: () => changed(spec.create()) } as ActorSpec);
  return system;
}

/** It takes lines that it has for new ones. */
function forgetMarks(actor: LedgerShard): void {
  const receiveBytes = actor.receiveBytes.bind(actor);
  actor.receiveBytes = (bytes, start, end, context) => {
    const message = bytes.slice(start, end);
    const part = partIn(message, 0);
    const mark = part && actor.markOf(part.upload);
    // The line with which the message says that it begins.
    if (mark !== undefined) new DataView(message.buffer).setFloat64(4, mark + 1, true);
    receiveBytes(message, 0, message.length, context);
  };
}

function postAgain(actor: LedgerShard): void {
  const receive = actor.receive.bind(actor);
  const seen = new Set<string>();
  const unheard = { reply() {} } as unknown as Context<LedgerCommand>;
  actor.receive = (command, context) => {
    if (command.type === 'post' && command.key !== undefined) {
      if (seen.has(command.key)) receive({ type: 'post', postings: command.postings }, unheard);
      seen.add(command.key);
    }
    return receive(command, context);
  };
}

/** The parts of a server, `bug` among them. */
export function partsWith(bug: PlantedBug | undefined) {
  return {
    createTurns: (system: ActorSystem, outlet: Outlet) =>
      bug === 'reply-before-flush' ? new HastyTurns(system, outlet) : new Turns(system, outlet),
    createStore: (...args: ConstructorParameters<typeof SimulatedStore>) =>
      bug === 'skipped-event' ? new SkippingStore(...args) : new SimulatedStore(...args),
    createFramer: (lineLengthMax: number) =>
      bug === 'lost-carry' ? new ForgetfulFramer(lineLengthMax) : new LineFramer(lineLengthMax),
    prepare: (system: ActorSystem) => {
      if (bug === 'double-apply') return withShards(system, forgetMarks);
      return bug === 'double-post' ? withShards(system, postAgain) : system;
    },
  };
}
