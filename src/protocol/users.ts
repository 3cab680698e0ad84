/**
 * What the directory of users is told and asked, and what it tells sessions; see workers/users/users-actor.ts.
 *
 * Invariant: a password is the UTF-8 bytes of its NFC text in a field called `password` or `newPassword`, since of those
 * nothing that is shown has more than the length.
 */
import { type Address, toAddress } from '../values/address.ts';
import type { ErrorCode } from '../values/errors.ts';
import { NAME_CHARACTERS_MAX, PASSWORD_BYTES_MAX } from '../values/user-name.ts';

export const USERS_ADDRESS: Address = toAddress('users/directory');

export const ROLES = ['user', 'operator'] as const;
export type Role = (typeof ROLES)[number];

export interface ScryptParameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

export interface PasswordHash {
  readonly parameters: ScryptParameters;
  /** 16 bytes. */
  readonly salt: Uint8Array;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** What a session knows of who is signed in; `epoch` rises when all must sign in again. */
export interface SignedInUser {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly epoch: number;
}

/** Who asks: the client's address without its port, the service, and the address of the session. */
export interface From {
  readonly address: string;
  readonly service: string;
  readonly session: Address;
}

export type UsersCommand =
  | ({ readonly type: 'sign-up'; readonly name: string; readonly password: Uint8Array } & From)
  | ({
      readonly type: 'sign-in';
      readonly name: string;
      readonly password: Uint8Array;
      readonly wantsToken: boolean;
    } & From)
  /** A client of the api comes again, with the token that it was given. */
  | ({ readonly type: 'resume'; readonly token: string } & From)
  /** Again, when the directory or the session was lost. */
  | ({ readonly type: 'attend'; readonly id: number; readonly epoch: number } & From)
  /** Ends this session, and its token. */
  | ({ readonly type: 'sign-out'; readonly token?: string } & From)
  /** Ends all other sessions. */
  | ({
      readonly type: 'change-password';
      readonly id: number;
      readonly password: Uint8Array;
      readonly newPassword: Uint8Array;
    } & From)
  | { readonly type: 'end-sessions'; readonly id: number; readonly except?: Address }
  | { readonly type: 'sessions'; readonly id: number }
  | OperatorUsersCommand;

/** By name; refused with ERR_USER_MISSING where there is none. */
export type OperatorUsersCommand =
  | { readonly type: 'list'; readonly filter?: string; readonly limit: number }
  | { readonly type: 'add'; readonly name: string; readonly password: Uint8Array; readonly role: Role }
  | { readonly type: 'set-password'; readonly name: string; readonly password: Uint8Array }
  | { readonly type: 'set-role'; readonly name: string; readonly role: Role }
  | { readonly type: 'set-disabled'; readonly name: string; readonly isDisabled: boolean }
  | { readonly type: 'end-all'; readonly name: string };

export interface UserSession {
  readonly service: string;
  readonly address: string;
  readonly sinceMs: number;
  /** Null if it ends with its connection. */
  readonly expiresMs: number | null;
  readonly isOpen: boolean;
}

export interface UserRow {
  readonly name: string;
  readonly role: Role;
  readonly isDisabled: boolean;
  readonly sinceMs: number;
  readonly lastMs: number | null;
  readonly sessions: number;
}

export interface UsersAnswers {
  readonly 'sign-up': Admission;
  readonly 'sign-in': Admission;
  readonly resume: Admission;
  readonly attend: Admission;
  readonly 'sign-out': null;
  readonly 'change-password': Admission;
  readonly 'end-sessions': { readonly ended: number };
  readonly sessions: readonly UserSession[];
  readonly list: { readonly users: readonly UserRow[]; readonly total: number };
  readonly add: Done;
  readonly 'set-password': Done;
  readonly 'set-role': Done;
  readonly 'set-disabled': Done;
  readonly 'end-all': Done;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** After so long it is worth trying again. */
  readonly waitMs?: number;
}

export type Admission =
  | { readonly ok: true; readonly user: SignedInUser; readonly token?: string; readonly expiresMs?: number }
  | { readonly ok: false; readonly refusal: Refusal };

export type Done =
  | { readonly ok: true; readonly ended: number }
  | { readonly ok: false; readonly refusal: Refusal };

/** To a session: its user was signed out elsewhere, disabled, or has another password. */
export interface UserNotice {
  readonly type: 'signed-out';
  readonly reason: string;
}

/** Everything that is refused, as people read it. */
export const REFUSALS = {
  /** Of a name that nobody has, a wrong password and a disabled user alike. */
  denied: { code: 'ERR_USER_DENIED', message: 'the user name or the password is wrong' },
  exists: (name: string): Refusal => ({
    code: 'ERR_USER_EXISTS',
    message: `the account ${name} already exists`,
  }),
  name: {
    code: 'ERR_USER_NAME',
    message: `a user name is 1 to ${NAME_CHARACTERS_MAX} printable characters without white space`,
  },
  password: { code: 'ERR_USER_PASSWORD', message: `a password is 1 to ${PASSWORD_BYTES_MAX} bytes` },
  wait: (waitMs: number): Refusal => ({
    code: 'ERR_USER_LIMIT',
    message: `too many wrong attempts: try again in ${Math.ceil(waitMs / 1000)} s`,
    waitMs,
  }),
  /** Accounts from one address come slower and slower, whoever makes them. */
  tooManyAccounts: (waitMs: number): Refusal => ({
    code: 'ERR_USER_LIMIT',
    message: `too many accounts or wrong attempts from this address: try again in ${Math.ceil(waitMs / 1000)} s`,
    waitMs,
  }),
  busy: { code: 'ERR_API_LIMIT', message: 'the server is busy: try again later' },
  closed: { code: 'ERR_USER_SIGN_UP', message: 'signing up is off; ask the operator' },
  full: { code: 'ERR_USER_LIMIT', message: 'there is no room for more accounts' },
  token: { code: 'ERR_USER_TOKEN', message: 'the token is not known any more; sign in again' },
  signedOut: {
    code: 'ERR_USER_SIGNED_OUT',
    message: 'nobody is signed in over this connection; sign in first',
  },
  missing: (name: string): Refusal => ({ code: 'ERR_USER_MISSING', message: `there is no account ${name}` }),
} as const satisfies Readonly<Record<string, Refusal | ((value: never) => Refusal)>>;
