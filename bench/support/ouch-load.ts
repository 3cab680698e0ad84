/** The load of the OUCH benches: sessions that enter orders as fast as they can, and check every reply. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { ACCEPTED, ENTER, EXECUTED, LENGTH, LETTER } from '../../src/protocol/ouch/layout.ts';
import {
  encodeClientPacket,
  HEADER_BYTES,
  PACKET,
  PacketSplitter,
} from '../../src/protocol/soupbintcp/index.ts';
import { check } from './figures.ts';

const PACKET_BYTES = HEADER_BYTES + LENGTH.enter;
const CHUNK_ORDERS = 1000;
const BOOKS = ['BTC ', 'ETH ', 'BNB ', 'SOL ', 'ADA ', 'XRP ', 'DOT ', 'LUNA', 'AVAX', 'DOGE'];
const MIDDLE_PRICE = 10_000;
const LIVE = 'L'.charCodeAt(0);
const ADDED = 'A'.charCodeAt(0);

export const LOAD_PASSWORD = 'OUTCRY';

export function userOf(session: number): string {
  return `LOAD${String(session).padStart(2, '0')}`;
}

/**
 * Enter Orders with tokens from `firstToken` on. Of ten orders nine rest, on either side of the middle; the tenth is
 * immediate, and takes what lies opposite.
 */
export function encodeOrders(session: number, firstToken: number, count: number): Uint8Array {
  const bytes = Buffer.alloc(count * PACKET_BYTES);
  for (let i = 0; i < count; i++) {
    const at = i * PACKET_BYTES;
    const message = at + HEADER_BYTES;
    const token = firstToken + i;
    const isBuy = (token + session) % 2 === 0;
    const isTaker = token % 10 === 9;
    const away = isTaker ? -50 : 1 + (token % 40);
    bytes.writeUInt16BE(1 + LENGTH.enter, at);
    bytes[at + 2] = PACKET.unsequenced;
    bytes[message] = LETTER.enter;
    bytes.writeUInt32BE(token, message + ENTER.token);
    bytes.write('bench     ', message + ENTER.clientReference, 'latin1');
    bytes.write(isBuy ? 'B' : 'S', message + ENTER.side, 'latin1');
    bytes.writeUInt32BE(100, message + ENTER.quantity);
    bytes.write(BOOKS[session % BOOKS.length] as string, message + ENTER.orderbook, 'latin1');
    bytes.write('DAY ', message + ENTER.group, 'latin1');
    bytes.writeUInt32BE(MIDDLE_PRICE + (isBuy ? -away : away), message + ENTER.price);
    bytes.writeUInt32BE(isTaker ? 0 : 99_999, message + ENTER.timeInForce);
    bytes.write(' P', message + ENTER.display, 'latin1');
    bytes.write('11', message + ENTER.classification, 'latin1');
  }
  return bytes;
}

function logInPacket(session: number): Uint8Array {
  return encodeClientPacket({
    type: 'login-request',
    user: userOf(session),
    password: LOAD_PASSWORD,
    requestedSession: '',
    sequence: 1,
  });
}

/** One session, logged in. */
export class OuchLoad {
  readonly socket: Socket;
  readonly #session: number;
  #carry: Buffer = Buffer.alloc(0);
  #nextToken: number;
  #untilToken: number;
  #onAnswered: () => void = () => {};
  /** Shares bought and sold, as passive and as aggressive side. */
  readonly executed = { added: 0, removed: 0 };
  /** Orders accepted dead: immediate ones that found nothing. */
  dead = 0;

  private constructor(socket: Socket, session: number) {
    this.socket = socket;
    this.#session = session;
    this.#nextToken = 1;
    this.#untilToken = 1;
  }

  static async connect(port: number, session: number): Promise<OuchLoad> {
    const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    const load = new OuchLoad(socket, session);
    const loggedIn = load.#answered();
    socket.on('data', (chunk: Buffer) => load.#take(chunk));
    socket.write(logInPacket(session));
    await loggedIn;
    return load;
  }

  /** The bytes of the next `count` orders, in writes of a thousand. */
  prepare(count: number): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let done = 0; done < count; done += CHUNK_ORDERS) {
      const first = this.#untilToken + done;
      chunks.push(encodeOrders(this.#session, first, Math.min(CHUNK_ORDERS, count - done)));
    }
    this.#untilToken += count;
    return chunks;
  }

  /** Sends all, without waiting for replies; resolves with the last of them. */
  async send(chunks: readonly Uint8Array[]): Promise<void> {
    const answered = this.#answered();
    for (const chunk of chunks) {
      if (!this.socket.write(chunk)) await once(this.socket, 'drain');
    }
    await answered;
  }

  close(): void {
    this.socket.destroy();
  }

  #answered(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onAnswered = resolve;
      this.socket.once('close', () => reject(new Error(`session ${this.#session} was closed`)));
    });
  }

  #take(chunk: Buffer): void {
    const bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    let at = 0;
    while (bytes.length - at >= 2) {
      const end = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
      if (end > bytes.length) break;
      const letter = bytes[at + 2];
      if (letter === PACKET.sequenced) this.#takeMessage(bytes, at + HEADER_BYTES);
      else if (letter === PACKET.loginAccepted) this.#onAnswered();
      at = end;
    }
    this.#carry = bytes.subarray(at);
  }

  #takeMessage(bytes: Buffer, at: number): void {
    const letter = bytes[at];
    if (letter === LETTER.accepted) {
      const token = bytes.readUInt32BE(at + ACCEPTED.token);
      if (token !== this.#nextToken) check(false, `order ${this.#nextToken} is answered with ${token}`);
      if (bytes[at + ACCEPTED.state] !== LIVE) this.dead++;
      if (++this.#nextToken === this.#untilToken) this.#onAnswered();
    } else if (letter === LETTER.executed) {
      const side = bytes[at + EXECUTED.liquidity] === ADDED ? 'added' : 'removed';
      this.executed[side] += bytes.readUInt32BE(at + EXECUTED.quantity);
    } else if (letter === LETTER.rejected) check(false, `order ${this.#nextToken} is rejected`);
  }
}

/** Orders of one session that are timed, one by one; what answers may also be a server that sends back what it gets. */
export class TimedOrders {
  readonly #socket: Socket;
  readonly #session: number;
  readonly #splitter = new PacketSplitter();
  /** When each order was entered, or was to be; by token. */
  readonly #enteredMs: number[] = [];
  readonly #milliseconds: number[] = [];
  #onAnswer: () => void = () => {};

  private constructor(socket: Socket, session: number) {
    this.#socket = socket;
    this.#session = session;
    socket.on('data', (chunk: Buffer) => this.#splitter.feed(chunk, this.#takePackets));
  }

  static async connect(port: number, session: number): Promise<TimedOrders> {
    const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    const timed = new TimedOrders(socket, session);
    const answered = timed.#answer();
    socket.write(logInPacket(session));
    await answered;
    return timed;
  }

  /** Each is entered when the one before is answered; resolves with the milliseconds that each took. */
  async oneByOne(count: number): Promise<number[]> {
    const first = this.#enteredMs.length;
    const orders = this.#encode(count);
    for (let i = 0; i < count; i++) {
      const answered = this.#answer();
      this.#enteredMs[first + i] = performance.now();
      this.#socket.write(orders[i] as Uint8Array);
      await answered;
    }
    return this.#milliseconds.slice(first);
  }

  /** Each is entered in its time, answered or not; what it waits to be sent counts. */
  async paced(count: number, everyMs: number): Promise<number[]> {
    const first = this.#enteredMs.length;
    const orders = this.#encode(count);
    const startMs = performance.now();
    for (let i = 0; i < count; i++) {
      const dueMs = startMs + i * everyMs;
      // A timer would come a millisecond late.
      while (performance.now() < dueMs) await new Promise((resolve) => setImmediate(resolve));
      this.#enteredMs[first + i] = dueMs;
      this.#socket.write(orders[i] as Uint8Array);
    }
    while (this.#milliseconds.length < first + count) await this.#answer();
    return this.#milliseconds.slice(first);
  }

  close(): void {
    this.#socket.destroy();
  }

  #encode(count: number): Uint8Array[] {
    const all = encodeOrders(this.#session, this.#enteredMs.length, count);
    return Array.from({ length: count }, (_, i) => all.subarray(i * PACKET_BYTES, (i + 1) * PACKET_BYTES));
  }

  #answer(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
    });
  }

  readonly #takePackets = (bytes: Uint8Array, start: number, end: number): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = start; at < end; at += 2 + view.getUint16(at)) this.#takePacket(view, at);
  };

  #takePacket(view: DataView, at: number): void {
    const letter = view.getUint8(at + HEADER_BYTES - 1);
    const isEcho = letter === PACKET.unsequenced;
    if (isEcho || (letter === PACKET.sequenced && view.getUint8(at + HEADER_BYTES) === LETTER.accepted)) {
      const token = view.getUint32(at + HEADER_BYTES + (isEcho ? ENTER.token : ACCEPTED.token));
      check(
        token === this.#milliseconds.length,
        `order ${this.#milliseconds.length} is answered with ${token}`,
      );
      this.#milliseconds.push(performance.now() - (this.#enteredMs[token] as number));
      this.#onAnswer();
    } else if (letter === PACKET.loginAccepted || letter === PACKET.loginRequest) this.#onAnswer();
  }
}
