#!/usr/bin/env node
/**
 * The `outcry` command: finds the command that the words name, loads its module and runs it.
 *
 * Invariant: this file imports nothing heavy; a command pays only for what it uses, and a server command is deaf
 * to signals only for as long as Node itself takes to start.
 * Server commands live with the server and are known here by URL alone.
 */
import { rememberSignals } from '../../src/values/early-signals.ts';

export interface Command {
  readonly path: readonly string[];
  readonly summary: string;
  /** A server handles signals itself and goes on when nobody reads its output; a client just ends. */
  readonly kind: 'server' | 'client';
  readonly module: URL;
  /** The function that the module exports for it; `run` if it has only one. */
  readonly runs?: string;
}

/** What a command's module exports, by name; it owns its flags and resolves to the exit code. */
export type CommandModule = Readonly<Record<string, (args: readonly string[]) => Promise<number>>>;

/** All but imports may be used beside a server. */
const DATA_MODULE = new URL('../../src/commands/data.js', import.meta.url);

const ADMIN_MODULE = new URL('./admin.js', import.meta.url);

const EXCHANGE_MODULE = new URL('./admin-exchange.js', import.meta.url);

const USERS_MODULE = new URL('./admin-users.js', import.meta.url);

const COMMANDS: readonly Command[] = [
  {
    path: ['serve'],
    summary: 'run every service until SIGINT or SIGTERM',
    kind: 'server',
    module: new URL('../../src/commands/serve.js', import.meta.url),
  },
  {
    path: ['bank', 'serve'],
    summary: 'serve bank transactions; SIGINT writes log.txt and ends',
    kind: 'server',
    module: new URL('../../src/commands/bank-serve.js', import.meta.url),
  },
  {
    path: ['bank', 'send'],
    summary: 'send files of bank transactions to a server, all at once',
    kind: 'client',
    module: new URL('./bank-send.js', import.meta.url),
  },
  {
    path: ['ouch', 'serve'],
    summary: 'serve orders from memory; print the book every second',
    kind: 'server',
    module: new URL('../../src/commands/ouch-serve.js', import.meta.url),
  },
  {
    path: ['ouch', 'replay'],
    summary: 'play test inputs to an exchange, and check its replies',
    kind: 'client',
    module: new URL('./ouch-replay.js', import.meta.url),
  },
  {
    path: ['ouch', 'record'],
    summary: 'write what passes to and from an exchange as a test input',
    kind: 'client',
    module: new URL('./ouch-record.js', import.meta.url),
  },
  {
    path: ['ouch', 'enter'],
    summary: 'enter, replace and cancel orders by prompts',
    kind: 'client',
    module: new URL('./ouch-enter.js', import.meta.url),
  },
  {
    path: ['ouch', 'send'],
    summary: 'enter one order',
    kind: 'client',
    module: new URL('./ouch-send.js', import.meta.url),
  },
  {
    path: ['data', 'verify'],
    summary: 'check everything in a data folder',
    kind: 'client',
    module: DATA_MODULE,
    runs: 'verify',
  },
  {
    path: ['data', 'stats'],
    summary: 'say what is in a data folder, in numbers',
    kind: 'client',
    module: DATA_MODULE,
    runs: 'stats',
  },
  {
    path: ['data', 'export'],
    summary: 'write all that is stored as JSON lines',
    kind: 'client',
    module: DATA_MODULE,
    runs: 'exportData',
  },
  {
    path: ['data', 'import'],
    summary: 'make a new data folder of an export',
    kind: 'client',
    module: DATA_MODULE,
    runs: 'importData',
  },
  {
    path: ['data', 'statement'],
    summary: "print an account's last transactions and its balance",
    kind: 'client',
    module: DATA_MODULE,
    runs: 'statement',
  },
  {
    path: ['lobby'],
    summary: 'talk to the others in the lobby, and exchange files',
    kind: 'client',
    module: new URL('./lobby.js', import.meta.url),
  },
  {
    path: ['gold', 'import'],
    summary: 'load files of gold rates into a running server',
    kind: 'client',
    module: new URL('./gold-import.js', import.meta.url),
  },
  {
    path: ['gold'],
    summary: 'look up gold rates',
    kind: 'client',
    module: new URL('./gold.js', import.meta.url),
  },
  {
    path: ['admin', 'status'],
    summary: 'say how a running server is',
    kind: 'client',
    module: ADMIN_MODULE,
    runs: 'status',
  },
  {
    path: ['admin', 'sessions'],
    summary: 'list the connections of a running server',
    kind: 'client',
    module: ADMIN_MODULE,
    runs: 'sessions',
  },
  {
    path: ['admin', 'kick'],
    summary: 'close a connection',
    kind: 'client',
    module: ADMIN_MODULE,
    runs: 'kick',
  },
  {
    path: ['admin', 'broadcast'],
    summary: 'tell all clients of the lobby something',
    kind: 'client',
    module: ADMIN_MODULE,
    runs: 'broadcast',
  },
  {
    path: ['admin', 'report'],
    summary: 'have the balances written',
    kind: 'client',
    module: ADMIN_MODULE,
    runs: 'report',
  },
  {
    path: ['admin', 'limits'],
    summary: 'list the settings in force, and how much is used',
    kind: 'client',
    module: ADMIN_MODULE,
    runs: 'limits',
  },
  {
    path: ['admin', 'dead-letters'],
    summary: 'list messages that could not be handled',
    kind: 'client',
    module: ADMIN_MODULE,
    runs: 'deadLetters',
  },
  {
    path: ['admin', 'actors'],
    summary: 'list actors, and what they have to do',
    kind: 'client',
    module: ADMIN_MODULE,
    runs: 'actors',
  },
  {
    path: ['admin', 'open'],
    summary: 'begin the day of the exchange',
    kind: 'client',
    module: EXCHANGE_MODULE,
    runs: 'open',
  },
  {
    path: ['admin', 'close'],
    summary: 'end the day of the exchange',
    kind: 'client',
    module: EXCHANGE_MODULE,
    runs: 'close',
  },
  {
    path: ['admin', 'halt'],
    summary: 'take no orders in a book, or in all',
    kind: 'client',
    module: EXCHANGE_MODULE,
    runs: 'halt',
  },
  {
    path: ['admin', 'resume'],
    summary: 'take orders again',
    kind: 'client',
    module: EXCHANGE_MODULE,
    runs: 'resume',
  },
  {
    path: ['admin', 'cancel-all'],
    summary: 'withdraw orders',
    kind: 'client',
    module: EXCHANGE_MODULE,
    runs: 'cancelAll',
  },
  {
    path: ['admin', 'books'],
    summary: 'list the order books',
    kind: 'client',
    module: EXCHANGE_MODULE,
    runs: 'books',
  },
  {
    path: ['admin', 'book'],
    summary: 'show an order book',
    kind: 'client',
    module: EXCHANGE_MODULE,
    runs: 'book',
  },
  {
    path: ['admin', 'trades'],
    summary: 'list the last trades',
    kind: 'client',
    module: EXCHANGE_MODULE,
    runs: 'trades',
  },
  {
    path: ['admin', 'users', 'add'],
    summary: 'make a user',
    kind: 'client',
    module: USERS_MODULE,
    runs: 'add',
  },
  {
    path: ['admin', 'users', 'password'],
    summary: 'give a user another password',
    kind: 'client',
    module: USERS_MODULE,
    runs: 'password',
  },
  {
    path: ['admin', 'users', 'role'],
    summary: 'make a user an operator, or not',
    kind: 'client',
    module: USERS_MODULE,
    runs: 'role',
  },
  {
    path: ['admin', 'users', 'disable'],
    summary: 'keep a user out',
    kind: 'client',
    module: USERS_MODULE,
    runs: 'disable',
  },
  {
    path: ['admin', 'users', 'enable'],
    summary: 'let a user in again',
    kind: 'client',
    module: USERS_MODULE,
    runs: 'enable',
  },
  {
    path: ['admin', 'users', 'sign-out'],
    summary: 'end all sessions of a user',
    kind: 'client',
    module: USERS_MODULE,
    runs: 'signOut',
  },
  {
    path: ['admin', 'users', 'import'],
    summary: 'make users of files of names and passwords',
    kind: 'client',
    module: USERS_MODULE,
    runs: 'importUsers',
  },
  {
    path: ['admin', 'users'],
    summary: 'list the users',
    kind: 'client',
    module: USERS_MODULE,
    runs: 'list',
  },
  {
    path: ['admin', 'shutdown'],
    summary: 'end a running server in order',
    kind: 'client',
    module: ADMIN_MODULE,
    runs: 'shutdown',
  },
];

async function runCommandLine(words: readonly string[]): Promise<number> {
  const command = COMMANDS.find(({ path }) => path.every((word, i) => words[i] === word));
  if (command === undefined) {
    endWithOutput();
    const { runWithoutCommand } = await import('./help.ts');
    return runWithoutCommand(COMMANDS, words);
  }
  if (command.kind === 'server') {
    rememberSignals();
    goOnWithoutOutput();
  } else {
    endWithOutput();
  }
  const module: CommandModule = await import(command.module.href);
  const run = module[command.runs ?? 'run'];
  if (run === undefined) throw new Error(`${command.module} has no ${command.runs ?? 'run'}`);
  return run(words.slice(command.path.length));
}

/** `outcry … | head -1` ends when head does, without a word; a disk that is full is told of. */
function endWithOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code === 'EPIPE') process.exit();
      process.stderr.write(`outcry: the output can not be written: ${message}\n`);
      process.exit(1);
    });
  }
}

/** A server's data must not be lost because nobody reads its output any more, or the disk that takes it is full. */
function goOnWithoutOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

try {
  process.exitCode = await runCommandLine(process.argv.slice(2));
} catch (error) {
  const { explainFailure } = await import('./failure.ts');
  const { OUTCRY_DEBUG } = process.env;
  const { text, exitCode } = explainFailure(error, { showStack: Boolean(OUTCRY_DEBUG) });
  process.stderr.write(text);
  process.exitCode = exitCode;
}
