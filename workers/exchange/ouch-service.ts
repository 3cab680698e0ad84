/** The doors of the exchange in a host: the sessions of those who trade. */
import { EXCHANGE_ADDRESS, type ExchangeCommand } from '../../src/protocol/exchange.ts';
import type { OuchRawSettings, OuchSettings } from '../../src/protocol/host-task.ts';
import { STOP_ON_FAULT } from '../runtime/actor.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import type { MakeSession } from '../runtime/host.ts';
import { RawSession } from './raw-session.ts';
import { SoupbinSession } from './soupbin-session.ts';

export function startOuch(system: ActorSystem, settings: OuchSettings): MakeSession {
  const exchange = system.refer<ExchangeCommand>(EXCHANGE_ADDRESS);
  return (info) => ({
    create: () => new SoupbinSession(settings, exchange, info),
    supervision: STOP_ON_FAULT,
  });
}

export function startOuchRaw(system: ActorSystem, settings: OuchRawSettings): MakeSession {
  const exchange = system.refer<ExchangeCommand>(EXCHANGE_ADDRESS);
  return (info) => ({
    create: () => new RawSession(settings, exchange, info),
    supervision: STOP_ON_FAULT,
  });
}
