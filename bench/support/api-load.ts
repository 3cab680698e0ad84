/** Loads for the api, and the clients that send them. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { LengthFramer, lengthHead } from '../../src/length-framer.ts';
import {
  type ClientFrame,
  decodeServerFrame,
  encodeFrame,
  FRAME,
  FRAME_HEAD_BYTES,
  lengthIn,
  PROTOCOL_VERSION,
  type ServerFrame,
} from '../../src/protocol/api/frames.ts';
import type { BalanceTuple, TransactionTuple } from '../../src/protocol/api/operations.ts';
import { Random } from '../../workers/runtime/random.ts';
import { check } from './figures.ts';

const ACCOUNTS = 1000;
const CENTS_MAX = 10_000;
const TIMEOUT_MS = 60_000;
/** Requests on their way at once. */
const WINDOW = 4;
const FRAME_BYTES_MAX = 16 * 1024 * 1024;
const CREDIT = 1_000_000;

/** Transactions of many requests, and the balances that they add up to. */
export class ApiLoad {
  readonly balances = new Map<string, number>();
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** The transactions of one more request, which will be posted. */
  request(transactions: number): TransactionTuple[] {
    return Array.from({ length: transactions }, () => {
      const account = `Account${this.#random.below(ACCOUNTS)}`;
      const cents = 1 + this.#random.below(CENTS_MAX) - CENTS_MAX / 2;
      this.balances.set(account, (this.balances.get(account) ?? 0) + cents);
      return [account, cents];
    });
  }
}

/** Whatever can post, so that the ways to do it can be compared. */
export interface ApiPoster {
  /** Has a request ready to be posted, so that its encoding is not measured where the server is. */
  prepare(transactions: readonly TransactionTuple[], key?: string): () => Promise<void>;
  balances(): Promise<readonly BalanceTuple[]>;
  close(): void;
}

/** Posts all requests, a few at a time. */
export async function postAll(requests: readonly (() => Promise<void>)[]): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let post = requests[next++]; post !== undefined; post = requests[next++]) await post();
  };
  await Promise.all(Array.from({ length: WINDOW }, work));
}

/** The frames of the api and nothing else: the least that a client can do. */
export class RawPoster implements ApiPoster {
  readonly #socket: Socket;
  readonly #framer = new LengthFramer(lengthHead(4, FRAME_BYTES_MAX));
  readonly #waiting = new Map<number, (frame: ServerFrame) => void>();
  #lastId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#framer.feed(chunk, this.#onFrames));
  }

  static async connect(port: number): Promise<RawPoster> {
    const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    const poster = new RawPoster(socket);
    poster.#send([FRAME.hello, { protocol: PROTOCOL_VERSION }]);
    return poster;
  }

  prepare(transactions: readonly TransactionTuple[], key?: string): () => Promise<void> {
    const id = ++this.#lastId;
    const bytes = encodeFrame([FRAME.request, id, 'bank.post', { transactions }, TIMEOUT_MS, key ?? null]);
    return () =>
      new Promise((resolve, reject) => {
        this.#waiting.set(id, (frame) => {
          this.#waiting.delete(id);
          const isPosted = frame[0] === FRAME.reply && JSON.stringify(frame[2]) === '{"refused":[]}';
          if (isPosted) resolve();
          else reject(new Error(`not posted: ${JSON.stringify(frame)}`));
        });
        this.#socket.write(bytes);
      });
  }

  balances(): Promise<readonly BalanceTuple[]> {
    const id = ++this.#lastId;
    const balances: BalanceTuple[] = [];
    return new Promise((resolve) => {
      this.#waiting.set(id, (frame) => {
        if (frame[0] === FRAME.items) balances.push(...(frame[2] as BalanceTuple[]));
        else if (frame[0] !== FRAME.open) resolve(balances);
      });
      this.#send([FRAME.request, id, 'bank.balances', {}, TIMEOUT_MS, null]);
      this.#send([FRAME.credit, id, CREDIT]);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(frame: ClientFrame): void {
    this.#socket.write(encodeFrame(frame));
  }

  readonly #onFrames = (bytes: Uint8Array, start: number, end: number): void => {
    for (let at = start; at < end; ) {
      const bodyStart = at + FRAME_HEAD_BYTES;
      at = bodyStart + lengthIn(bytes, at);
      const frame = decodeServerFrame(bytes, bodyStart, at);
      check(frame[0] !== FRAME.error || frame[1] !== null, `the connection failed: ${JSON.stringify(frame)}`);
      if (typeof frame[1] === 'number') this.#waiting.get(frame[1])?.(frame);
    }
  };
}
