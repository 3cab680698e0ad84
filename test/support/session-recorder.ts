/** Clients of both doors of the exchange that send what comes to their minds, to be recorded, and the replay of it. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { survey } from '../../clients/ouch-inputs/read.ts';
import { type RunReport, runInputs } from '../../clients/ouch-inputs/run.ts';
import { SpoolFile } from '../../clients/ouch-inputs/spool.ts';
import { targetsAt } from '../../clients/ouch-inputs/target.ts';
import { type CreateServerOptions, createServer } from '../../src/create-server.ts';
import { LENGTH, LETTER, REJECTED } from '../../src/protocol/ouch/layout.ts';
import { encodeInbound, type InboundMessage } from '../../src/protocol/ouch/messages.ts';
import { DoorSplitter } from '../../src/protocol/ouch-inputs/door-splitter.ts';
import { encodeClientPacket, HEADER_BYTES } from '../../src/protocol/soupbintcp/packets.ts';
import type { VenueOptions } from '../../src/venue.ts';
import type { Random } from '../../workers/runtime/random.ts';
import { drawOrder, drawReplace } from './random-orders.ts';
import { resetNow } from './test-client.ts';
import { until } from './until.ts';

const BOOKS = ['BTC', 'ETH'];
const NUMBERS: Readonly<Record<string, number>> = { BTC: 1, ETH: 2 };
/** Tokens that a replace or a cancel may mean. */
const LAST_TOKENS = 8;

/** What becomes of two orders of one owner differs, and some traders have one owner. */
export const MIXED_VENUE: VenueOptions = {
  traders: [
    { user: 'TRADE0', password: 'OUTCRY' },
    { user: 'TRADE1', password: 'OUTCRY', selfTrade: 'cancel-oldest', owner: 'desk' },
    { user: 'TRADE2', password: 'OUTCRY', selfTrade: 'cancel-newest', owner: 'desk' },
    { user: 'TRADE3', password: 'OUTCRY', selfTrade: 'cancel-both', owner: 'desk' },
    { user: 'TRADE4', password: 'OUTCRY', selfTrade: 'decrement-both' },
    { user: 'TRADE5', password: 'OUTCRY', selfTrade: 'off' },
  ],
};

export class RandomClient {
  /** Empty at the raw door. */
  readonly user: string;
  readonly #random: Random;
  #socket: Socket | undefined;
  #token = 0;
  #answered = -1;

  constructor(user: string, random: Random) {
    this.user = user;
    this.#random = random;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  async connect(ports: { readonly ouch: number; readonly raw: number }): Promise<void> {
    const port = this.user === '' ? ports.raw : ports.ouch;
    const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    this.#socket = socket;
    socket.on('error', () => {});
    // Tokens of a raw client begin with its connection.
    if (this.user === '') this.#token = 0;
    const answered = once(socket, 'data');
    const splitter = new DoorSplitter(this.user === '' ? 'ouch-raw' : 'ouch', 'outbound');
    const head = this.user === '' ? 0 : HEADER_BYTES;
    socket.on('data', (chunk) => {
      splitter.feed(chunk, (bytes, start, end) => {
        if (bytes[start + head] !== LETTER.rejected || end - start !== head + LENGTH.rejected) return;
        this.#answered = Buffer.from(bytes.subarray(start + head)).readUInt32BE(REJECTED.token);
      });
    });
    if (this.user !== '') socket.write(this.#login());
    await answered;
  }

  send(count: number): void {
    const messages = Array.from({ length: count }, () => this.#encode(this.#draw()));
    this.#socket?.write(Buffer.concat(messages));
  }

  /** Resolves when all that it has sent is answered. */
  async settle(): Promise<void> {
    const token = ++this.#token;
    this.#socket?.write(this.#encode({ ...drawOrder(this.#random, token, BOOKS), priceTenths: 0 }));
    await until('it is rejected', () => this.#socket === undefined || this.#answered === token);
  }

  /** Resolves when both sides are closed. */
  async leave(how: 'logout' | 'close' | 'reset'): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined || socket.closed) return;
    const closed = once(socket, 'close');
    if (how === 'reset') resetNow(socket);
    else if (how === 'close' || this.user === '') socket.end();
    else socket.write(encodeClientPacket({ type: 'logout-request' }));
    await closed;
  }

  #login(): Uint8Array {
    const sequence = this.#random.pick([0, 1, 1, 1, 3]);
    return encodeClientPacket({
      type: 'login-request',
      user: this.user.toLowerCase(),
      password: 'OUTCRY',
      requestedSession: '',
      sequence,
    });
  }

  #encode(message: InboundMessage): Uint8Array {
    if (this.user !== '') {
      return encodeClientPacket({ type: 'unsequenced', message: encodeInbound(message) });
    }
    if (message.type !== 'enter') return encodeInbound(message);
    return encodeInbound({ ...message, orderbook: NUMBERS[message.orderbook] ?? 99 });
  }

  #draw(): InboundMessage {
    const random = this.#random;
    const known = this.#token - random.below(LAST_TOKENS);
    if (known > 0 && random.chance(0.15)) return { type: 'cancel', token: known, quantity: 0 };
    if (known > 0 && random.chance(0.15)) return drawReplace(random, known, ++this.#token, undefined);
    if (known > 0 && random.chance(0.05)) return drawOrder(random, known, BOOKS);
    return drawOrder(random, ++this.#token, BOOKS);
  }
}

export function temporaryPath(t: TestContext, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, name);
}

/** Plays a recording to an empty server. */
export async function replayRecording(path: string, options: CreateServerOptions = {}): Promise<RunReport> {
  await using server = await createServer({ services: ['ouch', 'ouch-raw'], ...options });
  await using spools = await SpoolFile.create();
  const target = targetsAt({
    host: '127.0.0.1',
    port: server.port('ouch'),
    rawPort: server.port('ouch-raw'),
    isRaw: false,
  });
  const input = await survey(path, { target, spools });
  return await runInputs([input], { users: ['TRADE#'], password: 'OUTCRY', timeoutMs: 5000 });
}
