/** The operations of users: who signs in over the connection is its session's, the directory has the accounts. */
import type { UserInfo } from '../../src/protocol/api/frames.ts';
import type { OperationName } from '../../src/protocol/api/operations.ts';
import {
  type Admission,
  type OperatorUsersCommand,
  REFUSALS,
  type Refusal,
  type SignedInUser,
  USERS_ADDRESS,
  type UsersAnswers,
  type UsersCommand,
} from '../../src/protocol/users.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { passwordBytes, userName } from '../../src/values/user-name.ts';
import type { Call, Handlers } from './call.ts';

type UsersOperation = Extract<OperationName, `users.${string}` | `admin.user${string}`>;
type Admitting = Call<'users.sign-up' | 'users.sign-in' | 'users.change-password'>;
/** What operators do to a user. */
type Governing = Exclude<OperatorUsersCommand, { readonly type: 'list' }>;

const USERS_LIMIT = 100;

export function usersOperations(): Handlers<UsersOperation> {
  return {
    'users.sign-up': (call) => {
      const { name, password } = call.takeParams();
      call.session.signIn.signUp(name, password, admitting(call));
    },
    'users.sign-in': (call) => {
      const { name, password } = call.takeParams();
      call.session.signIn.signIn(name, password, admitting(call), true);
    },
    'users.sign-out': (call) => {
      const { id } = userOf(call);
      call.session.signOut();
      // Its answer comes behind the sign-out: the token is worth nothing then, whatever breaks.
      ask(call, { type: 'sessions', id }, () => call.reply({}));
    },
    'users.sign-out-everywhere': (call) =>
      ask(call, { type: 'end-sessions', id: userOf(call).id }, (ended) => call.reply(ended)),
    'users.change-password': (call) => {
      const { password, newPassword } = call.takeParams();
      call.session.signIn.changePassword(password, newPassword, admitting(call));
    },
    'users.sessions': (call) =>
      ask(call, { type: 'sessions', id: userOf(call).id }, (sessions) => call.reply(sessions)),
    'users.me': (call) => {
      const { user } = call.session.signIn;
      call.reply(user === undefined ? null : toUserInfo(user));
    },
    'admin.users': (call) => {
      const { limit = USERS_LIMIT, filter = '' } = call.params;
      ask(call, { type: 'list', filter, limit }, (list) => call.reply(list));
    },
    'admin.user-add': (call) => {
      const { role = 'user', ...credentials } = call.takeParams();
      const command: Governing = { type: 'add', ...checked(credentials), role };
      govern(call, command, `makes an account of the role ${role} for`, () => call.reply({}));
    },
    'admin.user-password': (call) => {
      const command: Governing = { type: 'set-password', ...checked(call.takeParams()) };
      govern(call, command, 'changes the password of', (ended) => call.reply({ ended }));
    },
    'admin.user-role': (call) => {
      const { name, role } = call.params;
      govern(call, { type: 'set-role', name, role }, `gives the role ${role} to`, (ended) =>
        call.reply({ ended }),
      );
    },
    'admin.user-disable': (call) => {
      const command: Governing = { type: 'set-disabled', name: call.params.name, isDisabled: true };
      govern(call, command, 'disables', (ended) => call.reply({ ended }));
    },
    'admin.user-enable': (call) => {
      const command: Governing = { type: 'set-disabled', name: call.params.name, isDisabled: false };
      govern(call, command, 'enables', () => call.reply({}));
    },
    'admin.user-sign-out': (call) => {
      const command: Governing = { type: 'end-all', name: call.params.name };
      govern(call, command, 'signs out', (ended) => call.reply({ ended }));
    },
  };
}

export function toUserInfo({ name, role }: SignedInUser): UserInfo {
  return { name, role };
}

export function refusalError({ code, message, waitMs }: Refusal): OutcryError {
  return new OutcryError(code, message, waitMs === undefined ? {} : { fields: { waitMs } });
}

/** Throws if nobody is signed in. */
function userOf(call: Call<never> | Call): SignedInUser {
  const { user } = call.session.signIn;
  if (user === undefined) throw refusalError(REFUSALS.signedOut);
  return user;
}

/** Who was let in is signed in even if the call is over by then: the directory counts him. */
function admitting(call: Admitting): (admission: Admission) => void {
  return (admission) => {
    if (!admission.ok) {
      if (!call.isOver) call.fail(refusalError(admission.refusal));
      return;
    }
    const { user, token, expiresMs } = admission;
    if (token === undefined || expiresMs === undefined)
      throw new TypeError('who signs in over the api gets a token');
    call.session.signedIn(token);
    if (!call.isOver) call.reply({ user: toUserInfo(user), token, expiresMs });
  };
}

/** Throws what is wrong with them. */
function checked(credentials: { readonly name: string; readonly password: string }): {
  readonly name: string;
  readonly password: Uint8Array;
} {
  const name = userName(credentials.name);
  if (name === undefined) throw refusalError(REFUSALS.name);
  const password = passwordBytes(credentials.password);
  if (password === undefined) throw refusalError(REFUSALS.password);
  return { name, password };
}

function ask<T extends keyof UsersAnswers>(
  call: Call<never> | Call,
  command: UsersCommand & { readonly type: T },
  then: (answer: UsersAnswers[T]) => void,
): void {
  call.ask<UsersAnswers[T]>(USERS_ADDRESS, command, then);
}

/** `does` is for the log of the server, ahead of the user's name; `reply` gets how many sessions it has ended. */
function govern(
  call: Call<never> | Call,
  command: Governing,
  does: string,
  reply: (ended: number) => void,
): void {
  ask(call, command, (done) => {
    if (!done.ok) {
      call.fail(refusalError(done.refusal));
      return;
    }
    call.session.log('warn', `an operator ${does} ${printable(command.name)}`);
    reply(done.ended);
  });
}
