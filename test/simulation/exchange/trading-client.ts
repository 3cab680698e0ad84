/**
 * A trader: SoupBinTCP and OUCH over a connection that may break at any byte. It keeps all that it was ever sent, by
 * sequence number, and what comes again must be the same to the byte. What was not answered it sends again, in order, when
 * it is back; each order is answered once.
 */
import assert from 'node:assert/strict';
import {
  decodeOutbound,
  type EnterOrder,
  encodeInbound,
  type InboundMessage,
  type OutboundMessage,
  type ReplaceOrder,
} from '../../../src/protocol/ouch/messages.ts';
import { PacketSplitter } from '../../../src/protocol/soupbintcp/packet-splitter.ts';
import {
  type ClientPacket,
  decodeServerPacket,
  encodeClientPacket,
  type ServerPacket,
} from '../../../src/protocol/soupbintcp/packets.ts';
import type { Random } from '../../../workers/runtime/random.ts';
import type { Move } from '../../../workers/runtime/simulation.ts';
import { AccountModel } from '../../support/account-model.ts';
import type { ClientConnection, Network } from '../network.ts';
import type { PipeReader } from '../pipe.ts';
import type { Client } from '../scenario.ts';
import { drawOrder, drawReplace } from './orders.ts';

const HEARTBEAT_MS = 1000;
/** A server that says nothing for so long is given up. */
const SILENCE_MS = 15_000;
const PAUSE_MAX_MS = 1000;
/** Messages that wait for an answer. */
const WINDOW = 30;

export interface TradingClientOptions {
  readonly user: string;
  readonly password: string;
  readonly network: Network;
  readonly random: Random;
  /** Things that it does before it is done. */
  readonly actions: number;
  /** The longest pause between two of them. */
  readonly pauseMs: number;
  readonly startsMs: number;
  /** It never loses a connection of its own accord. */
  readonly isSteady: boolean;
  /** It was told something new. */
  readonly onTold: () => void;
}

/** What the client knows of one of the venue's sessions. */
export class KnownSession {
  readonly id: string;
  /** From sequence number 1 on. */
  readonly messages: Uint8Array[] = [];
  readonly model = new AccountModel();
  /** By token. */
  readonly entered = new Map<number, EnterOrder>();
  readonly replaced = new Map<number, ReplaceOrder>();
  readonly canceled = new Set<number>();
  hasEnded = false;

  constructor(id: string) {
    this.id = id;
  }
}

/** A connection, and what came over it. */
class Attempt implements PipeReader {
  readonly #client: TradingClient;
  readonly #splitter = new PacketSplitter();
  connection: ClientConnection | undefined;
  /** Once it has logged in. */
  session: KnownSession | undefined;
  /** Number of the message that comes next. */
  next = 0;
  isOver = false;

  constructor(client: TradingClient) {
    this.#client = client;
  }

  get isReading(): boolean {
    return this.#client.isReading;
  }

  send(packet: ClientPacket): void {
    this.connection?.write(encodeClientPacket(packet));
  }

  onData(bytes: Uint8Array): void {
    this.#splitter.feed(bytes, (packets, start, end) => {
      if (!this.isOver) this.#client.onPacket(this, decodeServerPacket(packets.slice(start, end)));
    });
  }

  onEnd(): void {
    this.end();
  }

  onBroken(): void {
    this.end();
  }

  /** The connection is gone, or is given up. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.connection?.destroy();
    this.#client.onOver(this);
  }
}

export class TradingClient implements Client {
  readonly sessions: KnownSession[] = [];
  readonly #options: TradingClientOptions;
  /** Messages that were sent again. */
  resent = 0;
  takeovers = 0;
  replays = 0;
  #attempt: Attempt | undefined;
  #actionsLeft: number;
  #token = 0;
  /** In the order in which they were sent. */
  #unanswered: InboundMessage[] = [];
  /** Tokens for replaces that were never made. */
  readonly #unused = new Set<number>();
  /** The next message is of this number. */
  #wanted = 1;
  #connectMs: number;
  #actMs = 0;
  #heartbeatMs = Infinity;
  #silenceMs = Infinity;
  /** Until when it neither reads nor says anything. */
  #asleepMs = 0;
  /** Set while it is to stay away. */
  #isAway = false;
  #hasFenced = false;

  constructor(options: TradingClientOptions) {
    this.#options = options;
    this.#actionsLeft = options.actions;
    this.#connectMs = options.startsMs;
  }

  get user(): string {
    return this.#options.user;
  }

  /** The one it is in, or was in last. */
  get session(): KnownSession | undefined {
    return this.sessions.at(-1);
  }

  get isReading(): boolean {
    return this.#asleepMs <= this.#nowMs;
  }

  /** It has done all that it wanted, and every answer to that has come. */
  get isDone(): boolean {
    return this.#isAway
      ? this.#attempt === undefined
      : this.#actionsLeft === 0 && this.#hasFenced && this.#unanswered.length === 0;
  }

  toString(): string {
    const state = this.#attempt === undefined ? 'not connected' : (this.#attempt.session?.id ?? 'logging in');
    const waiting = this.#unanswered.map((message) => JSON.stringify(message)).join(' ');
    return `${this.user} is ${state}, ${this.#actionsLeft} actions left, waits for ${waiting}`;
  }

  /** Sends an order that is rejected: when that is answered, all before it has been handled. */
  fence(): void {
    this.#hasFenced = false;
  }

  /** It logs out and stays away. */
  leave(): void {
    this.#isAway = true;
    this.#attempt?.send({ type: 'logout-request' });
  }

  /** It comes back, and reads everything again. */
  comeBack(): void {
    this.#isAway = false;
    this.#hasFenced = false;
    this.#wanted = 1;
    this.#connectMs = this.#nowMs;
  }

  /** Its program is ended, and started again: it knows nothing any more. */
  restart(): void {
    this.#unanswered = [];
    this.#wanted = 1;
    this.#attempt?.end();
  }

  get dueMs(): number {
    if (this.#asleepMs > this.#nowMs) return this.#asleepMs;
    if (this.#attempt === undefined) return this.#isAway ? Infinity : this.#connectMs;
    const ownMs = Math.min(this.#heartbeatMs, this.#silenceMs);
    return this.#mayAct ? Math.min(this.#actMs, ownMs) : ownMs;
  }

  addMoves(moves: Move[], nowMs: number): void {
    if (this.dueMs > nowMs || !this.isReading) return;
    if (this.#attempt === undefined) moves.push(this.#connect);
    else if (this.#silenceMs <= nowMs) moves.push(this.#giveUp);
    else if (this.#heartbeatMs <= nowMs) moves.push(this.#sendHeartbeat);
    else moves.push(this.#act);
  }

  onPacket(attempt: Attempt, packet: ServerPacket): void {
    if (attempt === this.#attempt) this.#silenceMs = this.#nowMs + SILENCE_MS;
    switch (packet.type) {
      case 'login-accepted':
        this.#onLoggedIn(attempt, packet.session, packet.sequence);
        break;
      case 'login-rejected':
        // The session that it asked for is over.
        assert.equal(packet.reason, 'S', `why ${this.user} may not log in`);
        this.#forget();
        attempt.end();
        break;
      case 'sequenced':
        this.#onMessage(attempt, packet.message);
        break;
      case 'end-of-session':
        this.#onSessionEnded(attempt);
    }
  }

  onOver(attempt: Attempt): void {
    if (attempt !== this.#attempt) return;
    this.#attempt = undefined;
    this.#connectMs = this.#nowMs + this.#options.random.below(PAUSE_MAX_MS);
  }

  get #nowMs(): number {
    return this.#options.network.simulation.nowMs;
  }

  get #mayAct(): boolean {
    if (this.#attempt?.session === undefined || this.#isAway) return false;
    return this.#unanswered.length < WINDOW && (this.#actionsLeft > 0 || !this.#hasFenced);
  }

  readonly #connect = (): void => {
    const { network, random, user, password } = this.#options;
    const attempt = new Attempt(this);
    attempt.connection = network.connect('ouch', attempt);
    if (attempt.connection === undefined) {
      this.#connectMs = this.#nowMs + 1 + random.below(PAUSE_MAX_MS);
      return;
    }
    this.#attempt = attempt;
    this.#silenceMs = this.#nowMs + SILENCE_MS;
    this.#heartbeatMs = Infinity;
    const { session } = this;
    // Only who says which session it means may go on within it: another one could have begun.
    const requestedSession = this.#wanted > 1 && session !== undefined ? session.id : '';
    const sequence = this.#wanted > 1 && random.chance(0.2) ? 1 + random.below(this.#wanted) : this.#wanted;
    if (sequence < this.#wanted) this.replays++;
    attempt.next = sequence;
    attempt.send({ type: 'login-request', user, password, requestedSession, sequence });
  };

  #onLoggedIn(attempt: Attempt, id: string, sequence: number): void {
    assert.equal(sequence, attempt.next, `what ${this.user} was sent before is still there`);
    attempt.session = this.#sessionOf(id);
    if (attempt !== this.#attempt) return;
    this.#heartbeatMs = this.#nowMs + HEARTBEAT_MS;
    for (const message of this.#unanswered) this.#send(message);
    this.resent += this.#unanswered.length;
  }

  #sessionOf(id: string): KnownSession {
    const { session: last } = this;
    if (last?.id === id) return last;
    assert.ok(last === undefined || last.id < id, `session ${id} comes after ${last?.id}`);
    const session = new KnownSession(id);
    this.sessions.push(session);
    this.#token = this.#options.random.below(3);
    this.#forget();
    return session;
  }

  #onMessage(attempt: Attempt, message: Uint8Array): void {
    const { session } = attempt;
    assert.ok(session !== undefined, 'messages come after the login');
    const sequence = attempt.next++;
    const known = session.messages[sequence - 1];
    if (known !== undefined) {
      assert.deepEqual(
        hexOf(message),
        hexOf(known),
        `message ${sequence} of ${this.user} when it comes again`,
      );
      if (session === this.session) this.#wanted = Math.max(this.#wanted, sequence + 1);
      return;
    }
    assert.equal(sequence, session.messages.length + 1, `${this.user} gets every message`);
    session.messages.push(message);
    const decoded = decodeOutbound(message);
    this.#compare(session, decoded);
    try {
      session.model.take(decoded);
    } catch (cause) {
      throw new Error(`${this.user}, message ${sequence}, ${show(decoded)}: ${String(cause)}`, { cause });
    }
    if (session === this.session) {
      this.#wanted = sequence + 1;
      this.#strikeAnswered(session);
    }
    this.#options.onTold();
  }

  /** With what was asked for. */
  #compare({ entered, replaced, canceled, model }: KnownSession, message: OutboundMessage): void {
    if (message.type === 'accepted') {
      const { timestampNs, orderNumber, state, type, ...echo } = message;
      assert.deepEqual(
        { ...echo, type: 'enter' },
        entered.get(message.token),
        'an order is accepted as it was sent',
      );
    } else if (message.type === 'replaced') {
      const wanted = replaced.get(message.replacementToken);
      const used = model.open.get(message.previousToken)?.used ?? Number.NaN;
      assert.equal(message.previousToken, wanted?.existingToken);
      assert.equal(
        message.quantity,
        (wanted?.quantity ?? 0) - used,
        `what ${show(message)} leaves open, of which ${used} was used`,
      );
    } else if (message.type === 'rejected') assert.ok(entered.has(message.token), show(message));
    else if (message.type === 'canceled' && message.reason === 'U') {
      assert.ok(canceled.has(message.token), `${show(message)} was asked for`);
    }
  }

  #strikeAnswered({ model }: KnownSession): void {
    const isKnown = (token: number) => model.used.has(token) || this.#unused.has(token);
    const isAnswered = (message: InboundMessage) => {
      if (message.type === 'enter') return isKnown(message.token);
      if (message.type === 'cancel') return isKnown(message.token) && !model.open.has(message.token);
      const { existingToken, replacementToken } = message;
      if (isKnown(replacementToken)) return true;
      if (!isKnown(existingToken) || model.open.has(existingToken)) return false;
      this.#unused.add(replacementToken);
      return true;
    };
    this.#unanswered = this.#unanswered.filter((message) => !isAnswered(message));
  }

  #onSessionEnded({ session }: Attempt): void {
    assert.equal(session?.model.state, 'ended', 'a session ends behind its day');
    session.hasEnded = true;
    if (session === this.session) this.#forget();
  }

  /** Nothing of the session that it was in is of any use. */
  #forget(): void {
    this.#wanted = 1;
    this.#unanswered = [];
    this.#unused.clear();
    if (this.#actionsLeft === 0) this.#hasFenced = false;
  }

  readonly #giveUp = (): void => {
    this.#attempt?.end();
  };

  readonly #sendHeartbeat = (): void => {
    this.#attempt?.send({ type: 'client-heartbeat' });
    this.#heartbeatMs = this.#nowMs + HEARTBEAT_MS;
  };

  readonly #act = (): void => {
    const { random, pauseMs, isSteady } = this.#options;
    this.#actMs = this.#nowMs + (random.below(1000) / 1000) * pauseMs;
    if (this.#actionsLeft === 0) {
      this.#hasFenced = true;
      this.#ask({ ...drawOrder(random, this.#nextToken()), priceTenths: 0 });
      return;
    }
    this.#actionsLeft--;
    if (!isSteady && random.chance(0.02)) this.#disturb();
    else for (let i = random.below(random.chance(0.1) ? 8 : 2); i >= 0; i--) this.#order();
  };

  /** Something that happens to connections. */
  #disturb(): void {
    const { random } = this.#options;
    switch (random.below(5)) {
      case 0:
        this.#attempt?.end();
        break;
      case 1:
        this.#attempt?.send({ type: 'logout-request' });
        break;
      case 2:
        this.takeovers++;
        this.#connect();
        break;
      case 3:
        this.#asleepMs = this.#nowMs + random.below(random.pick([100, 20_000]));
        break;
      default:
        // Nothing that begins so is a packet of a client.
        this.#attempt?.connection?.write(new Uint8Array([0, 1, 0x51]));
    }
  }

  #order(): void {
    const { random } = this.#options;
    const session = this.#attempt?.session;
    if (session === undefined) return;
    const live = [...session.model.open.keys()];
    const token = live.length > 0 && random.chance(0.9) ? random.pick(live) : random.below(this.#token + 1);
    const drawn = random.below(10);
    if (drawn < 6) this.#ask(drawOrder(random, this.#nextToken()));
    else if (drawn < 8)
      this.#ask(drawReplace(random, token, this.#nextToken(), session.model.open.get(token)));
    else this.#ask({ type: 'cancel', token, quantity: random.below(3) });
    // It may come twice in any case.
    const repeated = this.#unanswered.at(-1);
    if (repeated !== undefined && random.chance(0.05)) this.#send(repeated);
  }

  /** Sends a message, and waits for its answer. */
  #ask(message: InboundMessage): void {
    const session = this.#attempt?.session;
    if (session === undefined) return;
    const { entered, replaced, canceled, model } = session;
    if (message.type === 'enter') entered.set(message.token, message);
    else if (message.type === 'replace') replaced.set(message.replacementToken, message);
    else canceled.add(message.token);
    const isPending = (token: number) =>
      model.open.has(token) || this.#unanswered.some((each) => tokenOf(each) === token);
    const target =
      message.type === 'enter'
        ? undefined
        : message.type === 'cancel'
          ? message.token
          : message.existingToken;
    // What can have no effect is not answered.
    if (target === undefined || isPending(target)) this.#unanswered.push(message);
    else if (message.type === 'replace') this.#unused.add(message.replacementToken);
    this.#send(message);
  }

  #send(message: InboundMessage): void {
    this.#attempt?.send({ type: 'unsequenced', message: encodeInbound(message) });
    this.#heartbeatMs = this.#nowMs + HEARTBEAT_MS;
  }

  #nextToken(): number {
    this.#token += 1 + this.#options.random.below(2);
    return this.#token;
  }
}

/** Which the message gives to an order. */
function tokenOf(message: InboundMessage): number | undefined {
  if (message.type === 'enter') return message.token;
  return message.type === 'replace' ? message.replacementToken : undefined;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function show(message: OutboundMessage): string {
  return JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
