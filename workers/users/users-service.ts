/** The directory of users in a host, if it lives here. */
import type { UsersSettings } from '../../src/protocol/host-task.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';

export function startUsers(_system: ActorSystem, _settings: UsersSettings): undefined {}
