/** What a person is told when a command throws, and the exit code that scripts see. */
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
/** Wrong use or wrong configuration: running the same command again cannot help. */
export const EXIT_WRONG_USE = 2;

export interface Failure {
  readonly text: string;
  readonly exitCode: typeof EXIT_FAILED | typeof EXIT_WRONG_USE;
}

export interface ExplainOptions {
  /** An OutcryError explains itself; the stack of anything else helps whoever repairs it. */
  readonly showStack: boolean;
}

export function explainFailure(error: unknown, { showStack }: ExplainOptions): Failure {
  // A message may have several lines, and words of a server in it.
  const line = `outcry: ${messageOf(error).split('\n').map(printable).join('\n')}\n`;
  if (error instanceof OutcryError) {
    return { text: line, exitCode: isWrongUse(error) ? EXIT_WRONG_USE : EXIT_FAILED };
  }
  const stack = showStack && error instanceof Error ? `${error.stack}\n` : '';
  return { text: line + stack, exitCode: EXIT_FAILED };
}

function isWrongUse({ code }: OutcryError): boolean {
  return code === 'ERR_USAGE' || code === 'ERR_INPUT' || code.startsWith('ERR_CONFIG_');
}
