/** The exchange in a host, if it lives there. */
import { EXCHANGE_ADDRESS } from '../../src/protocol/exchange.ts';
import type { ExchangeSettings } from '../../src/protocol/host-task.ts';
import { hostIndexOf } from '../../src/values/address.ts';
import { ESCALATE_FAULT } from '../runtime/actor.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import { ExchangeActor } from './exchange-actor.ts';

/** `secret`: a number that no client knows. */
export function startExchange(system: ActorSystem, settings: ExchangeSettings, secret: number): undefined {
  if (hostIndexOf(EXCHANGE_ADDRESS, system.hostCount) !== system.hostIndex) return;
  const options = { ...settings, isDurable: system.isDurable, secret };
  // Its state changes in place: an exchange that failed halfway is never a thing to go on from quietly.
  system.spawnRoot(EXCHANGE_ADDRESS, {
    create: () => new ExchangeActor(options),
    supervision: ESCALATE_FAULT,
    isDurable: true,
  });
}
