/** Why an input has failed. */
import type { OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import type { Difference } from '../../src/protocol/ouch-inputs/expect.ts';
import type { Reply } from '../../src/protocol/ouch-inputs/input.ts';
import type { Place } from '../../src/protocol/ouch-inputs/locate.ts';
import type { OutcryError } from '../../src/values/errors.ts';

/**
 * `mismatch`: another reply came. `unexpected`: one that nobody expects. `noise`: one in a silence. `timeout`: nothing came,
 * or nothing was taken. `connection`: it was not made, or ended. `barrier`: others will not come to it. `file`: it changed.
 */
export type FailureKind = 'mismatch' | 'unexpected' | 'noise' | 'timeout' | 'connection' | 'barrier' | 'file';

export interface Failure {
  readonly file: string;
  readonly what: FailureKind;
  /** From 1; 0 before the first one. */
  readonly step: number;
  readonly place: Place;
  /** Undefined where it is about all of them. */
  readonly client?: string | undefined;
  readonly expected?: Reply | undefined;
  /** Which of the expectations of its step that is, from 1. */
  readonly nth?: number | undefined;
  readonly got?: OutboundMessage | undefined;
  readonly difference?: Difference | undefined;
  /** The last replies that nobody had to expect. */
  readonly passed: readonly OutboundMessage[];
  /** What else is known. */
  readonly error?: OutcryError | undefined;
  /** What may be the matter. */
  readonly hint?: string | undefined;
}
