/** What `outcry` says when its words name no command: help, the version, or the nearest command it knows. */
import { OutcryError } from '../../src/values/errors.ts';
import { nearest } from '../../src/values/nearest.ts';
import { readVersion } from '../../src/values/version.ts';
import { EXIT_DONE, EXIT_WRONG_USE } from './failure.ts';
import type { Command } from './main.ts';

const HELP_WORDS: readonly (string | undefined)[] = ['--help', '-h', 'help'];
const VERSION_WORDS: readonly (string | undefined)[] = ['--version', '-V'];

/** A group is a first word that several commands share, like `bank`. */
export function runWithoutCommand(commands: readonly Command[], words: readonly string[]): number {
  const group = words
    .slice(0, 1)
    .filter((word) => commands.some(({ path }) => path.length > 1 && path[0] === word));
  const next = words[group.length];
  const help = formatHelp(
    commands.filter(({ path }) => group.every((word, i) => path[i] === word)),
    group,
  );
  if (next === undefined) {
    process.stderr.write(help);
    return EXIT_WRONG_USE;
  }
  if (HELP_WORDS.includes(next)) {
    process.stdout.write(help);
    return EXIT_DONE;
  }
  if (VERSION_WORDS.includes(next)) {
    process.stdout.write(`${readVersion()}\n`);
    return EXIT_DONE;
  }
  throw unknownCommand(commands, words, group.length + 1);
}

function formatHelp(commands: readonly Command[], group: readonly string[]): string {
  const width = Math.max(...commands.map(({ path }) => path.join(' ').length));
  const rows = commands.map(({ path, summary }) => `  ${path.join(' ').padEnd(width)}  ${summary}\n`);
  const name = ['outcry', ...group].join(' ');
  return [
    `usage: ${name} COMMAND [ARGUMENTS]\n\n`,
    ...rows,
    `\n${name} COMMAND --help explains one command.\n`,
  ].join('');
}

function unknownCommand(
  commands: readonly Command[],
  words: readonly string[],
  wordCount: number,
): OutcryError {
  const given = words.slice(0, wordCount).join(' ');
  if (given.startsWith('-')) {
    return new OutcryError('ERR_USAGE', `unknown option "${given}"; outcry --help lists the commands`);
  }
  // Arguments and flags that follow the words of a command would only lead away from it.
  const lengthMax = Math.max(...commands.map(({ path }) => path.length));
  const names = commands.map(({ path }) => path.join(' '));
  const flag = words.findIndex((word) => word.startsWith('-'));
  const guessed = words.slice(0, flag < 0 ? lengthMax : Math.min(flag, lengthMax));
  const suggestion = nearest(guessed.join(' '), names);
  return new OutcryError(
    'ERR_USAGE',
    `unknown command "${given}"; did you mean "outcry ${suggestion}"? outcry --help lists all commands`,
    { fields: { given } },
  );
}
