/** How a session has its client sign in, and knows who it is. */
import type { Admission, From, SignedInUser, UserNotice, UsersCommand } from '../../src/protocol/users.ts';
import type { Address } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { Answer } from '../runtime/actor.ts';

/** What a session does for it. */
export interface SignInHost {
  ask(
    address: Address,
    command: UsersCommand,
    timeoutMs: number,
    then: (answer: Answer<Admission>) => void,
  ): void;
  watch(address: Address, message: { readonly type: 'directory-lost' }): void;
}

type Then = (admission: Admission) => void;

export class SignIn {
  constructor(_host: SignInHost, _from: From) {}

  get user(): SignedInUser | undefined {
    return undefined;
  }

  signIn(_name: string, _password: string, _then: Then, _wantsToken = false): void {
    throw unfinished();
  }

  signUp(_name: string, _password: string, _then: Then): void {
    throw unfinished();
  }

  attend(_id: number, _epoch: number, _then: Then): void {
    throw unfinished();
  }

  resume(_token: string, _then: Then): void {
    throw unfinished();
  }

  signOut(_token?: string): void {
    throw unfinished();
  }

  onDirectoryLost(): void {
    throw unfinished();
  }

  onNotice(_notice: UserNotice): void {
    throw unfinished();
  }
}

function unfinished(): OutcryError {
  return new OutcryError('ERR_UNEXPECTED', 'nobody can sign in yet');
}
