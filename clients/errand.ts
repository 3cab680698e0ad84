/**
 * One operation that the server is asked to carry out, over as many connections as that takes.
 *
 *     waiting ── sent ──► asked ── answered, or given up ──► over
 *        ▲                 │ │
 *        │ ◄── its connection is lost ──┘                     if it may be asked for again
 *        └── paused ◄── refused for now ──┘                   the same
 */
import { findOperation, type OperationName } from '../src/protocol/api/operations.ts';
import { OutcryError } from '../src/values/errors.ts';
import type { QueueEntry } from '../src/values/queue.ts';
import { Backoff } from './backoff.ts';

/** Who asked. What the server must not send for the operation has no method here. */
export interface Asker {
  /** Nobody waits for an answer any longer than to this time, by monotonicMs. */
  deadlineMs(): number;
  /** Nothing of an answer has been used yet. */
  mayStartOver(): boolean;
  /** What came so far does not count any more; it is asked for again. */
  onStartOver?(): void;
  onReply?(result: unknown): void;
  onOpen?(info: unknown): void;
  onItems?(items: readonly unknown[]): void;
  onCredit?(count: number): void;
  onEnd?(): void;
  /** The connection takes more. */
  onDrain?(): void;
  /** It is over, without an answer. */
  onFail(error: OutcryError): void;
}

const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 2000;

export class Errand {
  readonly operation: OperationName;
  readonly params: unknown;
  readonly key: string | null;
  readonly asker: Asker;
  readonly isStream: boolean;
  readonly retries = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
  state: 'waiting' | 'asked' | 'paused' | 'over' = 'waiting';
  /** While it is asked: its number on the present connection. */
  id = 0;
  /** How often it was sent. */
  attempts = 0;
  /** While it is asked, and a stream: this side has ended it. */
  isEnded = false;
  /** Nobody waits for the answer that is still to come. */
  isGivenUp = false;
  /** While it waits. */
  place: QueueEntry<Errand> | undefined;
  /** While it is paused. */
  pause: NodeJS.Timeout | undefined;
  /** Why it could not be carried out the last time. */
  trouble: OutcryError | undefined;

  constructor(operation: OperationName, params: unknown, key: string | null, asker: Asker) {
    this.operation = operation;
    this.params = params;
    this.key = key;
    this.asker = asker;
    this.isStream = findOperation(operation)?.kind !== 'request';
  }

  get mayBeAskedAgain(): boolean {
    const isRepeatable = findOperation(this.operation)?.repetition !== 'once';
    return isRepeatable && this.asker.mayStartOver() && !this.isGivenUp;
  }

  timeoutError(timeoutMs: number): OutcryError {
    return timeoutError(this, timeoutMs);
  }
}

/** With `attempts` 0 nothing was sent; else it may have been done. */
export function timeoutError(
  { operation, attempts, trouble }: Pick<Errand, 'operation' | 'attempts' | 'trouble'>,
  timeoutMs: number,
): OutcryError {
  const what = attempts === 0 ? 'could not be sent' : 'was not answered';
  const why = trouble === undefined ? '' : `: ${trouble.message}`;
  return new OutcryError('ERR_REQUEST_TIMEOUT', `${operation} ${what} within ${timeoutMs} ms${why}`, {
    cause: trouble,
    fields: { operation, timeoutMs, attempts },
  });
}
