/** A commander program that speaks as the rest of `outcry` does: errors are thrown, `--help` is an exit code. */
import { Command, CommanderError, Help } from 'commander';
import { OutcryError } from '../values/errors.ts';

/** `usage` is what follows the name, e.g. `PORT FILE…`. */
export interface FlagsOptions {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
}

/** With longer flags there is no room beside them for what they mean; it stands below them. */
const FLAG_COLUMNS = 32;
const HELP_COLUMNS = 80;
const INDENT = '      ';

function formatItem(term: string, width: number, description: string, helper: Help): string {
  if (width <= FLAG_COLUMNS) return Help.prototype.formatItem.call(helper, term, width, description, helper);
  const room = (helper.helpWidth ?? HELP_COLUMNS) - INDENT.length;
  const lines = helper.boxWrap(description, room).split('\n');
  return [`  ${term}`, ...lines.map((line) => `${INDENT}${line}`)].join('\n');
}

export function createFlags({ name, usage, summary }: FlagsOptions): Command {
  return (
    new Command(name)
      .usage(usage)
      .description(summary)
      .helpOption('-h, --help', 'explain this command')
      .exitOverride()
      // Each command says itself what it takes.
      .allowExcessArguments()
      .configureOutput({ outputError: () => {} })
      .configureHelp({ formatItem })
  );
}

/** `'help'` when help was asked for and printed; throws ERR_USAGE when the arguments are wrong. */
export function parseFlags(flags: Command, args: readonly string[]): 'parsed' | 'help' {
  try {
    flags.parse(args, { from: 'user' });
    return 'parsed';
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 'help';
    const text = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
    throw new OutcryError('ERR_USAGE', `${text}; see ${flags.name()} --help`, { cause: error });
  }
}

/** What stands beside the flags; throws ERR_USAGE if it is more than `max` words. */
export function argumentsOf(flags: Command, max: number): readonly string[] {
  if (flags.args.length <= max) return flags.args;
  const message = `${flags.name()} takes no argument "${flags.args[max]}"; see ${flags.name()} --help`;
  throw new OutcryError('ERR_USAGE', message);
}

/** The number that `flag` was given; throws ERR_USAGE with what was expected. */
export function parseWhole(
  flag: string,
  text: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new OutcryError('ERR_USAGE', `${flag} expects a whole number from ${min} to ${max}, not "${text}"`);
}

/** The seconds that `flag` was given; throws ERR_USAGE with what was expected. */
export function parseSeconds(
  flag: string,
  text: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const seconds = /^\d{1,16}(\.\d{1,16})?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= min && seconds <= max) return seconds;
  throw new OutcryError('ERR_USAGE', `${flag} expects seconds from ${min} to ${max}, not "${text}"`);
}

const PORT_MAX = 65_535;

/** The port that an argument PORT gives; throws ERR_USAGE with what was expected. */
export function parsePort(text: string, { min }: { readonly min: number }): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port >= min && port <= PORT_MAX) return port;
  const message = `PORT must be a whole number from ${min} to ${PORT_MAX}, not "${text}"`;
  throw new OutcryError('ERR_USAGE', message, { fields: { port: text } });
}
