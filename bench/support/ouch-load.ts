/** The load of the OUCH benches: sessions that send messages as fast as they can, and check every reply. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import {
  ACCEPTED,
  CANCEL,
  DAY,
  ENTER,
  EXECUTED,
  IMMEDIATE,
  LENGTH,
  LETTER,
  REPLACE,
} from '../../src/protocol/ouch/layout.ts';
import {
  encodeClientPacket,
  HEADER_BYTES,
  PACKET,
  PacketSplitter,
} from '../../src/protocol/soupbintcp/index.ts';
import { check } from './figures.ts';

const BOOKS = ['BTC ', 'ETH ', 'BNB ', 'SOL ', 'ADA ', 'XRP ', 'DOT ', 'LUNA', 'AVAX', 'DOGE'];
const MIDDLE_PRICE = 10_000;
const FAR = 50;
const LOT = 100;
/**
 * Of 21 messages. The first orders are far from the middle and are canceled so many cycles later, the others are near to it:
 * some are replaced in the next cycle, and all are taken by immediate orders, which take more than there are. So the books
 * hold some thousand orders, and no more. The tokens of a cycle are an odd number, so that the immediate orders are of both
 * sides in turn.
 */
const CANCELED = 6;
const NEAR = 5;
const REPLACED_NEAR = 3;
const TAKEN = 7;
const CANCEL_AFTER_CYCLES = 20;
const CYCLE_TOKENS = CANCELED + NEAR + REPLACED_NEAR + 1;
export const CYCLE_MESSAGES = CYCLE_TOKENS + CANCELED;
const CYCLES_PER_WRITE = 50;
const ADDED = 'A'.charCodeAt(0);

export const LOAD_PASSWORD = 'OUTCRY';

export function userOf(session: number): string {
  return `LOAD${String(session).padStart(2, '0')}`;
}

/** Of config.ini, a trader for each session. */
export function traderSections(traders: number): string {
  const sections = Array.from(
    { length: traders },
    (_, i) => `[trader ${userOf(i)}]\npassword = ${LOAD_PASSWORD}\nself_trade = off\n`,
  );
  return sections.join('\n');
}

interface OrderTerms {
  readonly price: number;
  readonly quantity: number;
  readonly timeInForce: number;
}

/** Messages of a session as packets, one behind the other. */
class Packets {
  bytes = Buffer.alloc(1024);
  length = 0;

  enter(session: number, token: number, { price, quantity, timeInForce }: OrderTerms): void {
    const at = this.#begin(LETTER.enter, LENGTH.enter);
    this.bytes.writeUInt32BE(token, at + ENTER.token);
    this.bytes.write('bench     ', at + ENTER.clientReference, 'latin1');
    this.bytes.write(isBuyer(session, token) ? 'B' : 'S', at + ENTER.side, 'latin1');
    this.bytes.writeUInt32BE(quantity, at + ENTER.quantity);
    this.bytes.write(BOOKS[session % BOOKS.length] as string, at + ENTER.orderbook, 'latin1');
    this.bytes.write('DAY ', at + ENTER.group, 'latin1');
    this.bytes.writeUInt32BE(price, at + ENTER.price);
    this.bytes.writeUInt32BE(timeInForce, at + ENTER.timeInForce);
    this.bytes.write(' P', at + ENTER.display, 'latin1');
    this.bytes.write('11', at + ENTER.classification, 'latin1');
  }

  replace(existingToken: number, replacementToken: number, price: number): void {
    const at = this.#begin(LETTER.replace, LENGTH.replace);
    this.bytes.writeUInt32BE(existingToken, at + REPLACE.existingToken);
    this.bytes.writeUInt32BE(replacementToken, at + REPLACE.replacementToken);
    this.bytes.writeUInt32BE(LOT, at + REPLACE.quantity);
    this.bytes.writeUInt32BE(price, at + REPLACE.price);
    this.bytes.writeUInt32BE(DAY, at + REPLACE.timeInForce);
    this.bytes.write(' ', at + REPLACE.display, 'latin1');
  }

  cancel(token: number): void {
    const at = this.#begin(LETTER.cancel, LENGTH.cancel);
    this.bytes.writeUInt32BE(token, at + CANCEL.token);
  }

  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = Buffer.alloc(1024);
    this.length = 0;
    return taken;
  }

  #begin(letter: number, length: number): number {
    const at = this.length;
    this.length += HEADER_BYTES + length;
    if (this.length > this.bytes.length) {
      const longer = Buffer.alloc(2 * this.bytes.length);
      this.bytes.copy(longer);
      this.bytes = longer;
    }
    this.bytes.writeUInt16BE(1 + length, at);
    this.bytes[at + 2] = PACKET.unsequenced;
    this.bytes[at + HEADER_BYTES] = letter;
    return at + HEADER_BYTES;
  }
}

function isBuyer(session: number, token: number): boolean {
  return (token + session) % 2 === 0;
}

/** On its side of the middle, so far from it or a little more. */
function restingPrice(session: number, token: number, far: number): number {
  const away = far + 1 + (token % 40);
  return MIDDLE_PRICE + (isBuyer(session, token) ? -away : away);
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

/** What one session sends. */
export class LoadMessages {
  readonly #session: number;
  /** Of the next order. */
  untilToken = 1;

  constructor(session: number) {
    this.#session = session;
  }

  /** The packets of so many cycles, in writes; the last one of each is surely answered. */
  prepare(cycles: number): Uint8Array[] {
    const writes: Uint8Array[] = [];
    const packets = new Packets();
    for (let cycle = 1; cycle <= cycles; cycle++) {
      this.#addCycle(packets);
      if (cycle % CYCLES_PER_WRITE === 0 || cycle === cycles) writes.push(packets.take());
    }
    return writes;
  }

  #addCycle(packets: Packets): void {
    const session = this.#session;
    const first = this.untilToken;
    this.untilToken += CYCLE_TOKENS;
    for (let i = 0; i < CANCELED + NEAR; i++) {
      const price = restingPrice(session, first + i, i < CANCELED ? FAR : 0);
      packets.enter(session, first + i, { price, quantity: LOT, timeInForce: DAY });
    }
    for (let i = 0; i < CANCELED; i++) {
      packets.cancel(Math.max(0, first - CANCEL_AFTER_CYCLES * CYCLE_TOKENS + i));
    }
    for (let i = 0; i < REPLACED_NEAR; i++) {
      const existing = Math.max(0, first - CYCLE_TOKENS + CANCELED + i);
      const replacement = first + CANCELED + NEAR + i;
      packets.replace(existing, replacement, restingPrice(session, existing, 0));
    }
    const last = this.untilToken - 1;
    const price = MIDDLE_PRICE + (isBuyer(session, last) ? FAR : -FAR);
    packets.enter(session, last, { price, quantity: TAKEN * LOT, timeInForce: IMMEDIATE });
  }
}

/** One session, logged in. */
export class OuchLoad {
  readonly socket: Socket;
  readonly #session: number;
  readonly #messages: LoadMessages;
  #carry: Buffer = Buffer.alloc(0);
  #nextToken: number;
  #onAnswered: () => void = () => {};
  /** Shares bought and sold, as passive and as aggressive side. */
  readonly executed = { added: 0, removed: 0 };

  private constructor(socket: Socket, session: number) {
    this.socket = socket;
    this.#session = session;
    this.#messages = new LoadMessages(session);
    this.#nextToken = 1;
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

  /** The bytes of so many cycles of messages, in writes. */
  prepare(cycles: number): Uint8Array[] {
    return this.#messages.prepare(cycles);
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
    if (letter === LETTER.accepted || letter === LETTER.replaced) {
      const token = bytes.readUInt32BE(at + ACCEPTED.token);
      if (token < this.#nextToken) check(false, `order ${token} is answered behind ${this.#nextToken - 1}`);
      this.#nextToken = token + 1;
      if (this.#nextToken === this.#messages.untilToken) this.#onAnswered();
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
    const first = this.#enteredMs.length;
    const packets = new Packets();
    return Array.from({ length: count }, (_, i) => {
      const price = restingPrice(this.#session, first + i, 0);
      packets.enter(this.#session, first + i, { price, quantity: LOT, timeInForce: DAY });
      return packets.take();
    });
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
