/** As whom each client of each input logs in. */
import { encodeClientPacket, foldCase } from '../../src/protocol/soupbintcp/packets.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import type { Login } from './door.ts';
import type { Survey } from './read.ts';

export interface LoginOptions {
  readonly users: readonly string[];
  readonly password: string;
  readonly session?: string | undefined;
  readonly sequence?: number | undefined;
}

/** Stands for a number in a name. */
const NUMBER = '#';

/**
 * A map by client for each of the inputs. A user of two inputs would take his own connection over, so that throws ERR_USAGE,
 * and so do too few users, and what no login has room for.
 */
export function loginsOf(
  surveys: readonly Survey[],
  options: LoginOptions,
): readonly ReadonlyMap<string, Login>[] {
  const { session = '', sequence } = options;
  const given = surveys.map(givenUsers);
  const taken = takenUsers(given);
  const names = namesOf(options.users, taken);
  return surveys.map((survey, i) => {
    const logins = new Map<string, Login>();
    for (const client of survey.clients) {
      if (survey.target(client, survey.header).isRaw) continue;
      const user = given[i]?.get(client) ?? names.next().value ?? '';
      const password = survey.header.clients?.[client]?.password ?? options.password;
      logins.set(client, checked({ user, password, session, sequence }));
    }
    return logins;
  });
}

/** Those that the input names, by client. */
function givenUsers({ clients, header, target }: Survey): Map<string, string> {
  const users = new Map<string, string>();
  for (const client of clients) {
    if (target(client, header).isRaw) continue;
    const hint = header.clients?.[client];
    const user = hint?.user ?? (header.isRecorded && hint === undefined ? client : undefined);
    if (user !== undefined) users.set(client, user);
  }
  return users;
}

/** One input may name a user twice: it may be about what happens then. */
function takenUsers(given: readonly ReadonlyMap<string, string>[]): Set<string> {
  const taken = new Set<string>();
  for (const users of given) {
    const own = new Set([...users.values()].map(foldCase));
    for (const user of own) {
      if (taken.has(user)) throw twice(user);
      taken.add(user);
    }
  }
  return taken;
}

function* namesOf(patterns: readonly string[], taken: Set<string>): Generator<string, never, undefined> {
  for (let i = 0, number = 0; ; i++) {
    const pattern = patterns[Math.min(i, patterns.length - 1)] ?? '';
    const isNumbered = pattern.includes(NUMBER);
    if (i >= patterns.length && !isNumbered) {
      const message = `more clients log in than there are users (${patterns.join(', ')}); a ${NUMBER} in the last one stands for a number`;
      throw new OutcryError('ERR_USAGE', message);
    }
    let name = pattern.replaceAll(NUMBER, String(number++));
    while (isNumbered && taken.has(foldCase(name))) name = pattern.replaceAll(NUMBER, String(number++));
    if (taken.has(foldCase(name))) throw twice(name);
    taken.add(foldCase(name));
    yield name;
  }
}

function twice(user: string): OutcryError {
  return new OutcryError('ERR_USAGE', `user ${user} is there twice; a user has one connection at a time`);
}

function checked(login: Login): Login {
  const { session: requestedSession, sequence = 0, ...credentials } = login;
  try {
    encodeClientPacket({ type: 'login-request', ...credentials, requestedSession, sequence });
  } catch (cause) {
    throw new OutcryError('ERR_USAGE', `${login.user} can not log in: ${messageOf(cause)}`, { cause });
  }
  return login;
}
