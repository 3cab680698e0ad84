/** Gold in a host: the store of rates, if it lives here, and the sessions of its clients. */
import { RATES_ADDRESS } from '../../src/protocol/gold.ts';
import type { GoldSettings } from '../../src/protocol/host-task.ts';
import { hostIndexOf } from '../../src/values/address.ts';
import { ESCALATE_FAULT, STOP_ON_FAULT } from '../runtime/actor.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import type { MakeSession } from '../runtime/host.ts';
import { GoldActor } from './gold-actor.ts';
import { GoldSession } from './gold-session.ts';

/** Its fault escalates: only a lost host makes those who watch rates say it again. */
export function startRates(system: ActorSystem, settings: GoldSettings): undefined {
  if (hostIndexOf(RATES_ADDRESS, system.hostCount) !== system.hostIndex) return;
  const create = () => new GoldActor(settings);
  system.spawnRoot(RATES_ADDRESS, { create, supervision: ESCALATE_FAULT, isDurable: true });
}

export function startGold(_system: ActorSystem, settings: GoldSettings): MakeSession {
  return (info) => ({ create: () => new GoldSession(settings, info), supervision: STOP_ON_FAULT });
}
