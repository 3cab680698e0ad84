/** Gold in a host: the store of rates, if it lives here, and the sessions of its clients. */
import type { GoldSettings } from '../../src/protocol/host-task.ts';
import { STOP_ON_FAULT } from '../runtime/actor.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import type { MakeSession } from '../runtime/host.ts';
import { GoldSession } from './gold-session.ts';

export function startRates(_system: ActorSystem, _settings: GoldSettings): undefined {}

export function startGold(_system: ActorSystem, settings: GoldSettings): MakeSession {
  return (info) => ({ create: () => new GoldSession(settings, info), supervision: STOP_ON_FAULT });
}
