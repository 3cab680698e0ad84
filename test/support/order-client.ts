/** A trader's end of a connection, over TCP or within the process: it keeps what it is sent, as packets and as messages. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  decodeOutbound,
  type EnterOrder,
  encodeInbound,
  type InboundMessage,
  type OutboundMessage,
} from '../../src/protocol/ouch/messages.ts';
import { PacketSplitter } from '../../src/protocol/soupbintcp/packet-splitter.ts';
import {
  type ClientPacket,
  decodeServerPacket,
  encodeClientPacket,
  type LoginRequest,
  type ServerPacket,
} from '../../src/protocol/soupbintcp/packets.ts';
import { until } from './until.ts';

const ORDER: EnterOrder = {
  type: 'enter',
  token: 1,
  clientReference: 'ref',
  side: 'B',
  quantity: 100,
  orderbook: 'BTC',
  group: 'DAY',
  priceTenths: 1000,
  timeInForce: 99_999,
  firm: 0,
  display: ' ',
  capacity: 'P',
  minimumQuantity: 0,
  classification: '1',
  cashMargin: '1',
};

/** A day order to buy 100 BTC at 100.0, but for what is said. */
export function order(fields: Partial<EnterOrder>): EnterOrder {
  return { ...ORDER, ...fields };
}

/** The bytes of the message in its packet. */
export function packetOf(message: InboundMessage): Uint8Array {
  return encodeClientPacket({ type: 'unsequenced', message: encodeInbound(message) });
}

/** What a message comes down to: its letters and numbers, without times and order numbers. */
export function gistOf(message: OutboundMessage): string {
  switch (message.type) {
    case 'system-event':
      return message.event;
    case 'accepted':
      return `A${message.token} ${message.state}`;
    case 'replaced':
      return `U${message.replacementToken} q${message.quantity} ${message.state}`;
    case 'canceled':
      return `C${message.token} ${message.decrement} ${message.reason}`;
    case 'aiq-canceled':
      return `D${message.token} ${message.decrement} ${message.reason}`;
    case 'executed':
      return `E${message.token} ${message.quantity}@${message.priceTenths} ${message.liquidity}`;
    case 'rejected':
      return `J${message.token} ${message.reason}`;
  }
}

export class Trader {
  readonly stream: Duplex;
  /** All but heartbeats. */
  readonly packets: ServerPacket[] = [];
  /** Of Sequenced Data, in their order, as they came. */
  readonly sequenced: Uint8Array[] = [];
  heartbeats = 0;
  /** The server has closed the connection, or broken it off. */
  isLetGo = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    const splitter = new PacketSplitter();
    stream.on('data', (chunk: Uint8Array) =>
      splitter.feed(Uint8Array.from(chunk), (bytes, start, end) => {
        const packet = decodeServerPacket(bytes, start, end);
        if (packet.type === 'server-heartbeat') this.heartbeats++;
        else this.packets.push(packet);
        if (packet.type === 'sequenced') this.sequenced.push(packet.message);
      }),
    );
    const letGo = () => {
      this.isLetGo = true;
    };
    stream.on('end', letGo);
    stream.on('close', letGo);
    stream.on('error', letGo);
  }

  static async connect(port: number): Promise<Trader> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    return new Trader(socket);
  }

  /** Resolves with the answer to the login, of any kind. */
  async logIn(user: string, request: Partial<LoginRequest> = {}): Promise<ServerPacket> {
    this.write({
      type: 'login-request',
      user,
      password: 'OUTCRY',
      requestedSession: '',
      sequence: 1,
      ...request,
    });
    return until(`${user} is answered`, () => this.packets.find(({ type }) => type !== 'debug'));
  }

  write(packet: ClientPacket): void {
    this.stream.write(encodeClientPacket(packet));
  }

  /** In one piece. */
  send(...messages: readonly InboundMessage[]): void {
    this.stream.write(Buffer.concat(messages.map(packetOf)));
  }

  get messages(): OutboundMessage[] {
    return this.sequenced.map((bytes) => decodeOutbound(bytes));
  }

  get gists(): string[] {
    return this.messages.map(gistOf);
  }

  get debugs(): string[] {
    return this.packets.flatMap((packet) => (packet.type === 'debug' ? [packet.text] : []));
  }

  /** Resolves with all that was told by then. */
  async hears(count: number): Promise<string[]> {
    await until(`${count} messages, not ${this.sequenced.length}`, () => this.sequenced.length >= count);
    return this.gists;
  }

  async isClosed(): Promise<void> {
    await until('the server closes the connection', () => this.isLetGo);
  }
}
