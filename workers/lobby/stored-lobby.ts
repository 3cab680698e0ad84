/** The lobby's durable actors as the commands on a data folder see them. */
import { HALL_ADDRESS } from '../../src/protocol/lobby.ts';
import { REGISTRY_ADDRESS } from '../../src/protocol/registry.ts';
import type { StoredKind } from '../data/stored-kind.ts';
import { valueKind } from '../data/value-kind.ts';
import type { HallEvent } from './hall.ts';
import { HallActor } from './hall-actor.ts';
import type { RegistryEvent } from './registry.ts';
import { RegistryActor } from './registry-actor.ts';

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isTime: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isPositive: Check = (value) => isCount(value) && value !== 0;
const isCounts: Check = (value) => isRecord(value) && Object.values(value).every(isCount);

/** What each event has beside its type. */
const REGISTRY_EVENTS: Readonly<Record<RegistryEvent['type'], Readonly<Record<string, Check>>>> = {
  opened: {
    number: isPositive,
    connection: isCount,
    service: isText,
    address: isText,
    user: isText,
    sinceMs: isTime,
  },
  named: { number: isPositive, user: isText },
  ended: { number: isPositive, untilMs: isTime, reason: isText },
  measured: {
    number: isPositive,
    figures: (value) =>
      hasFields(value, { bytesIn: isCount, bytesOut: isCount, frames: isCount, ignored: isCounts }),
  },
};

const registry = valueKind<RegistryEvent>({
  address: REGISTRY_ADDRESS,
  name: 'the registry',
  create: () => new RegistryActor(),
  isEvent(value): value is RegistryEvent {
    const { type } = isRecord(value) ? value : {};
    if (typeof type !== 'string' || !Object.hasOwn(REGISTRY_EVENTS, type)) return false;
    return hasFields(value, { type: isText, ...REGISTRY_EVENTS[type as RegistryEvent['type']] });
  },
});

const hall = valueKind<HallEvent>({
  address: HALL_ADDRESS,
  name: 'the hall',
  create: () => new HallActor(0),
  isEvent: (value): value is HallEvent =>
    hasFields(value, { type: (type) => type === 'named', number: isPositive }),
});

export const STORED_LOBBY: readonly StoredKind[] = [registry, hall];

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** It has these and no others. */
function hasFields(value: unknown, fields: Readonly<Record<string, Check>>): boolean {
  if (!isRecord(value) || Object.keys(value).length !== Object.keys(fields).length) return false;
  return Object.entries(fields).every(([name, check]) => check(value[name]));
}
