/** The lobby's durable actors as the commands on a data folder see them. */
import { HALL_ADDRESS } from '../../src/protocol/lobby.ts';
import { REGISTRY_ADDRESS } from '../../src/protocol/registry.ts';
import type { StoredKind } from '../data/stored-kind.ts';
import {
  type Check,
  type FieldChecks,
  hasFields,
  isCount,
  isOneOf,
  isPositive,
  isRecord,
  isText,
  isTime,
} from '../data/value-checks.ts';
import { valueKind } from '../data/value-kind.ts';
import type { HallEvent } from './hall.ts';
import { HallActor } from './hall-actor.ts';
import type { RegistryEvent } from './registry.ts';
import { RegistryActor } from './registry-actor.ts';

const isCounts: Check = (value) => isRecord(value) && Object.values(value).every(isCount);

/** What each event has beside its type. */
const REGISTRY_EVENTS: Readonly<Record<RegistryEvent['type'], FieldChecks>> = {
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
  isEvent: (value): value is RegistryEvent => isOneOf(value, REGISTRY_EVENTS),
});

const hall = valueKind<HallEvent>({
  address: HALL_ADDRESS,
  name: 'the hall',
  create: () => new HallActor(0),
  isEvent: (value): value is HallEvent =>
    hasFields(value, { type: (type) => type === 'named', number: isPositive }),
});

export const STORED_LOBBY: readonly StoredKind[] = [registry, hall];
