/**
 * Sessions of the gold service on hosts in one thread, with clients whose bytes are moved by hand (session-hosts.ts). The
 * directory of users and the store of rates are played by a few lines each.
 */
import {
  GOLD_SERVICE,
  type GoldAnswer,
  type GoldCommand,
  type GoldRow,
  RATES_ADDRESS,
} from '../../src/protocol/gold.ts';
import type { GoldSettings } from '../../src/protocol/host-task.ts';
import {
  type Admission,
  type From,
  REFUSALS,
  type SignedInUser,
  USERS_ADDRESS,
  type UserNotice,
  type UsersCommand,
} from '../../src/protocol/users.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { GoldSession } from '../../workers/gold/gold-session.ts';
import { type Actor, type Context, STOP_ON_FAULT } from '../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../workers/runtime/actor-system.ts';
import { SessionHosts } from './session-hosts.ts';

const SETTINGS: GoldSettings = {
  messageBytesMax: 256,
  isSignInAsked: true,
  refreshMs: 1_800_000,
  sources: [],
};

export const SJC: GoldRow = {
  company: 'SJC',
  brand: 'Hồ Chí Minh',
  type: 'SJC',
  code: 'SJC_HCM',
  buy: '82,500.00',
  sell: '84,500.00',
  updated: '2025-01-02 09:00:00',
  day: '2025-01-02',
  id: '1',
  buyVnd: 82_500_000,
  sellVnd: 84_500_000,
};

export function answerOf(rows: readonly GoldRow[], more: Partial<GoldAnswer> = {}): GoldAnswer {
  return { date: '2025-01-02', source: 'tygia', rows, timeMs: 0, ageMs: 0, isStale: false, ...more };
}

export interface GoldHostsOptions extends Partial<GoldSettings> {
  readonly hosts?: number;
  /** What the rates answer; undefined is no answer. */
  readonly rates?: (command: GoldCommand) => unknown;
}

export class GoldHosts extends SessionHosts {
  /** What each of the two was asked and told. */
  readonly usersAsked: UsersCommand[];
  readonly ratesAsked: GoldCommand[];
  /** Sign-ins are not answered meanwhile. */
  readonly directory: { isSilent: boolean; readonly passwords: Map<string, string> };

  constructor({ hosts = 1, rates = () => null, ...settings }: GoldHostsOptions = {}) {
    const usersAsked: UsersCommand[] = [];
    const ratesAsked: GoldCommand[] = [];
    const directory = { isSilent: false, passwords: new Map([['khtn', 'daihoc tphcm']]) };
    super({
      service: GOLD_SERVICE,
      localAddress: '127.0.0.1:8888',
      hosts,
      start: (system) => {
        play(system, USERS_ADDRESS, (message, context) => {
          usersAsked.push(message as UsersCommand);
          if (!directory.isSilent) answerUser(message as UsersCommand, directory.passwords, context);
        });
        play(system, RATES_ADDRESS, (message, context) => {
          ratesAsked.push(message as GoldCommand);
          const answer = rates(message as GoldCommand);
          if (answer !== undefined) context.reply(answer);
        });
        const all: GoldSettings = { ...SETTINGS, ...settings };
        return (info) => ({ create: () => new GoldSession(all, info), supervision: STOP_ON_FAULT });
      },
    });
    this.usersAsked = usersAsked;
    this.ratesAsked = ratesAsked;
    this.directory = directory;
  }

  addressOf(client: number): Address {
    return `${GOLD_SERVICE}/${client}` as Address;
  }

  /** Connects a client that speaks lines, and signs it in. */
  enter(client: number): void {
    this.open(client);
    this.send(client, '-signin\n', 'khtn daihoc tphcm\n');
    this.logged();
  }

  signOut(client: number, reason: string): string {
    const notice: UserNotice = { type: 'signed-out', reason };
    this.hosts.tell(this.addressOf(client), notice);
    return this.heard(client);
  }
}

/** An actor at the address, if it belongs to the host. */
function play(
  system: ActorSystem,
  address: Address,
  receive: (message: unknown, context: Context<unknown>) => void,
): void {
  if (hostIndexOf(address, system.hostCount) !== system.hostIndex) return;
  const actor: Actor = {
    receive: (message, context) => {
      receive(message, context);
      return undefined;
    },
  };
  system.spawnRoot(address, { create: () => actor, supervision: STOP_ON_FAULT });
}

function answerUser(command: UsersCommand, passwords: Map<string, string>, context: Context<unknown>): void {
  if (command.type === 'sign-in') {
    const isRight = passwords.get(command.name) === Buffer.from(command.password).toString();
    context.reply(isRight ? admit(command.name) : { ok: false, refusal: REFUSALS.denied });
  } else if (command.type === 'sign-up') {
    const isNew = !passwords.has(command.name);
    if (isNew) passwords.set(command.name, Buffer.from(command.password).toString());
    context.reply(isNew ? admit(command.name) : { ok: false, refusal: REFUSALS.exists(command.name) });
  } else if (command.type === 'attend') {
    const isKnown = command.epoch === EPOCH;
    context.reply(isKnown ? admit('khtn') : { ok: false, refusal: REFUSALS.signedOut });
    if (!isKnown) dismiss(command, context);
  }
}

const EPOCH = 3;

function admit(name: string): Admission {
  const user: SignedInUser = { id: 7, name, role: 'user', epoch: EPOCH };
  return { ok: true, user };
}

function dismiss({ session }: From, context: Context<unknown>): void {
  const notice: UserNotice = { type: 'signed-out', reason: 'the password was changed' };
  context.tell(context.refer(session), notice);
}
