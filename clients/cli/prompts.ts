/** Questions on a terminal. Who leaves a question with Esc, Ctrl-C or Ctrl-D gets undefined for an answer. */

import type { ReadStream } from 'node:tty';
import { type CANCEL_SYMBOL, isCancel, select, text, updateSettings } from '@clack/prompts';
import type { PromptScreen } from './prompt-screen.ts';

export interface Choice<Value> {
  readonly value: Value;
  readonly label: string;
}

export interface TextQuestion {
  readonly message: string;
  /** What an empty answer stands for; without it there must be one. */
  readonly byDefault?: string | undefined;
  /** What is wrong with an answer, in words. */
  readonly flaw: (answer: string) => string | undefined;
}

updateSettings({ aliases: { '\x04': 'cancel' } });

export class Prompts {
  readonly #input: ReadStream;
  readonly #screen: PromptScreen;
  #isClosed = false;
  #asking: AbortController | undefined;

  constructor(input: ReadStream, screen: PromptScreen) {
    this.#input = input;
    this.#screen = screen;
    input.once('end', () => this.close());
  }

  choose<Value extends string | number>(
    message: string,
    choices: readonly Choice<Value>[],
    byDefault?: Value,
  ): Promise<Value | undefined> {
    const options = choices as Parameters<typeof select<Value>>[0]['options'];
    const initial = byDefault === undefined ? {} : { initialValue: byDefault };
    return this.#ask((common) =>
      select<Value>({ message, options, showInstructions: false, ...initial, ...common }),
    );
  }

  type({ message, byDefault, flaw }: TextQuestion): Promise<string | undefined> {
    const wanted = byDefault === undefined ? {} : { placeholder: byDefault, defaultValue: byDefault };
    const validate = (answer = '') => flaw(answer === '' ? (byDefault ?? '') : answer);
    return this.#ask((common) => text({ message, validate, ...wanted, ...common }));
  }

  /** The question that is asked, and those that would be, are left. */
  close(): void {
    this.#isClosed = true;
    this.#asking?.abort();
  }

  async #ask<Value>(
    ask: (common: {
      readonly input: ReadStream;
      readonly output: PromptScreen;
      readonly signal: AbortSignal;
    }) => Promise<Value | typeof CANCEL_SYMBOL>,
  ): Promise<Value | undefined> {
    if (this.#isClosed) return undefined;
    this.#asking = new AbortController();
    const answer = await ask({ input: this.#input, output: this.#screen, signal: this.#asking.signal });
    this.#asking = undefined;
    this.#screen.settle();
    return isCancel(answer) ? undefined : answer;
  }
}
