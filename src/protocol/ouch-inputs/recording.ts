/**
 * Makes test inputs of what passes between clients and an exchange: all sessions in one file, whose replay against an empty
 * exchange gives the same replies.
 *
 * A step expects what its client was told because of it, found by token and kind, however late it comes. What another client
 * was told because of it, an execution of the same match number, is expected behind it. What nobody has asked for is expected
 * when it came.
 *
 * Invariant: each client expects what it was told in the order in which it was told.
 */
import { Queue } from '../../values/queue.ts';
import type { OrderbookForm } from '../ouch/fields.ts';
import {
  decodeInbound,
  decodeOutbound,
  encodeInbound,
  type InboundMessage,
  type OrderCanceled,
  type OutboundMessage,
} from '../ouch/messages.ts';
import {
  decodeClientPacket,
  decodeServerPacket,
  foldCase,
  HEADER_BYTES,
  type LoginAccepted,
  type LoginRequest,
  PACKET,
} from '../soupbintcp/packets.ts';
import { type DoorName, DoorSplitter } from './door-splitter.ts';
import type { Disconnect } from './input.ts';
import { toReply, toStep } from './json.ts';
import { type Heard, RecordedStep, StepWindow } from './step-window.ts';

/** Before the first step; between steps; behind the last one. */
export const RECORDING = {
  head: '{\n"recorded": true,\n"actions": [\n',
  join: ',\n',
  tail: '\n]}\n',
} as const;

export interface RecordingSink {
  /** One step: a line of JSON, without what stands between lines. */
  write(line: string): void;
}

/** Whoever has a name in the file: a user, or one raw connection. */
interface Client {
  readonly name: string;
  /** Its messages without an answer, the oldest first. */
  unanswered: Queue<Step>;
  /** The last one with an answer. */
  current: Step | undefined;
  /** What it has heard unasked since it last heard of `current`. */
  readonly unasked: Step[];
  last: Heard | undefined;
  /** The connection that it has at the moment. */
  session: Session | undefined;
  login: Step | undefined;
  /** Of SoupBinTCP: its session of the day, the next message that it has not seen, and the next one over this connection. */
  day: string;
  unseen: number;
  next: number;
}

type Step = RecordedStep<Client>;

interface Session {
  readonly door: DoorName;
  readonly form: OrderbookForm;
  readonly inbound: DoorSplitter;
  readonly outbound: DoorSplitter;
  client: Client | undefined;
  request: LoginRequest | undefined;
  /** What it has sent ahead of the answer to its login. */
  early: InboundMessage[];
  farewell: Step | undefined;
}

/** An execution on both sides. */
interface Match {
  name: string | undefined;
  /** The step that came later. */
  cause: Step | undefined;
  /** The other side, while the cause is not known. */
  waiting: Counterpart | undefined;
}

interface Counterpart {
  readonly client: Client;
  readonly reply: OutboundMessage;
  readonly heard: Heard;
  readonly behind: Heard | undefined;
  readonly tick: number;
}

/** Beyond it the oldest are forgotten: who hears of one later is not told its number. */
const MATCHES_MAX = 65_536;
const EARLY_MAX = 1024;
/** Of one line: a line has room for them. */
const LINE_REPLIES = 256;
const WAITING_TICKS = 2;
/** Asked for in no message. */
const UNASKED = new Set(['L', 'S', 'M']);
const LEFT_OUT = new Set(['timestamp', 'order_number', 'match_number']);
const ASCII = /^[ -~]*$/;

export class Recording {
  /** Messages of clients that no test input can have. */
  skipped = 0;
  /** Clients' connections so far, and messages of clients. */
  sessions = 0;
  messages = 0;
  readonly #sink: RecordingSink;
  readonly #window = new StepWindow<Client>((step, isCut) => this.#write(step, isCut));
  readonly #sessions = new Map<number, Session>();
  readonly #users = new Map<string, Client>();
  readonly #matches = new Map<bigint, Match>();
  #raws = 0;
  #arrivals = 0;
  #pieces = 0;
  #names = 0;
  #tick = 0;

  constructor(sink: RecordingSink) {
    this.#sink = sink;
  }

  open(id: number, door: DoorName, form: OrderbookForm): void {
    const session: Session = {
      door,
      form,
      inbound: new DoorSplitter(door, 'inbound'),
      outbound: new DoorSplitter(door, 'outbound'),
      client: undefined,
      request: undefined,
      early: [],
      farewell: undefined,
    };
    this.sessions++;
    this.#sessions.set(id, session);
    if (door !== 'ouch-raw') return;
    session.client = newClient(`raw-${++this.#raws}`);
    session.client.session = session;
  }

  /** `bytes` are on loan. */
  inbound(id: number, bytes: Uint8Array, start: number, end: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#pieces++;
    const isWhole = session.inbound.feed(bytes.subarray(start, end), (frame, from, to) => {
      if (session.door === 'ouch-raw') this.#takeMessage(session, frame.subarray(from, to));
      else this.#takePacket(session, frame.subarray(from, to));
    });
    if (!isWhole) this.skipped++;
    if (this.#window.isFull) this.#window.advance(this.#tick, false);
  }

  outbound(id: number, bytes: Uint8Array): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    session.outbound.feed(bytes, (frame, from, to) => {
      if (session.door === 'ouch-raw') this.#hear(session, frame.subarray(from, to));
      else this.#hearPacket(session, frame.subarray(from, to));
    });
  }

  /** The client sends no more. */
  ended(id: number): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#leave(session, 'close');
  }

  /**
   * `isBroken`: it may not have been told all. It is closed in order in the file, too: nobody can know when an exchange has
   * noticed a reset, and a replay could not wait for it.
   */
  close(id: number, isBroken: boolean): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    this.#leave(session, 'close');
    this.#endFarewell(session);
    const { client } = session;
    if (client?.session !== session) return;
    client.session = undefined;
    for (const step of client.unanswered) {
      step.isDone = true;
      step.isUntold = isBroken;
    }
    client.unanswered = new Queue();
  }

  /** A tenth of a second has passed: what was not heard of since is complete. */
  tick(): void {
    this.#tick++;
    for (const match of this.#matches.values()) {
      const { waiting } = match;
      if (waiting === undefined || this.#tick - waiting.tick < WAITING_TICKS) continue;
      match.waiting = undefined;
      this.#hearLate(waiting);
    }
    this.#window.advance(this.#tick, false);
  }

  /** Nothing more comes: what is here is written as it is. */
  flush(): void {
    for (const match of this.#matches.values()) {
      if (match.waiting !== undefined) this.#hearLate(match.waiting);
      match.waiting = undefined;
    }
    this.#window.advance(this.#tick, true);
  }

  #takePacket(session: Session, packet: Uint8Array): void {
    switch (packet[2]) {
      case PACKET.unsequenced:
        this.#takeMessage(session, packet.subarray(HEADER_BYTES));
        break;
      case PACKET.logoutRequest:
        this.#leave(session, 'logout');
        break;
      case PACKET.loginRequest:
        this.#takeLogin(session, packet);
    }
  }

  #takeLogin(session: Session, packet: Uint8Array): void {
    try {
      const request = decodeClientPacket(packet);
      if (request.type === 'login-request') session.request = request;
    } catch {
      // It will be refused.
    }
  }

  #takeMessage(session: Session, bytes: Uint8Array): void {
    let message: InboundMessage;
    try {
      message = decodeInbound(bytes, session.form);
      // What does not fit again can not be written either.
      encodeInbound(message);
    } catch {
      this.skipped++;
      return;
    }
    this.messages++;
    if (session.client !== undefined) this.#takeStep(session.client, message);
    else if (session.early.length < EARLY_MAX) session.early.push(message);
    else this.skipped++;
  }

  #takeStep(client: Client, message: InboundMessage): void {
    const step = this.#newStep(client, message);
    client.unanswered.push(step);
    this.#window.add(step);
  }

  #newStep(client: Client, message: InboundMessage | undefined, verb?: object): Step {
    const place = { arrival: ++this.#arrivals, piece: this.#pieces, tick: this.#tick };
    return new RecordedStep(client, place, message, verb);
  }

  #leave(session: Session, how: Disconnect): void {
    const { client } = session;
    // Who was taken over has not left.
    if (client?.session !== session || session.farewell !== undefined) return;
    session.farewell = this.#newStep(client, undefined, { disconnect: how });
    this.#window.add(session.farewell);
  }

  /** All that its client has heard came before it. */
  #endFarewell({ farewell, client }: Session): void {
    if (farewell === undefined || client === undefined) return;
    this.#follow(client, farewell);
    farewell.isDone = true;
  }

  #hearPacket(session: Session, packet: Uint8Array): void {
    if (packet[2] === PACKET.sequenced) {
      this.#hear(session, packet.subarray(HEADER_BYTES));
      return;
    }
    if (packet[2] !== PACKET.loginAccepted || session.request === undefined) return;
    try {
      const accepted = decodeServerPacket(packet);
      if (accepted.type === 'login-accepted') this.#enter(session, session.request, accepted);
    } catch {
      // The client can not read it either.
    }
  }

  #enter(session: Session, { user, sequence }: LoginRequest, accepted: LoginAccepted): void {
    const name = foldCase(user);
    const known = this.#users.get(name);
    const client = known ?? newClient(name);
    this.#users.set(name, client);
    if (accepted.session !== client.day) client.unseen = 1;
    const isPlain = known === undefined && sequence === 1;
    if (!isPlain) {
      const isNext = known !== undefined && sequence === client.unseen;
      const login = this.#newStep(client, undefined, { reconnect: isNext || { sequence } });
      login.isDone = true;
      client.login = login;
      this.#window.add(login);
      this.#follow(client, login);
    }
    client.session = session;
    client.day = accepted.session;
    client.next = accepted.sequence;
    session.client = client;
    for (const message of session.early) this.#takeStep(client, message);
    session.early = [];
  }

  #hear(session: Session, bytes: Uint8Array): void {
    const { client } = session;
    if (client === undefined) return;
    let reply: OutboundMessage;
    try {
      reply = decodeOutbound(bytes, session.form);
    } catch {
      return;
    }
    const isSeen = session.door === 'ouch' && client.next++ < client.unseen;
    if (!isSeen) client.unseen = client.next;
    // It belongs to the day, not to a step.
    if (reply.type === 'system-event') return;
    if (isSeen) this.#hearAgain(client, reply);
    else this.#attribute(client, reply);
  }

  /** It has asked for it again. */
  #hearAgain(client: Client, reply: OutboundMessage): void {
    const { login } = client;
    if (login === undefined || login.isWritten) this.#hearUnasked(client, reply);
    else login.replies.push(reply);
  }

  #attribute(client: Client, reply: OutboundMessage): void {
    switch (reply.type) {
      case 'accepted':
      case 'rejected':
        this.#answer(client, reply, (asked) => asked.type === 'enter' && asked.token === reply.token);
        break;
      case 'replaced': {
        const { replacementToken: token } = reply;
        this.#answer(client, reply, (asked) => asked.type === 'replace' && asked.replacementToken === token);
        break;
      }
      case 'canceled':
        this.#hearCanceled(client, reply);
        break;
      case 'executed':
        if (reply.liquidity === 'A') this.#hearCounterpart(client, reply, this.#matchOf(reply.matchNumber));
        else this.#hearOwn(client, reply, this.#matchOf(reply.matchNumber));
        break;
      case 'aiq-canceled':
        if (reply.liquidity === 'A') this.#hearUnasked(client, reply);
        else this.#hearOwn(client, reply);
        break;
      default:
        break;
    }
  }

  #hearCanceled(client: Client, reply: OrderCanceled): void {
    const { token, reason } = reply;
    if (reason === 'I') this.#hearOwn(client, reply);
    else if (reason === 'L' && client.last !== undefined && client.last === client.login?.heard) {
      // While it was away.
      this.#hearAgain(client, reply);
    } else if (UNASKED.has(reason)) this.#hearUnasked(client, reply);
    else if (reason === 'U') {
      this.#answer(client, reply, (asked) => asked.type === 'cancel' && asked.token === token);
    } else {
      // A replace that can not be done ends the order.
      this.#answer(client, reply, (asked) => asked.type === 'replace' && asked.existingToken === token);
    }
  }

  /** The first word about a step; those before it are not answered any more. */
  #answer(client: Client, reply: OutboundMessage, isAsked: (message: InboundMessage) => boolean): void {
    const { unanswered } = client;
    const step = find(unanswered, ({ message }) => message !== undefined && isAsked(message));
    if (step === undefined) {
      this.#hearUnasked(client, reply);
      return;
    }
    for (let before = unanswered.shift(); before !== undefined && before !== step; ) {
      before.isDone = true;
      before = unanswered.shift();
    }
    if (client.current !== undefined) client.current.isDone = true;
    client.current = step;
    step.timestampNs = reply.timestampNs;
    if (reply.type === 'accepted' || reply.type === 'replaced') step.orderNumber = reply.orderNumber;
    this.#follow(client, step);
    this.#reply(step, reply);
  }

  /** More about the order that was answered last. */
  #hearOwn(client: Client, reply: OutboundMessage & { readonly token: number }, match?: Match): void {
    const { current } = client;
    if (current === undefined || current.isWritten || tokenOf(current) !== reply.token) {
      this.#hearUnasked(client, reply);
      return;
    }
    if (match !== undefined) {
      match.cause = current;
      const { waiting } = match;
      match.waiting = undefined;
      if (waiting !== undefined && !this.#place(waiting, current)) this.#hearLate(waiting);
    }
    this.#reply(current, reply);
  }

  #hearCounterpart(client: Client, reply: OutboundMessage, match: Match): void {
    const { last: behind } = client;
    const counterpart: Counterpart = {
      client,
      reply,
      heard: { step: match.cause },
      behind,
      tick: this.#tick,
    };
    if (match.cause === undefined) {
      match.waiting = counterpart;
      client.last = counterpart.heard;
    } else if (!this.#place(counterpart, match.cause)) this.#hearUnasked(client, reply);
    else client.last = counterpart.heard;
  }

  /** False if it can't stand there: it has come too late, or its client was not there. */
  #place({ client, reply, heard, behind }: Counterpart, cause: Step): boolean {
    if (cause.isWritten || (client.login !== undefined && client.login.arrival > cause.arrival)) return false;
    heard.step = cause;
    if (client === cause.client) this.#reply(cause, reply);
    else {
      cause.told.push({ client, reply });
      cause.tick = this.#tick;
      if (behind !== undefined) cause.behind.push(behind);
    }
    return true;
  }

  /** Who has caused it is not known, and will not be. */
  #hearLate({ client, reply, heard, behind }: Counterpart): void {
    const step = this.#newUnasked(client, reply);
    heard.step = step;
    if (behind !== undefined) step.behind.push(behind);
  }

  /** It is expected behind all that has come before it. */
  #hearUnasked(client: Client, reply: OutboundMessage): void {
    const last = client.last?.step;
    if (last?.isUnasked && !last.isWritten && last.replies.length < LINE_REPLIES) {
      last.replies.push(reply);
      last.arrival = this.#arrivals;
      last.timestampNs = reply.timestampNs;
      last.tick = this.#tick;
      return;
    }
    const step = this.#newUnasked(client, reply);
    client.unasked.push(step);
    this.#follow(client, step);
  }

  #newUnasked(client: Client, reply: OutboundMessage): Step {
    const step = this.#newStep(client, undefined);
    step.replies.push(reply);
    step.timestampNs = reply.timestampNs;
    step.isDone = true;
    this.#window.addLoose(step);
    return step;
  }

  /** What its client heard in between was because of it. */
  #reply(step: Step, reply: OutboundMessage): void {
    const { unasked } = step.client;
    if (step.replies.length > 0) {
      for (const between of unasked) {
        step.replies.push(...between.replies);
        between.heard.step = step;
        this.#window.removeLoose(between);
      }
      step.client.last = step.heard;
    }
    unasked.length = 0;
    step.replies.push(reply);
    step.tick = this.#tick;
  }

  /** Its client hears of it behind all that it has heard before. */
  #follow(client: Client, step: Step): void {
    if (client.last !== undefined) step.behind.push(client.last);
    client.last = step.heard;
  }

  #matchOf(number: bigint): Match {
    const known = this.#matches.get(number);
    if (known !== undefined) return known;
    const match: Match = { name: undefined, cause: undefined, waiting: undefined };
    this.#matches.set(number, match);
    if (this.#matches.size > MATCHES_MAX) this.#forgetMatch();
    return match;
  }

  #forgetMatch(): void {
    const [oldest] = this.#matches;
    if (oldest === undefined) return;
    const [number, { waiting }] = oldest;
    this.#matches.delete(number);
    if (waiting !== undefined) this.#hearLate(waiting);
  }

  /** `isCut`: its answer may still come. */
  #write(step: Step, isCut: boolean): void {
    const { client, message, verb, replies, told } = step;
    // What is written is the first of its client that is not.
    if (client.unanswered.first() === step) client.unanswered.shift();
    const body = message === undefined ? verb : toStep(message);
    const isSilent = message !== undefined && !step.isAnswered && !isCut && !step.isUntold;
    this.#writeLines(client, body, replies, isSilent ? { expect: [] } : {});
    const others = new Map<Client, OutboundMessage[]>();
    for (const { client: other, reply } of told) {
      const list = others.get(other);
      if (list === undefined) others.set(other, [reply]);
      else list.push(reply);
    }
    for (const [other, list] of others) this.#writeLines(other, {}, list, {});
    // Steps name those before them; what is written is needed no more.
    step.replies.length = 0;
    step.told.length = 0;
    step.behind.length = 0;
  }

  /** What a step expects may be too long for one line. */
  #writeLines({ name: as }: Client, body: object, replies: readonly OutboundMessage[], rest: object): void {
    for (let at = 0; at === 0 || at < replies.length; at += LINE_REPLIES) {
      const part = replies.slice(at, at + LINE_REPLIES).map((reply) => this.#expectedOf(reply));
      const expect = part.length === 0 ? rest : { expect: part.length === 1 ? part[0] : part };
      this.#sink.write(JSON.stringify({ as, ...(at === 0 ? body : {}), ...expect }));
    }
  }

  /** What is another one in each run is left out, but for what tells the sides of one execution. */
  #expectedOf(reply: OutboundMessage): object {
    const fields = toReply(reply);
    const expected: Record<string, string | number> = {};
    for (const name in fields) {
      const value = fields[name] as string | number;
      const isLeftOut = LEFT_OUT.has(name) || (typeof value === 'string' && !ASCII.test(value));
      if (!isLeftOut) expected[name] = value;
    }
    const match = reply.type === 'executed' ? this.#matches.get(reply.matchNumber) : undefined;
    if (reply.type !== 'executed' || match === undefined) return expected;
    match.name ??= `$m${++this.#names}`;
    // The side that was there before is written last.
    if (reply.liquidity === 'A') this.#matches.delete(reply.matchNumber);
    return { ...expected, match_number: match.name };
  }
}

function newClient(name: string): Client {
  return {
    name,
    unanswered: new Queue(),
    current: undefined,
    unasked: [],
    last: undefined,
    session: undefined,
    login: undefined,
    day: '',
    unseen: 1,
    next: 1,
  };
}

function tokenOf({ message }: Step): number | undefined {
  if (message?.type === 'enter') return message.token;
  return message?.type === 'replace' ? message.replacementToken : undefined;
}

function find<T>(items: Iterable<T>, isMeant: (item: T) => boolean): T | undefined {
  for (const item of items) if (isMeant(item)) return item;
  return undefined;
}
