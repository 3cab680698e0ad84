/**
 * A scripted server of SoupBinTCP and OUCH on a real socket. It keeps what it has said in a session, and says it again to
 * whoever asks for it; what it says is the script's.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  decodeInbound,
  encodeOutbound,
  type InboundMessage,
  type OutboundMessage,
} from '../../src/protocol/ouch/messages.ts';
import { PacketSplitter } from '../../src/protocol/soupbintcp/packet-splitter.ts';
import {
  type ClientPacket,
  decodeClientPacket,
  encodeServerPacket,
  type LoginRequest,
  type ServerPacket,
} from '../../src/protocol/soupbintcp/packets.ts';

export interface SoupScript {
  /** What is answered to a login in place of what is right; null for nothing. */
  readonly answer?: (login: LoginRequest) => ServerPacket | null | undefined;
  readonly onMessage?: (message: InboundMessage, server: SoupServer) => void;
  /** The first message of the first session is not System Event S. */
  readonly isClosed?: boolean;
}

/** One connection. */
interface Peer {
  readonly socket: Socket;
  isLoggedIn: boolean;
  /** What it sends, and is sent, is lost. */
  isGone: boolean;
}

export class SoupServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #script: SoupScript;
  readonly #peers = new Set<Peer>();
  session = 'DAY1';
  /** What was said in the session, in order. */
  messages: Uint8Array[] = [];
  readonly logins: LoginRequest[] = [];
  /** Behind the logins, in order. */
  readonly received: ClientPacket[] = [];
  readonly inbound: InboundMessage[] = [];
  /** How often the trader was without a connection after he had one. */
  absences = 0;
  /** What clients send from now on is lost on its way, until the connections break. */
  isDeaf = false;
  /** What is sent is kept, and comes when it is false again. */
  isHolding = false;
  #held: (() => void)[] = [];

  private constructor(script: SoupScript) {
    this.#script = script;
    this.#server = createServer((socket) => this.#onConnection(socket));
  }

  static async listen(script: SoupScript = {}): Promise<SoupServer> {
    const server = new SoupServer(script);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    if (script.isClosed !== true) server.say({ type: 'system-event', timestampNs: 1n, event: 'S' });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#peers.size;
  }

  /** The next message of the session. */
  say(message: OutboundMessage): void {
    this.sayBytes(encodeOutbound(message));
  }

  sayBytes(message: Uint8Array): void {
    this.messages.push(message);
    for (const peer of this.#peers) if (peer.isLoggedIn) this.#send(peer, { type: 'sequenced', message });
  }

  /** To everybody; it is no message of the session. */
  send(packet: ServerPacket): void {
    for (const peer of this.#peers) this.#send(peer, packet);
  }

  /** Breaks all connections. */
  drop(): void {
    for (const peer of this.#peers) {
      peer.isGone = true;
      peer.socket.resetAndDestroy();
    }
    this.isDeaf = false;
  }

  /** Breaks them within a packet. */
  dropWithin(): void {
    for (const peer of this.#peers) {
      peer.isGone = true;
      peer.socket.write(encodeServerPacket({ type: 'debug', text: 'never whole' }).subarray(0, 7), () =>
        peer.socket.destroy(),
      );
    }
    this.isDeaf = false;
  }

  /** No more messages in this session, and the next one. */
  endSession(next: string): void {
    this.send({ type: 'end-of-session' });
    for (const { socket } of this.#peers) socket.end();
    this.beginSession(next);
  }

  /** Without a word about the end of the one before. */
  beginSession(session: string): void {
    this.session = session;
    this.messages = [];
  }

  release(): void {
    this.isHolding = false;
    for (const send of this.#held.splice(0)) send();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #onConnection(socket: Socket): void {
    const peer: Peer = { socket, isLoggedIn: false, isGone: false };
    const splitter = new PacketSplitter();
    this.#peers.add(peer);
    socket.on('data', (chunk) => {
      splitter.feed(chunk, (bytes, start, end) =>
        this.#onPacket(peer, decodeClientPacket(bytes, start, end)),
      );
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#peers.delete(peer);
      if (peer.isLoggedIn && ![...this.#peers].some(({ isLoggedIn }) => isLoggedIn)) this.absences += 1;
    });
  }

  #onPacket(peer: Peer, packet: ClientPacket): void {
    if (packet.type === 'login-request') {
      this.logins.push(packet);
      this.#onLogin(peer, packet);
      return;
    }
    this.received.push(packet);
    if (packet.type === 'logout-request') peer.socket.end();
    if (packet.type !== 'unsequenced' || this.isDeaf) return;
    const message = decodeInbound(packet.message);
    this.inbound.push(message);
    this.#script.onMessage?.(message, this);
  }

  #onLogin(peer: Peer, login: LoginRequest): void {
    const scripted = this.#script.answer?.(login);
    if (scripted === null) return;
    if (scripted !== undefined) {
      this.#send(peer, scripted);
      if (scripted.type === 'login-rejected') peer.socket.end();
      else peer.isLoggedIn = true;
      return;
    }
    if (login.requestedSession !== '' && login.requestedSession !== this.session) {
      this.#send(peer, { type: 'login-rejected', reason: 'S' });
      peer.socket.end();
      return;
    }
    // One connection an account: the newer takes the place of the older.
    for (const other of this.#peers) if (other !== peer && other.isLoggedIn) other.socket.end();
    const count = this.messages.length;
    const sequence = login.sequence === 0 ? Math.max(count, 1) : Math.min(login.sequence, count + 1);
    peer.isLoggedIn = true;
    this.#send(peer, { type: 'login-accepted', session: this.session, sequence });
    for (const message of this.messages.slice(sequence - 1)) this.#send(peer, { type: 'sequenced', message });
  }

  #send(peer: Peer, packet: ServerPacket): void {
    const { socket } = peer;
    const send = () => {
      if (socket.writable && !peer.isGone) socket.write(encodeServerPacket(packet));
    };
    if (this.isHolding) this.#held.push(send);
    else send();
  }
}
