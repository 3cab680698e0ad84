/** The directory of users, for the commands on a data folder. */
import type { UsersSettings } from '../../src/protocol/host-task.ts';
import { ROLES, USERS_ADDRESS } from '../../src/protocol/users.ts';
import { userName } from '../../src/values/user-name.ts';
import type { StoredKind } from '../data/stored-kind.ts';
import {
  type Check,
  type FieldChecks,
  hasFields,
  isOneOf,
  isPositive,
  isText,
  isTime,
} from '../data/value-checks.ts';
import { valueKind } from '../data/value-kind.ts';
import type { UsersEvent } from './users.ts';
import { UsersActor } from './users-actor.ts';

/** It never gets a message. */
const SETTINGS: UsersSettings = {
  parameters: { N: 2, r: 1, p: 1 },
  usersMax: 0,
  isSignUpOpen: false,
  nameFailuresMax: 1,
  addressFailuresMax: 1,
  tokenMs: 1,
};

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
const EVENTS: Readonly<Record<UsersEvent['type'], FieldChecks>> = {
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
    isEvent: (value): value is UsersEvent => isOneOf(value, EVENTS),
  }),
];
