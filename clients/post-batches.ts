/**
 * Posts of many callers in few requests. What comes in one turn of the event loop leaves together; what comes while a
 * request is on its way waits for its answer and leaves with the next one, so that the requests are the larger the slower
 * the answers come. More than one are on their way only where there is enough for full ones.
 */
import type { ReplyOf, TransactionTuple } from '../src/protocol/api/operations.ts';
import { REQUEST_TRANSACTIONS_MAX } from '../src/protocol/bank.ts';
import { OutcryError } from '../src/values/errors.ts';
import { Queue, type QueueEntry } from '../src/values/queue.ts';
import type { Calls } from './calls.ts';
import { type Asker, type Errand, timeoutError } from './errand.ts';
import type { Answerer, CallOptions, Pending } from './pending.ts';
import { refusalOf, type Transaction, TransactionList, toTuple } from './transactions.ts';

/** Full requests on their way at once: the server works on one while the next ones come and the last answers go. */
export const REQUESTS_MAX = 4;
/** Ten full requests, some fifty megabytes: whoever has more should await them, or use `postAll`. */
const WAITING_MAX = 100_000;

export class PostBatches {
  readonly #calls: Calls;
  readonly #waiting = new Queue<Post>();
  #asked = 0;
  #isDue = false;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Resolves when the transaction is posted. */
  add(transaction: Transaction, options: CallOptions): Promise<void> {
    const post = new Post(this.#calls, options);
    if (!post.answer.isSettled) this.#enqueue(post, transaction);
    return post.answer.promise;
  }

  #enqueue(post: Post, transaction: Transaction): void {
    if (this.#waiting.length >= WAITING_MAX) {
      const message = `${WAITING_MAX} transactions wait to be posted, and no more may; await them or use postAll`;
      post.answer.reject(new OutcryError('ERR_API_LIMIT', message));
      return;
    }
    try {
      post.wait(toTuple(transaction), this.#waiting);
      this.#sendSoon();
    } catch (error) {
      post.answer.reject(error);
    }
  }

  #sendSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      while (this.#mayAsk()) this.#ask();
    });
  }

  #mayAsk(): boolean {
    if (this.#waiting.length === 0) return false;
    const isFull = this.#waiting.length >= REQUEST_TRANSACTIONS_MAX;
    return this.#asked === 0 || (isFull && this.#asked < REQUESTS_MAX);
  }

  #ask(): void {
    const list = new TransactionList(this.#calls.frameBytes);
    const posts: Post[] = [];
    for (let post = this.#waiting.first(); post !== undefined; post = this.#waiting.first()) {
      if (!list.add(post.tuple)) break;
      this.#waiting.shift();
      posts.push(post);
    }
    this.#asked++;
    const batch = new Batch(this.#calls, list.tuples, posts, () => {
      this.#asked--;
      this.#sendSoon();
    });
    this.#calls.errands.start(batch.errand);
  }
}

/** One caller's transaction. */
class Post implements Answerer {
  readonly answer: Pending<void>;
  tuple: TransactionTuple = ['', 0];
  batch: Batch | undefined;
  #queue: Queue<Post> | undefined;
  #place: QueueEntry<Post> | undefined;

  constructor(calls: Calls, options: CallOptions) {
    this.answer = calls.promise(this, options);
  }

  wait(tuple: TransactionTuple, queue: Queue<Post>): void {
    this.tuple = tuple;
    this.#queue = queue;
    this.#place = queue.push(this);
  }

  timeoutError(timeoutMs: number): OutcryError {
    const asked = this.batch?.errand ?? { operation: 'bank.post', attempts: 0, trouble: undefined };
    return timeoutError(asked, timeoutMs);
  }

  onGivenUp(): void {
    if (this.batch !== undefined) this.batch.onGivenUp();
    else if (this.#place !== undefined) this.#queue?.remove(this.#place);
  }
}

/** One request. It is repeated while any of its callers waits. */
class Batch implements Asker {
  readonly errand: Errand;
  readonly #calls: Calls;
  readonly #posts: readonly Post[];
  readonly #onOver: () => void;
  /** Whose callers wait. */
  #awaited: number;

  constructor(
    calls: Calls,
    transactions: readonly TransactionTuple[],
    posts: readonly Post[],
    onOver: () => void,
  ) {
    this.#calls = calls;
    this.#posts = posts;
    this.#awaited = posts.length;
    this.#onOver = onOver;
    this.errand = calls.errand('bank.post', { transactions }, { asker: this });
    for (const post of posts) post.batch = this;
  }

  deadlineMs(): number {
    return this.#posts.reduce((latest, { answer }) => Math.max(latest, answer.deadlineMs), 0);
  }

  mayStartOver(): boolean {
    return true;
  }

  onReply(result: unknown): void {
    const { refused } = result as ReplyOf<'bank.post'>;
    if (!Array.isArray(refused))
      throw new OutcryError('ERR_API_PROTOCOL', 'bank.post was answered with nonsense');
    const reasons = new Map<number, string>(refused);
    this.#onOver();
    this.#posts.forEach(({ answer, tuple }, index) => {
      const reason = reasons.get(index);
      if (reason === undefined) answer.resolve();
      else answer.reject(refusalOf(tuple, reason));
    });
  }

  onFail(error: OutcryError): void {
    this.#onOver();
    for (const { answer } of this.#posts) answer.reject(error);
  }

  /** One of its callers waits no more. */
  onGivenUp(): void {
    this.#awaited -= 1;
    if (this.#awaited > 0) return;
    this.#calls.errands.giveUp(this.errand);
    this.#onOver();
  }
}
