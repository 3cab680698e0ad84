/** The directory of users in a host, if it lives here. */
import type { UsersSettings } from '../../src/protocol/host-task.ts';
import { USERS_ADDRESS } from '../../src/protocol/users.ts';
import { hostIndexOf } from '../../src/values/address.ts';
import { ESCALATE_FAULT } from '../runtime/actor.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import { UsersActor } from './users-actor.ts';

/** Its fault escalates: only a lost host makes sessions tell again whose clients they have. */
export function startUsers(system: ActorSystem, settings: UsersSettings): undefined {
  if (hostIndexOf(USERS_ADDRESS, system.hostCount) !== system.hostIndex) return;
  const create = () => new UsersActor(settings);
  system.spawnRoot(USERS_ADDRESS, { create, supervision: ESCALATE_FAULT, isDurable: true });
}
