/** The directory of users, played by a few lines: for sessions that sign their clients in. */
import {
  type Admission,
  type From,
  REFUSALS,
  USERS_ADDRESS,
  type UserNotice,
  type UsersCommand,
} from '../../src/protocol/users.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { type Context, STOP_ON_FAULT } from '../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../workers/runtime/actor-system.ts';
import { reacting } from './actors.ts';

const EPOCH = 3;

export class PlayedUsers {
  readonly asked: UsersCommand[] = [];
  readonly passwords = new Map([['khtn', 'daihoc tphcm']]);
  /** Nothing is answered meanwhile. */
  isSilent = false;

  /** Plays in the host, if it is the directory's. */
  start(system: ActorSystem): void {
    play(system, USERS_ADDRESS, (message, context) => {
      this.asked.push(message as UsersCommand);
      if (!this.isSilent) this.#answer(message as UsersCommand, context);
    });
  }

  #answer(command: UsersCommand, context: Context<unknown>): void {
    if (command.type === 'sign-in') {
      const isRight = this.passwords.get(command.name) === textOf(command.password);
      context.reply(isRight ? admit(command.name) : { ok: false, refusal: REFUSALS.denied });
    } else if (command.type === 'sign-up') {
      const isNew = !this.passwords.has(command.name);
      if (isNew) this.passwords.set(command.name, textOf(command.password));
      context.reply(isNew ? admit(command.name) : { ok: false, refusal: REFUSALS.exists(command.name) });
    } else if (command.type === 'attend') {
      const isKnown = command.epoch === EPOCH;
      context.reply(isKnown ? admit('khtn') : { ok: false, refusal: REFUSALS.signedOut });
      if (!isKnown) dismiss(command, context);
    }
  }
}

/** An actor at the address, if it belongs to the host. */
export function play(
  system: ActorSystem,
  address: Address,
  receive: (message: unknown, context: Context<unknown>) => void,
): void {
  if (hostIndexOf(address, system.hostCount) !== system.hostIndex) return;
  system.spawnRoot(address, reacting(receive, STOP_ON_FAULT));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function admit(name: string): Admission {
  return { ok: true, user: { id: 7, name, role: 'user', epoch: EPOCH } };
}

function dismiss({ session }: From, context: Context<unknown>): void {
  const notice: UserNotice = { type: 'signed-out', reason: 'the password was changed' };
  context.tell(context.refer(session), notice);
}
