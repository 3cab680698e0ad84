/** The directory of users, for the commands on a data folder. */
import type { UsersSettings } from '../../src/protocol/host-task.ts';
import { ROLES, USERS_ADDRESS } from '../../src/protocol/users.ts';
import { userName } from '../../src/values/user-name.ts';
import type { StoredKind } from '../data/stored-kind.ts';
import { valueKind } from '../data/value-kind.ts';
import type { UsersEvent } from './users.ts';
import { UsersActor } from './users-actor.ts';

type Check = (value: unknown) => boolean;
type Checks = Readonly<Record<string, Check>>;

/** It never gets a message. */
const SETTINGS: UsersSettings = {
  parameters: { N: 2, r: 1, p: 1 },
  usersMax: 0,
  isSignUpOpen: false,
  nameFailuresMax: 1,
  addressFailuresMax: 1,
  tokenMs: 1,
};

const isText: Check = (value) => typeof value === 'string';
const isTime: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isPositive: Check = (value) => Number.isSafeInteger(value) && (value as number) > 0;
const isRole: Check = (value) => (ROLES as readonly unknown[]).includes(value);
const isName: Check = (value) => typeof value === 'string' && userName(value) === value;
const isTokenHash: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isBase64 =
  (bytes: number): Check =>
  (value) =>
    typeof value === 'string' && Buffer.from(value, 'base64').length === bytes;
const isPasswordHash: Check = (value) =>
  hasFields(value, {
    parameters: (parameters) => hasFields(parameters, { N: isPositive, r: isPositive, p: isPositive }),
    salt: isBase64(16),
    hash: isBase64(32),
  });

/** What each event has beside its type. */
const EVENTS: Readonly<Record<UsersEvent['type'], Checks>> = {
  created: { id: isPositive, name: isName, role: isRole, hash: isPasswordHash, timeMs: isTime },
  rehashed: { id: isPositive, hash: isPasswordHash },
  'password-changed': { id: isPositive, hash: isPasswordHash },
  'role-changed': { id: isPositive, role: isRole },
  disabled: { id: isPositive },
  enabled: { id: isPositive },
  'sessions-ended': { id: isPositive },
  'token-opened': {
    id: isPositive,
    hash: isTokenHash,
    service: isText,
    address: isText,
    timeMs: isTime,
    expiresMs: isTime,
  },
  'token-ended': { hash: isTokenHash },
  seen: { id: isPositive, timeMs: isTime },
};

export const STORED_USERS: readonly StoredKind[] = [
  valueKind<UsersEvent>({
    address: USERS_ADDRESS,
    name: 'the directory of users',
    create: () => new UsersActor(SETTINGS),
    isEvent(value): value is UsersEvent {
      const { type } = isRecord(value) ? value : {};
      if (typeof type !== 'string' || !Object.hasOwn(EVENTS, type)) return false;
      return hasFields(value, { type: isText, ...EVENTS[type as UsersEvent['type']] });
    },
  }),
];

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** It has these and no others. */
function hasFields(value: unknown, fields: Checks): boolean {
  if (!isRecord(value) || Object.keys(value).length !== Object.keys(fields).length) return false;
  return Object.entries(fields).every(([name, check]) => check(value[name]));
}
