/**
 * `outcry admin users …`: the users of a running server.
 *
 * Invariant: a password is never an argument and is never shown, even where the command line is wrong: it is asked for on
 * a terminal, or is the first line of standard input.
 */
import { type Command, Option } from 'commander';
import { argumentsOf, parseFlags } from '../../src/protocol/command-line.ts';
import { REFUSALS, ROLES, type Role, type UserRow } from '../../src/protocol/users.ts';
import { type Column, formatRows, type Look } from '../../src/values/columns.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { formatCount, formatLocalTime } from '../../src/values/readable.ts';
import { passwordBytes, userName } from '../../src/values/user-name.ts';
import type { Client, UserList } from '../index.ts';
import { addShowFlags, limitOf, missing, serverFlags, show, tell } from './admin-command.ts';
import { formatNumber } from './admin-text.ts';
import { EXIT_DONE } from './failure.ts';
import { readFirstLine, readSecret } from './hidden-input.ts';
import { formatImported, readUserLines, UsersImport } from './users-import.ts';

const USERS_MAX = 10_000;

const PASSWORD_NOTE = `
The password is asked for twice on a terminal, and not shown; elsewhere it is
the first line of standard input. It is never an argument.
`;

const LIST_EXAMPLES = `
Examples:
  outcry admin users                 the first 100, as they were made
  outcry admin users --filter kh     those with kh in their name
  outcry admin users add khtn        add, password, role, disable, enable,
  outcry admin users add --help      sign-out, import: each has a --help
`;

export async function list(args: readonly string[]): Promise<number> {
  const flags = addShowFlags(
    serverFlags({
      name: 'outcry admin users',
      usage: '[--filter TEXT] [--watch [SECONDS]] [flags]',
      summary: 'List the users. In exports (outcry data export) there are the hashes of their passwords.',
    }),
  )
    .option('--filter <text>', 'only those with this in their name')
    .option('--limit <n>', 'so many at most', '100')
    .addHelpText('after', LIST_EXAMPLES);
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const { filter, limit } = flags.opts<{ filter?: string; limit: string }>();
  const params = { filter, limit: limitOf(limit, USERS_MAX) };
  return show(flags, ({ admin }, options) => admin.users(params, options), formatUsers);
}

function formatUsers({ users, total }: UserList, look: Look): string {
  if (users.length === 0) return 'no such users\n';
  const count =
    users.length < total
      ? `${formatCount(users.length)} of ${formatNumber(total, 'user')}; --limit shows more`
      : formatNumber(total, 'user');
  return `${formatRows(users, COLUMNS, look)}${count}\n`;
}

const COLUMNS: readonly Column<UserRow>[] = [
  { head: 'name', cell: ({ name }) => name, cutTo: 20 },
  { head: 'role', cell: ({ role }) => role },
  { head: 'state', cell: ({ isDisabled }) => (isDisabled ? 'disabled' : '-') },
  { head: 'since', cell: ({ sinceMs }) => formatLocalTime(sinceMs).slice(0, 16), align: 'right', spare: 1 },
  { head: 'sessions', cell: ({ sessions }) => formatCount(sessions), align: 'right' },
];

const A_ROLE: Readonly<Record<Role, string>> = { user: 'a user', operator: 'an operator' };

const ADD_EXAMPLES = `${PASSWORD_NOTE}
Examples:
  outcry admin users add khtn
  outcry admin users add minh --role operator < password.txt
`;

export async function add(args: readonly string[]): Promise<number> {
  const flags = userFlags('add', 'NAME [--role ROLE]', 'Make a user.', ADD_EXAMPLES).addOption(
    new Option('--role <role>', 'what the user may do').choices(ROLES).default('user'),
  );
  const name = parseNameAlone(flags, args);
  if (name === undefined) return EXIT_DONE;
  const { role } = flags.opts<{ role: Role }>();
  const password = await readNewPassword();
  const ask = async ({ admin }: Client) => {
    await admin.addUser(name, password, role);
    return { name, role };
  };
  return tell(flags, ask, { text: () => `${name} is ${A_ROLE[role]}` });
}

const PASSWORD_EXAMPLES = `${PASSWORD_NOTE}
Examples:
  outcry admin users password khtn
  outcry admin users password khtn < password.txt
`;

export async function password(args: readonly string[]): Promise<number> {
  const summary = 'Give a user another password, and end all sessions of the user.';
  const flags = userFlags('password', 'NAME', summary, PASSWORD_EXAMPLES);
  const name = parseNameAlone(flags, args);
  if (name === undefined) return EXIT_DONE;
  const newPassword = await readNewPassword();
  return tellOf(flags, name, 'has a new password', ({ admin }) => admin.setUserPassword(name, newPassword));
}

const ROLE_EXAMPLES = `
Examples:
  outcry admin users role khtn operator
  outcry admin users role khtn user
`;

export async function role(args: readonly string[]): Promise<number> {
  const summary = 'Make a user an operator, or an operator a user, and end all sessions of the user.';
  const flags = userFlags('role', 'NAME user|operator', summary, ROLE_EXAMPLES);
  const name = parseName(flags, args, 2);
  if (name === undefined) return EXIT_DONE;
  const [, word] = flags.args;
  if (word === undefined) throw missing(flags);
  const wanted = ROLES.find((known) => known === word);
  if (wanted === undefined) {
    throw new OutcryError('ERR_USAGE', `"${word}" is no role; there are ${ROLES.join(' and ')}`);
  }
  return tellOf(flags, name, `is ${A_ROLE[wanted]}`, ({ admin }) => admin.setUserRole(name, wanted));
}

export async function disable(args: readonly string[]): Promise<number> {
  const summary = 'Keep a user out: all sessions end, and nobody can sign in by that name.';
  const flags = userFlags('disable', 'NAME', summary, exampleOf('disable khtn'));
  const name = parseName(flags, args);
  if (name === undefined) return EXIT_DONE;
  return tellOf(flags, name, 'is disabled', ({ admin }) => admin.disableUser(name));
}

export async function enable(args: readonly string[]): Promise<number> {
  const flags = userFlags('enable', 'NAME', 'Let a user in again.', exampleOf('enable khtn'));
  const name = parseName(flags, args);
  if (name === undefined) return EXIT_DONE;
  const ask = async ({ admin }: Client) => {
    await ofUser(admin.enableUser(name));
    return { name };
  };
  return tell(flags, ask, { text: () => `${name} may sign in again` });
}

export async function signOut(args: readonly string[]): Promise<number> {
  const flags = userFlags('sign-out', 'NAME', 'End all sessions of a user.', exampleOf('sign-out khtn'));
  const name = parseName(flags, args);
  if (name === undefined) return EXIT_DONE;
  const ask = async ({ admin }: Client) => ({ name, ended: await ofUser(admin.signUserOut(name)) });
  return tell(flags, ask, { text: ({ ended }) => `${formatNumber(ended, 'session')} of ${name} ended` });
}

const IMPORT_EXAMPLES = `
A line is a name and a password, with a blank or a comma between them. Who is
there already keeps the password. The exit code is 1 if a line is wrong.

Examples:
  outcry admin users import user_management.txt
`;

export async function importUsers(args: readonly string[]): Promise<number> {
  const flags = userFlags('import', 'FILE', 'Make users of a file of names and passwords.', IMPORT_EXAMPLES);
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const [file] = argumentsOf(flags, 1);
  if (file === undefined) throw missing(flags);
  const lines = await readUserLines(file);
  return tell(flags, ({ admin }) => new UsersImport(admin).run(lines), {
    text: formatImported,
    isDone: ({ wrong }) => wrong.length === 0,
  });
}

function exampleOf(words: string): string {
  return `\nExample:\n  outcry admin users ${words}\n`;
}

function userFlags(command: string, usage: string, summary: string, help: string): Command {
  const name = `outcry admin users ${command}`;
  return serverFlags({ name, usage: `${usage} [flags]`, summary }).addHelpText('after', help);
}

/** The first of `max` words; undefined if help was asked for and printed. */
function parseName(flags: Command, args: readonly string[], max = 1): string | undefined {
  if (parseFlags(flags, args) === 'help') return undefined;
  return nameOf(flags, argumentsOf(flags, max));
}

/** As above, of a command that asks for a password: what is too much may be one, so no message repeats it. */
function parseNameAlone(flags: Command, args: readonly string[]): string | undefined {
  if (parseFlags(flags.allowUnknownOption(), args) === 'help') return undefined;
  const words = flags.args;
  const hasFlag = !args.includes('--') && words.some((word) => word.startsWith('-'));
  if (words.length <= 1 && !hasFlag) return nameOf(flags, words);
  const message = `usage: ${flags.name()} ${flags.usage()}; a password is no argument, it is asked for`;
  throw new OutcryError('ERR_USAGE', message);
}

function nameOf(flags: Command, [name]: readonly string[]): string {
  if (name === undefined) throw missing(flags);
  if (userName(name) !== undefined) return name;
  throw new OutcryError('ERR_USER_NAME', `NAME is none: ${REFUSALS.name.message}`);
}

async function readNewPassword(): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return checkPassword(await readFirstLine(stdin));
  const password = checkPassword(await readSecret('Password: ', stdin, stderr));
  if ((await readSecret('Again: ', stdin, stderr)) === password) return password;
  throw new OutcryError('ERR_USER_PASSWORD', 'these were two passwords; nothing is done');
}

function checkPassword(password: string): string {
  if (passwordBytes(password) !== undefined) return password;
  throw new OutcryError('ERR_USER_PASSWORD', `${REFUSALS.password.message}; nothing is done`);
}

/** Says what became of the user, and how many of the user's sessions have ended with it. */
function tellOf(
  flags: Command,
  name: string,
  what: string,
  ask: (client: Client) => Promise<number>,
): Promise<number> {
  return tell(flags, async (client) => ({ name, ended: await ofUser(ask(client)) }), {
    text: ({ ended }) => `${name} ${what}${ended > 0 ? `; ${formatNumber(ended, 'session')} ended` : ''}`,
  });
}

/** The error for a name that nobody has says how to find the right one. */
async function ofUser<Reply>(asked: Promise<Reply>): Promise<Reply> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof OutcryError) || error.code !== 'ERR_USER_MISSING') throw error;
    throw new OutcryError(error.code, `${error.message}; outcry admin users lists them`, { cause: error });
  }
}
