/** Test inputs, all at once, each to its end. */
import { Semaphore } from 'async-mutex';
import type { InboundMessage, OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import { monotonicMs } from '../../src/values/clock.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { Barriers } from './barriers.ts';
import type { Failure } from './failure.ts';
import { FlatRun } from './flat-run.ts';
import type { InputRun, RunContext } from './input-run.ts';
import { loginsOf } from './logins.ts';
import { Rate } from './rate.ts';
import type { Survey } from './read.ts';
import { Latency, Tally } from './statistics.ts';
import { SteppedRun } from './stepped-run.ts';

export interface RunOptions {
  /** Those who log in; in the last one `#` is a number from 0 on, and it stands for as many as are wanted. */
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
  /** Why messages without an answer may have been ignored. */
  readonly hint: string | undefined;
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

/** More at once would be refused by a server that accepts slowly. */
const CONNECTING_MAX = 64;
const TOKEN_MAX = 0xffffffff;

/** Throws ERR_USAGE if there are too few users, or tokens; whatever happens later is in the results. */
export async function runInputs(surveys: readonly Survey[], options: RunOptions): Promise<RunReport> {
  const { repeat = 1, clients = 1, rate, signal, timeoutMs, pace, onSent } = options;
  for (const survey of surveys) checkRepeatable(survey, repeat);
  const copies = surveys.flatMap((survey) => Array.from({ length: clients }, () => survey));
  const logins = loginsOf(copies, options);
  const meter = new Meter();
  const context: RunContext = {
    timeoutMs,
    repeat,
    rate: rate === undefined ? undefined : new Rate(rate, signal),
    pace,
    barriers: new Barriers(),
    connecting: new Semaphore(CONNECTING_MAX),
    onBegin: () => meter.start(),
    onSent: (count) => onSent?.(count),
  };
  const runs = copies.map((survey, i) => {
    const own = logins[i] ?? new Map();
    return survey.flat === undefined || pace !== undefined
      ? new SteppedRun(survey, own, context)
      : new FlatRun(survey, survey.flat, own, context);
  });
  for (const run of runs) if (run instanceof SteppedRun) context.barriers.invite(run);
  const interrupt = () => {
    for (const run of runs) run.interrupt();
  };
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    if (signal?.aborted === true) interrupt();
    await Promise.all(runs.map((run) => run.run()));
  } finally {
    signal?.removeEventListener('abort', interrupt);
    interrupt();
  }
  const figures = meter.stop();
  const results = surveys.map((survey, i) => resultOf(survey, runs.slice(i * clients, (i + 1) * clients)));
  return { results, messages: results.reduce((sum, { tally }) => sum + tally.sent, 0), ...figures };
}

function checkRepeatable({ file, lastToken, isRepeatable }: Survey, repeat: number): void {
  if (repeat === 1) return;
  if (!isRepeatable) {
    throw new OutcryError('ERR_USAGE', `${file} ends with a client disconnected, and can not be repeated`);
  }
  if ((lastToken + 1) * repeat - 1 > TOKEN_MAX) {
    const message = `the tokens of ${file} go up to ${lastToken}; ${repeat} times as many are more than there are`;
    throw new OutcryError('ERR_USAGE', message);
  }
}

/** Time and processor time from the first message on. */
class Meter {
  #startMs: number | undefined;
  #startCpu = process.cpuUsage();

  /** Counts once. */
  start(): void {
    if (this.#startMs !== undefined) return;
    this.#startMs = monotonicMs();
    this.#startCpu = process.cpuUsage();
  }

  stop(): Pick<RunReport, 'seconds' | 'cpuShare'> {
    if (this.#startMs === undefined) return { seconds: 0, cpuShare: 0 };
    const seconds = (monotonicMs() - this.#startMs) / 1000;
    const { user, system } = process.cpuUsage(this.#startCpu);
    return { seconds, cpuShare: (user + system) / 1e6 / seconds };
  }
}

/** Of all copies of an input. */
function resultOf(survey: Survey, runs: readonly InputRun[]): FileResult {
  const { file, header } = survey;
  const tally = new Tally();
  const latency = new Latency();
  for (const run of runs) {
    tally.add(run.tally);
    latency.add(run.latency);
  }
  const begun = runs.filter(({ beganMs }) => beganMs !== undefined);
  const seconds = begun.map(({ beganMs = 0, endedMs }) => (endedMs - beganMs) / 1000);
  return {
    file,
    name: header.name ?? file,
    tally,
    latency,
    seconds: Math.max(0, ...seconds),
    failure: runs.find(({ failure }) => failure !== undefined)?.failure,
    isInterrupted: runs.some(({ isInterrupted }) => isInterrupted),
    hint: tally.silent === 0 ? undefined : runs.find(({ hint }) => hint !== undefined)?.hint,
  };
}
