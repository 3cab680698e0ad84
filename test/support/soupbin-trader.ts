/** A trader on a real socket, who remembers all that he was told, and goes on with it after the connection broke. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { DAY, IMMEDIATE } from '../../src/protocol/ouch/layout.ts';
import { decodeOutbound, encodeInbound, type OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import { PacketSplitter } from '../../src/protocol/soupbintcp/packet-splitter.ts';
import {
  decodeServerPacket,
  encodeClientPacket,
  HEADER_BYTES,
  type LoginAccepted,
  type LoginRejected,
} from '../../src/protocol/soupbintcp/packets.ts';
import type { Random } from '../../workers/runtime/random.ts';
import { until } from './until.ts';

const PASSWORD = 'OUTCRY';
/** Tokens that a replace or a cancel may mean. */
const LAST_TOKENS = 10;

export class SoupbinTrader {
  readonly user: string;
  session = '';
  /** By sequence number less one. */
  readonly told: Buffer[] = [];
  isClosed = true;
  #socket: Socket | undefined;
  #login: LoginAccepted | LoginRejected | undefined;
  #token = 0;

  constructor(user: string) {
    this.user = user;
  }

  /** Logs in, and is told what it has missed, or what comes from `sequence` on; 0: from the last message on. */
  async logIn(port: number, sequence = this.told.length + 1): Promise<LoginAccepted> {
    const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    const splitter = new PacketSplitter();
    this.#socket = socket;
    this.#login = undefined;
    this.isClosed = false;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('data', (chunk) => splitter.feed(chunk, (bytes, start, end) => this.#take(bytes, start, end)));
    await once(socket, 'connect');
    socket.write(
      encodeClientPacket({
        type: 'login-request',
        user: this.user,
        password: PASSWORD,
        requestedSession: this.session,
        sequence,
      }),
    );
    const login = await until('the login is answered', () => this.#login);
    if (login.type === 'login-rejected') assert.fail(`the login is rejected with ${login.reason}`);
    this.session = login.session;
    return login;
  }

  get messages(): OutboundMessage[] {
    return this.told.map((message) => decodeOutbound(message));
  }

  /** So many orders, replaces and cancels in one write. */
  trade(random: Random, count: number): void {
    this.#socket?.write(Buffer.concat(Array.from({ length: count }, () => this.#message(random))));
  }

  close(): void {
    this.#socket?.destroy();
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    const packet = decodeServerPacket(bytes, start, end);
    if (packet.type === 'sequenced') this.told.push(Buffer.from(bytes.slice(start + HEADER_BYTES, end)));
    else if (packet.type === 'login-accepted' || packet.type === 'login-rejected') this.#login = packet;
  }

  #message(random: Random): Uint8Array {
    const terms = {
      quantity: 1 + random.below(50),
      priceTenths: 1000 + random.below(10),
      timeInForce: random.chance(0.2) ? IMMEDIATE : DAY,
      display: ' ',
      minimumQuantity: 0,
    };
    const one = this.#token - random.below(LAST_TOKENS);
    if (one > 0 && random.chance(0.2)) {
      const message = encodeInbound({ type: 'cancel', token: one, quantity: 0 });
      return encodeClientPacket({ type: 'unsequenced', message });
    }
    if (one > 0 && random.chance(0.2)) {
      const tokens = { existingToken: one, replacementToken: ++this.#token };
      return encodeClientPacket({
        type: 'unsequenced',
        message: encodeInbound({ type: 'replace', ...tokens, ...terms }),
      });
    }
    const message = encodeInbound({
      type: 'enter',
      token: ++this.#token,
      clientReference: this.user,
      side: random.pick(['B', 'S']),
      orderbook: random.pick(['BTC', 'ETH']),
      group: 'DAY',
      firm: 0,
      capacity: 'P',
      classification: '1',
      cashMargin: '1',
      ...terms,
    });
    return encodeClientPacket({ type: 'unsequenced', message });
  }
}
