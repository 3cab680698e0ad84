/** The lobby in a host: the registry and the hall, if they live here, and the sessions of its clients. */
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

/** Starts what the lobby has in this host; returns what makes a session. */
export function startLobby(system: ActorSystem, settings: LobbySettings): MakeSession {
  // Only a lost host makes those who know who is present tell it again.
  const start = (address: Address, create: () => DurableActor) => {
    if (hostIndexOf(address, system.hostCount) !== system.hostIndex) return;
    system.spawnRoot(address, { create, supervision: ESCALATE_FAULT, isDurable: true });
  };
  start(REGISTRY_ADDRESS, () => new RegistryActor());
  start(HALL_ADDRESS, () => new HallActor(settings.clientsMax));
  return (connection) => ({
    create: () => new LobbySession(settings, connection),
    supervision: STOP_ON_FAULT,
  });
}
