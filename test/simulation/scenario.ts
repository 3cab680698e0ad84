/** What a service has in a simulated server: its actors, its clients, and what must be true of both. */
import type { Framer } from '../../src/framer.ts';
import type { Address } from '../../src/values/address.ts';
import type { ActorSystem } from '../../workers/runtime/actor-system.ts';
import type { MakeSession } from '../../workers/runtime/host.ts';
import type { Participant } from '../../workers/runtime/simulation.ts';
import type { StoreImage } from './simulated-store.ts';
import type { World } from './world.ts';

/** At the gateway, by the name of a service. */
export interface Door {
  readonly createFramer: () => Framer;
}

/** Somebody who comes to an end by himself. */
export interface Client extends Participant {
  readonly isDone: boolean;
  /** Where he is, for a failure's text. */
  toString(): string;
}

/** Numbers of a run, by name. */
export type Counts = Readonly<Record<string, number>>;

export interface Scenario {
  readonly doors: Readonly<Record<string, Door>>;
  readonly clients: readonly Client[];
  /** Starts the actors of a host; returns what makes the sessions of each door there. */
  startHost(system: ActorSystem): Readonly<Record<string, MakeSession>>;
  /** Called once, when there is a server: the clients join it. */
  join(world: World): void;
  /** A client's program is ended and started again. */
  restartClient(): void;
  /** A host has crashed, or the process with all of them. */
  onCrash?(): void;
  /** What the main thread answers an actor; undefined if that is nothing of this service. */
  answer?(address: Address, message: unknown, images: readonly StoreImage[]): unknown;
  /** What is stored at any moment is right. */
  checkStored(images: readonly StoreImage[]): void;
  /** All clients are done and nothing breaks any more: whatever is to be seen in a server that is left in peace. */
  settle?(): void;
  /** Nothing is on its way any more. */
  checkEnd(images: readonly StoreImage[]): void;
  counts(): Counts;
}
