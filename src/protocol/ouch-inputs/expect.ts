/** Compares what is expected with what came. */
import type { OrderbookForm } from '../ouch/fields.ts';
import type { OutboundMessage } from '../ouch/messages.ts';
import type { Reply } from './input.ts';

/** One field that was asked for, the letter first. */
export interface DifferenceLine {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
  readonly isSame: boolean;
}

export interface Difference {
  readonly lines: readonly DifferenceLine[];
}

/** What the names of an input, `$m1`, stand for. */
export class Captures {
  readonly #values = new Map<string, bigint>();

  get(name: string): bigint | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: bigint): void {
    this.#values.set(name, value);
  }
}

/** Undefined if it is what was expected; only then are names bound. */
export function compare(
  _expected: Reply,
  _got: OutboundMessage,
  _form: OrderbookForm,
  _captures: Captures,
): Difference | undefined {
  throw new Error('not written');
}

/** A reply in wire order, with prices in tenths; undefined for an empty list. Throws ERR_INPUT. */
export function fromArray(_array: readonly (string | number)[]): Reply | undefined {
  throw new Error('not written');
}
