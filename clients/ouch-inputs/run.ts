/** Test inputs, all at once, each to its end. */
import type { InboundMessage, OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import type { Failure } from './failure.ts';
import type { Survey } from './read.ts';
import type { Latency, Tally } from './statistics.ts';

export interface RunOptions {
  /** Patterns for those who log in: in the last one `#` is the number of the connection, from 0 over all inputs. */
  readonly users: readonly string[];
  readonly password: string;
  /** Blank for the current one. */
  readonly session?: string | undefined;
  /**
   * Of the first message to hear. Without it a client hears what is told from now on: of an account that was used before in
   * the session, its old messages must not be taken for replies.
   */
  readonly sequence?: number | undefined;
  /** How long anything may take. */
  readonly timeoutMs: number;
  /** Messages a second, of all connections together. */
  readonly rate?: number | undefined;
  readonly repeat?: number | undefined;
  /** Copies of each input, with connections of their own. */
  readonly clients?: number | undefined;
  readonly onSent?: ((count: number) => void) | undefined;
  readonly pace?: Pace | undefined;
  /** Ends all inputs where they are. */
  readonly signal?: AbortSignal | undefined;
}

/** Somebody watches, and says when to go on. */
export interface Pace {
  /** Awaited ahead of each O, U and X; false ends the input as if the file ended there. */
  next(client: string, message: InboundMessage): Promise<boolean>;
  received(client: string, message: OutboundMessage): void;
}

/** Of one file, with all its copies. */
export interface FileResult {
  readonly file: string;
  readonly name: string;
  readonly tally: Tally;
  readonly latency: Latency;
  readonly seconds: number;
  /** The first one. */
  readonly failure: Failure | undefined;
  /** The signal came before it was done. */
  readonly isInterrupted: boolean;
}

export interface RunReport {
  readonly results: readonly FileResult[];
  /** Sent. */
  readonly messages: number;
  /** From the first message to the last reply. */
  readonly seconds: number;
  /** Of one core, in that time, by this process. */
  readonly cpuShare: number;
}

/** Throws ERR_USAGE if there are too few users, or tokens; whatever happens later is in the results. */
export async function runInputs(_surveys: readonly Survey[], _options: RunOptions): Promise<RunReport> {
  throw new Error('not written');
}
