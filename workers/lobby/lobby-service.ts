/** The lobby in a host: the hall, if it lives here, and the sessions of its clients; and the registry of all services. */
import type { LobbySettings } from '../../src/protocol/host-task.ts';
import { HALL_ADDRESS } from '../../src/protocol/lobby.ts';
import { REGISTRY_ADDRESS } from '../../src/protocol/registry.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { type DurableActor, ESCALATE_FAULT, STOP_ON_FAULT } from '../runtime/actor.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import type { MakeSession } from '../runtime/host.ts';
import { HallActor } from './hall-actor.ts';
import { LobbySession } from './lobby-session.ts';
import { RegistryActor } from './registry-actor.ts';

/** Starts the registry, if it lives in this host. */
export function startRegistry(system: ActorSystem): undefined {
  startDurable(system, REGISTRY_ADDRESS, () => new RegistryActor());
}

/** Starts what the lobby has in this host; returns what makes a session. */
export function startLobby(system: ActorSystem, settings: LobbySettings): MakeSession {
  startDurable(system, HALL_ADDRESS, () => new HallActor(settings.clientsMax));
  return (connection) => ({
    create: () => new LobbySession(settings, connection),
    supervision: STOP_ON_FAULT,
  });
}

/** Its fault escalates: only a lost host makes those who know who is present tell it again. */
function startDurable(system: ActorSystem, address: Address, create: () => DurableActor): void {
  if (hostIndexOf(address, system.hostCount) !== system.hostIndex) return;
  system.spawnRoot(address, { create, supervision: ESCALATE_FAULT, isDurable: true });
}
