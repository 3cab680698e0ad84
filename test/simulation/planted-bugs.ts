/** Mistakes that a simulation must find: each is put around a part of the server, none is in it. */
import type { Framer } from '../../src/framer.ts';
import type { Actor, ActorSpec } from '../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../workers/runtime/actor-system.ts';
import type { StoredBatch } from '../../workers/runtime/store.ts';
import { type Outlet, Turns } from '../../workers/runtime/turns.ts';
import { BANK_BUGS } from './bank/planted-bugs.ts';
import { EXCHANGE_BUGS } from './exchange/planted-bugs.ts';
import { SimulatedStore } from './simulated-store.ts';

export interface PlantedBug {
  /** In a run of which services it is found. */
  readonly services: readonly ServiceName[];
  /** Takes the place of the real one. */
  readonly createTurns?: (system: ActorSystem, outlet: Outlet) => Turns;
  readonly createStore?: (...args: ConstructorParameters<typeof SimulatedStore>) => SimulatedStore;
  readonly createFramer?: (create: () => Framer) => Framer;
  /** Changes the actors that start in a host. */
  readonly change?: (actor: Actor) => void;
}

/** Those that a simulated server may have. */
export const SERVICES = ['bank', 'exchange'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** What a turn has for others leaves when its events are taken, and not yet stored. */
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

/** Behind a snapshot recovery begins one batch late. */
class SkippingStore extends SimulatedStore {
  override *read(position: number): Iterable<StoredBatch> {
    const isBehindSnapshot = position > 1;
    yield* super.read(isBehindSnapshot ? position + 1 : position);
  }
}

/** By what they are called. */
export const PLANTED_BUGS: Readonly<Record<string, PlantedBug>> = {
  'reply-before-flush': {
    services: SERVICES,
    createTurns: (system, outlet) => new HastyTurns(system, outlet),
  },
  'skipped-event': { services: SERVICES, createStore: (...args) => new SkippingStore(...args) },
  ...BANK_BUGS,
  ...EXCHANGE_BUGS,
};

/** Changes the actors that start in `system`. */
export function plant({ change = () => {} }: Partial<PlantedBug>, system: ActorSystem): void {
  const spawnRoot = system.spawnRoot.bind(system);
  const changed = (actor: Actor): Actor => {
    change(actor);
    return actor;
  };
  system.spawnRoot = (address, spec) =>
    spawnRoot(address, { ...spec, create: () => changed(spec.create()) } as ActorSpec);
}
