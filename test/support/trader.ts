/**
 * What a trader knows, whatever its connections are made of: all that it was ever sent, by session and sequence number, and
 * what it waits for. What comes again must be the same to the byte, what it has asked for must be answered as it was
 * asked, and once. After a break it sends again, in order, what was not answered.
 */
import assert from 'node:assert/strict';
import {
  decodeOutbound,
  type EnterOrder,
  encodeInbound,
  type InboundMessage,
  type OutboundMessage,
  type ReplaceOrder,
} from '../../src/protocol/ouch/messages.ts';
import { PacketSplitter } from '../../src/protocol/soupbintcp/packet-splitter.ts';
import {
  type ClientPacket,
  decodeServerPacket,
  encodeClientPacket,
  type ServerPacket,
} from '../../src/protocol/soupbintcp/packets.ts';
import { AccountModel } from './account-model.ts';

const LOG_BYTES = 4096;

/** Messages in one buffer, numbered from 1. */
export class MessageLog {
  #bytes = Buffer.alloc(LOG_BYTES);
  readonly #ends: number[] = [0];

  get count(): number {
    return this.#ends.length - 1;
  }

  add(message: Uint8Array): void {
    const at = this.#ends.at(-1) ?? 0;
    const end = at + message.length;
    if (end > this.#bytes.length) {
      const longer = Buffer.alloc(2 * end);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes.set(message, at);
    this.#ends.push(end);
  }

  get(sequence: number): Buffer {
    return this.#bytes.subarray(this.#ends[sequence - 1], this.#ends[sequence]);
  }
}

/** What a trader knows of one of the venue's sessions. */
export class KnownSession {
  readonly id: string;
  readonly messages = new MessageLog();
  readonly model = new AccountModel();
  /** What was asked for, by token. */
  readonly entered = new Map<number, EnterOrder>();
  readonly replaced = new Map<number, ReplaceOrder>();
  readonly canceled = new Set<number>();

  constructor(id: string) {
    this.id = id;
  }
}

/** A connection as it is seen by its trader. */
export class TraderLine {
  /** Once it has logged in. */
  session: KnownSession | undefined;
  /** Number of the message that comes next. */
  next = 0;
  readonly #trader: Trader;
  readonly #splitter = new PacketSplitter();

  constructor(trader: Trader) {
    this.#trader = trader;
  }

  /** The first packet; everything from `sequence` on is to come. */
  logIn(sequence = this.#trader.wanted): Uint8Array {
    const { user, password, wanted, session } = this.#trader;
    this.next = sequence;
    // Only who says which session it means may go on within it: another one could have begun.
    const requestedSession = wanted > 1 && session !== undefined ? session.id : '';
    return encodeClientPacket({ type: 'login-request', user, password, requestedSession, sequence });
  }

  /** Takes what came; hands each packet on, when what it says is known. */
  feed(bytes: Uint8Array, onPacket: (packet: ServerPacket) => void): void {
    this.#splitter.feed(bytes, (packets, start, end) => {
      const packet = decodeServerPacket(packets, start, end);
      this.#take(packet);
      onPacket(packet);
    });
  }

  #take(packet: ServerPacket): void {
    switch (packet.type) {
      case 'login-accepted':
        assert.equal(packet.sequence, this.next, `what ${this.#trader.user} was sent before is still there`);
        this.session = this.#trader.enterSession(packet.session);
        break;
      case 'login-rejected':
        assert.equal(packet.reason, 'S', `why ${this.#trader.user} may not log in`);
        this.#trader.forget();
        break;
      case 'sequenced':
        assert.ok(this.session !== undefined, 'messages come after the login');
        this.#trader.onMessage(this.session, this.next++, packet.message);
        break;
      case 'end-of-session':
        assert.equal(this.session?.model.state, 'ended', 'a session ends behind its day');
        if (this.session === this.#trader.session) this.#trader.forget();
    }
  }
}

export class Trader {
  readonly user: string;
  readonly password: string;
  readonly sessions: KnownSession[] = [];
  /** The next message that it has not read. */
  wanted = 1;
  /** In the order in which they were sent. */
  readonly #unanswered = new Set<InboundMessage>();
  /** Tokens for replaces that were never made. */
  readonly #unused = new Set<number>();
  #token = 0;

  constructor(user: string, password: string) {
    this.user = user;
    this.password = password;
  }

  /** The one it is in, or was in last. */
  get session(): KnownSession | undefined {
    return this.sessions.at(-1);
  }

  /** What waits for an answer. */
  get unanswered(): ReadonlySet<InboundMessage> {
    return this.#unanswered;
  }

  nextToken(): number {
    return ++this.#token;
  }

  get lastToken(): number {
    return this.#token;
  }

  /** Notes a message, for which it waits if it has any effect; returns the packet. */
  ask(message: InboundMessage): Uint8Array {
    const { session } = this;
    assert.ok(session !== undefined, 'orders come after the login');
    const { entered, replaced, canceled, model } = session;
    if (message.type === 'enter') entered.set(message.token, message);
    else if (message.type === 'replace') replaced.set(message.replacementToken, message);
    else canceled.add(message.token);
    const target = targetOf(message);
    const isPending = (token: number) =>
      model.open.has(token) || [...this.#unanswered].some((each) => tokenOf(each) === token);
    if (target === undefined || isPending(target)) this.#unanswered.add(message);
    else if (message.type === 'replace') this.#unused.add(message.replacementToken);
    return packetOf(message);
  }

  /** All that was not answered, as packets. */
  askAgain(): Uint8Array {
    return Buffer.concat([...this.#unanswered].map(packetOf));
  }

  /** It knows nothing any more, as a program that is started anew. */
  restart(): void {
    this.wanted = 1;
    this.#unanswered.clear();
  }

  /** Nothing of the session that it was in is of any use. */
  forget(): void {
    this.restart();
    this.#unused.clear();
  }

  /** For a line that has logged in. */
  enterSession(id: string): KnownSession {
    const { session: last } = this;
    if (last?.id === id) return last;
    assert.ok(last === undefined || last.id < id, `session ${id} comes after ${last?.id}`);
    const session = new KnownSession(id);
    this.sessions.push(session);
    this.#token = 0;
    this.forget();
    return session;
  }

  /** For a line that was sent a message. */
  onMessage(session: KnownSession, sequence: number, message: Uint8Array): void {
    const { messages, model } = session;
    if (sequence > messages.count) {
      assert.equal(sequence, messages.count + 1, `${this.user} gets every message`);
      messages.add(message);
      const decoded = decodeOutbound(message);
      try {
        compare(session, decoded);
        model.take(decoded);
      } catch (cause) {
        throw new Error(`${this.user}, message ${sequence}, ${show(decoded)}: ${String(cause)}`, { cause });
      }
    } else {
      const known = messages.get(sequence);
      const isSame = Buffer.compare(known, message) === 0;
      assert.ok(isSame, `message ${sequence} of ${this.user} comes again as another one`);
    }
    if (session !== this.session) return;
    this.wanted = Math.max(this.wanted, sequence + 1);
    this.#strikeAnswered(session);
  }

  /** Messages are handled in their order, so the first of them is the next that is answered. */
  #strikeAnswered({ model }: KnownSession): void {
    for (const first of this.#unanswered) {
      if (!this.#isAnswered(first, model)) return;
      this.#unanswered.delete(first);
    }
  }

  /** It may also have had no effect, because its order was not open any more. */
  #isAnswered(message: InboundMessage, model: AccountModel): boolean {
    const isKnown = (token: number) => model.used.has(token) || this.#unused.has(token);
    const isOver = (token: number) => isKnown(token) && !model.open.has(token);
    if (message.type === 'enter') return isKnown(message.token);
    if (message.type === 'cancel') return isOver(message.token);
    if (isKnown(message.replacementToken)) return true;
    if (!isOver(message.existingToken)) return false;
    this.#unused.add(message.replacementToken);
    return true;
  }
}

/** With what was asked for. */
function compare({ entered, replaced, canceled, model }: KnownSession, message: OutboundMessage): void {
  if (message.type === 'accepted') {
    const { timestampNs, orderNumber, state, type, ...echo } = message;
    assert.deepEqual({ type: 'enter', ...echo }, entered.get(message.token), 'as it was sent');
  } else if (message.type === 'replaced') {
    const wanted = replaced.get(message.replacementToken);
    const used = model.open.get(message.previousToken)?.used ?? Number.NaN;
    assert.equal(message.previousToken, wanted?.existingToken);
    assert.equal(message.quantity, (wanted?.quantity ?? 0) - used, `left open, where ${used} was used`);
  } else if (message.type === 'rejected') assert.ok(entered.has(message.token), 'it was entered');
  else if (message.type === 'canceled' && message.reason === 'U') {
    assert.ok(canceled.has(message.token), 'it was canceled');
  }
}

function packetOf(message: InboundMessage): Uint8Array {
  const packet: ClientPacket = { type: 'unsequenced', message: encodeInbound(message) };
  return encodeClientPacket(packet);
}

/** Of the order that it changes. */
function targetOf(message: InboundMessage): number | undefined {
  if (message.type === 'enter') return undefined;
  return message.type === 'cancel' ? message.token : message.existingToken;
}

/** Which it gives to an order. */
function tokenOf(message: InboundMessage): number | undefined {
  if (message.type === 'enter') return message.token;
  return message.type === 'replace' ? message.replacementToken : undefined;
}

function show(message: OutboundMessage): string {
  return JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
