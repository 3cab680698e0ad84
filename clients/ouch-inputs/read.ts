/** Test inputs from their files, in constant memory: a survey of the whole file, and its steps one by one. */
import type { Header } from '../../src/protocol/ouch-inputs/check.ts';
import type { Step } from '../../src/protocol/ouch-inputs/input.ts';
import type { Place } from '../../src/protocol/ouch-inputs/locate.ts';
import type { Spool, SpoolFile } from './spool.ts';
import type { TargetOf } from './target.ts';

export interface SurveyOptions {
  readonly target: TargetOf;
  /** Where flat inputs are kept until they are sent. */
  readonly spools: SpoolFile;
  /** Nothing is expected, whatever the file says. */
  readonly noCheck?: boolean;
}

/** What a whole file is, after every check: nothing in it is wrong. */
export interface Survey {
  readonly file: string;
  readonly header: Header;
  readonly target: TargetOf;
  readonly noCheck: boolean;
  readonly steps: number;
  /** O, U and X. */
  readonly messages: number;
  /** In the order in which they are first mentioned. */
  readonly clients: readonly string[];
  /** Those that connect by their own first step. */
  readonly late: ReadonlySet<string>;
  /** Those of which something is expected. */
  readonly checked: ReadonlySet<string>;
  /** How often each is met. */
  readonly barriers: ReadonlyMap<string, number>;
  /** The greatest one; −1 without any. */
  readonly lastToken: number;
  /** Messages of one client and nothing else. */
  readonly flat: Spool | undefined;
}

export interface PlacedStep {
  readonly step: Step;
  readonly place: Place;
}

/** Throws ERR_INPUT. One after the other: they share the spool. */
export async function survey(_file: string, _options: SurveyOptions): Promise<Survey> {
  throw new Error('not written');
}

/** Reads the file again. */
export async function* steps(_survey: Survey): AsyncGenerator<PlacedStep, void, undefined> {
  yield* [];
}
