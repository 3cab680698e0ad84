/**
 * What is to be done for the steps of one input, and what becomes of what they expect. Pure: time is told, and what is to
 * be done is returned.
 *
 * A step is a generator that yields what it waits for; whatever happens is noted, and the step goes on if that was it.
 *
 * Invariant: all open expectations belong to one client, the one whose steps are sent. A step of another one waits until
 * they are met.
 */
import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import type { InboundMessage, OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import { placeIn } from '../../src/protocol/ouch-inputs/check.ts';
import { Captures, compare, type Difference } from '../../src/protocol/ouch-inputs/expect.ts';
import {
  type Disconnect,
  expectationsOf,
  isSilence,
  type Reply,
  type Step,
} from '../../src/protocol/ouch-inputs/input.ts';
import type { Piece } from '../../src/protocol/ouch-inputs/pieces.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { Queue } from '../../src/values/queue.ts';
import type { Failure, FailureKind } from './failure.ts';
import { clientOf } from './step-client.ts';

/** A file that expects without end must not have more on its way than its reader can name. */
const EXPECTED_MAX = 1024;
/** Replies that no step was read for yet. */
const WAITING_MAX = 65_536;
const PASSED_MAX = 3;

/** A step as it was read. */
export interface ReadStep {
  readonly step: Step;
  readonly piece: Piece;
  /** Of O, U and X. */
  readonly message: InboundMessage | undefined;
}

export interface MachineOptions {
  readonly file: string;
  readonly clients: readonly string[];
  /** Those that connect by a step of theirs. */
  readonly late: ReadonlySet<string>;
  /** Those of which something is expected. */
  readonly checked: ReadonlySet<string>;
  readonly formOf: (client: string) => OrderbookForm;
  readonly timeoutMs: number;
}

export type Effect =
  | { readonly type: 'send'; readonly client: string; readonly message: InboundMessage }
  | { readonly type: 'disconnect'; readonly client: string; readonly how: Disconnect }
  /** Without `sequence`: where it left off. */
  | {
      readonly type: 'reconnect';
      readonly client: string;
      readonly session?: string | undefined;
      readonly sequence?: number | undefined;
    }
  | { readonly type: 'barrier'; readonly name: string }
  /** Nothing more is sent; what is still told is heard to its end. */
  | { readonly type: 'leave'; readonly client: string }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly failure: Failure };

interface Client {
  readonly name: string;
  readonly isChecked: boolean;
  state: 'open' | 'leaving' | 'closed';
  /** Why it is closed, if nobody asked for that. */
  error: OutcryError | undefined;
  /** A step of its own, or the end of the input, has ended a connection of it. */
  hasLeft: boolean;
  /** The last of its steps that is not to be answered, until what follows it is: 0 if there is none. */
  unanswered: number;
  /** Replies for which no expectation was read yet. */
  readonly waiting: Queue<OutboundMessage>;
  /** Of them, those that its own end explains. */
  readonly withdrawn: WeakSet<OutboundMessage>;
  /** By token: orders whose steps expect nothing. */
  readonly free: Map<number, FreeOrder>;
  passed: readonly OutboundMessage[];
  last: Origin;
}

interface FreeOrder {
  /** So many of its steps have no direct answer yet. */
  unanswered: number;
  /** Whether a cancel that was asked for is looked at: one was, and only by steps that expect something. */
  isCancelExpected: boolean | undefined;
}

/** Where something is from. */
interface Origin {
  /** From 1. */
  readonly step: number;
  readonly piece: Piece | undefined;
}

interface Expectation {
  readonly reply: Reply;
  readonly origin: Origin;
  /** From 1, in its step. */
  readonly nth: number;
}

type Wait =
  | { readonly for: 'expectations' }
  | { readonly for: 'time'; readonly untilMs: number }
  | { readonly for: 'silence'; readonly untilMs: number; readonly client: Client }
  | { readonly for: 'barrier' }
  | { readonly for: 'login'; readonly client: Client }
  | { readonly for: 'close'; readonly clients: readonly Client[] };

const EXPECTATIONS: Wait = { for: 'expectations' };
const BARRIER: Wait = { for: 'barrier' };
const NOWHERE: Origin = { step: 0, piece: undefined };
/** Reasons of cancels that answer no message. */
const UNASKED = 'ILMOS';
const FIRST_PLACE = { line: 1, column: 1 };

export class StepMachine {
  readonly #options: MachineOptions;
  readonly #clients: ReadonlyMap<string, Client>;
  readonly #captures = new Captures();
  /** Open ones, of `#current`. */
  readonly #expected = new Queue<Expectation>();
  #current: Client | undefined;
  #steps = 0;
  #last: Origin = NOWHERE;
  #work: Generator<Wait, void, void> | undefined;
  #wait: Wait | undefined;
  #isBarrierPassed = false;
  #isOver = false;
  #effects: Effect[] = [];
  #nowMs = 0;
  #startMs = 0;
  /** When the last of what was sent and awaited was done. */
  #doneMs = 0;
  /** When what is waited for last came nearer. */
  #progressMs = 0;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#clients = new Map(
      options.clients.map((name) => [
        name,
        {
          name,
          isChecked: options.checked.has(name),
          state: options.late.has(name) ? 'closed' : 'open',
          error: undefined,
          hasLeft: false,
          unanswered: 0,
          waiting: new Queue(),
          withdrawn: new WeakSet(),
          free: new Map(),
          passed: [],
          last: NOWHERE,
        },
      ]),
    );
  }

  /** A next step may be offered, or the end. */
  get isWanting(): boolean {
    return !this.#isOver && this.#work === undefined && this.#expected.length < EXPECTED_MAX;
  }

  /** Done or failed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** `tick` is to be called then. */
  get dueMs(): number | undefined {
    if (this.#isOver) return undefined;
    if (this.#wait !== undefined && 'untilMs' in this.#wait) return this.#wait.untilMs;
    const isAwaiting = this.#expected.length > 0 || this.#wait?.for === 'close';
    return isAwaiting ? this.#progressMs + this.#options.timeoutMs : undefined;
  }

  /** The clients are connected. */
  start(nowMs: number): void {
    this.#startMs = nowMs;
    this.#doneMs = nowMs;
  }

  offer(read: ReadStep, nowMs: number): readonly Effect[] {
    this.#steps += 1;
    this.#last = { step: this.#steps, piece: read.piece };
    return this.#begin(this.#perform(read, this.#last), nowMs);
  }

  /** There are no more steps. */
  end(nowMs: number): readonly Effect[] {
    return this.#begin(this.#leave(), nowMs);
  }

  reply(name: string, message: OutboundMessage, nowMs: number): readonly Effect[] {
    return this.#happen(nowMs, () => {
      const client = this.#clientNamed(name);
      if (this.#wait?.for === 'close') this.#progressMs = nowMs;
      if (!client.isChecked) return;
      const isSilent = this.#wait?.for === 'silence' && this.#wait.client === client;
      if (isSilent && message.type !== 'system-event') this.#fail('noise', client, { got: message });
      else if (client === this.#current && this.#expected.length > 0) this.#match(client, message);
      else this.#keep(client, message);
    });
  }

  /** Something came that is only counted. */
  progress(nowMs: number): void {
    if (this.#wait?.for === 'close') this.#progressMs = nowMs;
  }

  passBarrier(nowMs: number): readonly Effect[] {
    return this.#happen(nowMs, () => {
      this.#isBarrierPassed = true;
    });
  }

  /** The barrier will never be passed, or the file is not what it was. */
  fail(what: 'barrier' | 'file', error: OutcryError, nowMs: number): readonly Effect[] {
    return this.#happen(nowMs, () => this.#fail(what, undefined, { error }));
  }

  /** A client that was to connect by a step has done so. */
  ready(name: string, nowMs: number): readonly Effect[] {
    return this.#happen(nowMs, () => {
      const client = this.#clientNamed(name);
      client.state = 'open';
      client.error = undefined;
    });
  }

  /** The connection has ended: in order if there is no error. */
  over(name: string, error: OutcryError | undefined, nowMs: number): readonly Effect[] {
    return this.#happen(nowMs, () => {
      const client = this.#clientNamed(name);
      client.state = 'closed';
      client.error = error;
      if (this.#wait?.for === 'close') this.#progressMs = nowMs;
      if (error === undefined) return;
      const expectation = client === this.#current ? this.#expected.first() : undefined;
      // The end of a day is no failure of those who have nothing more to say, and to hear.
      const isAwaited = expectation !== undefined || client.unanswered > 0 || this.#isWaitedFor(client);
      if (error.code === 'ERR_SESSION_ENDED' && !isAwaited) return;
      this.#fail('connection', client, expectation === undefined ? { error } : { error, expectation });
    });
  }

  /** Nothing of a client was taken for too long. */
  stuck(name: string, nowMs: number): readonly Effect[] {
    return this.#happen(nowMs, () => {
      this.#fail('timeout', this.#clientNamed(name), { error: this.#lateError('nothing more was taken') });
    });
  }

  tick(nowMs: number): readonly Effect[] {
    return this.#happen(nowMs, () => {
      const { dueMs } = this;
      if (dueMs === undefined || nowMs < dueMs) return;
      if (this.#wait !== undefined && 'untilMs' in this.#wait) return;
      const expectation = this.#expected.first();
      if (expectation !== undefined)
        this.#fail('timeout', this.#current, { expectation, error: this.#lateError('nothing came') });
      else if (this.#wait?.for === 'close') {
        const client = this.#wait.clients.find(({ state }) => state !== 'closed');
        this.#fail('timeout', client, { error: this.#lateError('the connection was not closed') });
      }
    });
  }

  #begin(work: Generator<Wait, void, void>, nowMs: number): readonly Effect[] {
    return this.#happen(nowMs, () => {
      this.#work = work;
      this.#wait = undefined;
    });
  }

  #happen(nowMs: number, note: () => void): readonly Effect[] {
    if (this.#isOver) return [];
    this.#nowMs = nowMs;
    note();
    this.#goOn();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #goOn(): void {
    while (!this.#isOver && this.#work !== undefined && this.#isMet(this.#wait)) {
      if (this.#wait !== undefined && this.#wait.for !== 'expectations') this.#doneMs = this.#nowMs;
      const { done, value } = this.#work.next();
      this.#wait = done === true ? undefined : value;
      if (done === true) this.#work = undefined;
    }
  }

  #isMet(wait: Wait | undefined): boolean {
    switch (wait?.for) {
      case undefined:
        return true;
      case 'expectations':
        return this.#expected.length === 0;
      case 'time':
      case 'silence':
        return this.#nowMs >= wait.untilMs;
      case 'barrier':
        return this.#isBarrierPassed;
      case 'login':
        return wait.client.state === 'open';
      case 'close':
        return wait.clients.every(({ state }) => state === 'closed');
    }
  }

  *#perform({ step, message }: ReadStep, origin: Origin): Generator<Wait, void, void> {
    const name = clientOf(step);
    const client = name === undefined ? this.#current : this.#clientNamed(name);
    if (client !== this.#current || !isPlain(step)) yield EXPECTATIONS;
    this.#current = client;
    if (client !== undefined) client.last = origin;
    if (step.at !== undefined) yield { for: 'time', untilMs: this.#startMs + step.at };
    if (step.after !== undefined) yield { for: 'time', untilMs: this.#doneMs + step.after };
    if (client !== undefined && message !== undefined) this.#send(client, step, message);
    else if ('sleep' in step) yield { for: 'time', untilMs: this.#nowMs + step.sleep };
    else if ('barrier' in step) {
      this.#isBarrierPassed = false;
      this.#effects.push({ type: 'barrier', name: step.barrier });
      yield BARRIER;
    } else if (client !== undefined && 'disconnect' in step) yield this.#disconnect(client, step.disconnect);
    else if (client !== undefined && 'reconnect' in step) yield this.#reconnect(client, step.reconnect);
    if (client !== undefined) yield* this.#expectAll(client, step, message, origin);
  }

  *#expectAll(
    client: Client,
    step: Step,
    message: InboundMessage | undefined,
    origin: Origin,
  ): Generator<Wait, void, void> {
    for (const [index, expected] of (expectationsOf(step) ?? []).entries()) {
      if (isSilence(expected)) {
        yield EXPECTATIONS;
        this.#expectNothing(client);
        if (client.error !== undefined) this.#fail('connection', client, { error: client.error });
        yield { for: 'silence', untilMs: this.#nowMs + expected.silence, client };
      } else this.#expect(client, { reply: ownReply(expected, message), origin, nth: index + 1 });
    }
  }

  *#leave(): Generator<Wait, void, void> {
    yield EXPECTATIONS;
    // What the one who sent last has done is known when it is closed; nobody's orders are withdrawn before.
    const clients = [...this.#clients.values()];
    yield this.#leaveAll(clients.filter((client) => client === this.#current));
    yield this.#leaveAll(clients);
    for (const client of clients) {
      for (const message of client.waiting) {
        if (this.#isFree(client, message) || client.withdrawn.has(message)) continue;
        this.#fail('unexpected', client, { got: message });
        return;
      }
    }
    this.#isOver = true;
    this.#effects.push({ type: 'done' });
  }

  #leaveAll(clients: readonly Client[]): Wait {
    for (const client of clients) {
      if (client.state !== 'open') continue;
      client.state = 'leaving';
      client.hasLeft = true;
      this.#effects.push({ type: 'leave', client: client.name });
    }
    this.#progressMs = this.#nowMs;
    return { for: 'close', clients };
  }

  #send(client: Client, { expect }: Step, message: InboundMessage): void {
    if (client.state !== 'open') {
      this.#fail('connection', client, { error: closedError(client) });
      return;
    }
    this.#effects.push({ type: 'send', client: client.name, message });
    this.#doneMs = this.#nowMs;
    if (!client.isChecked) return;
    const isFree = expect === undefined;
    if (Array.isArray(expect) && expect.length === 0) client.unanswered = client.last.step;
    if (message.type !== 'enter') {
      const order = client.free.get(message.type === 'cancel' ? message.token : message.existingToken);
      if (order !== undefined) order.isCancelExpected = !isFree && order.isCancelExpected !== false;
    }
    if (!isFree || message.type === 'cancel') return;
    const token = message.type === 'enter' ? message.token : message.replacementToken;
    const order = client.free.get(token);
    if (order === undefined) client.free.set(token, { unanswered: 1, isCancelExpected: undefined });
    else order.unanswered += 1;
  }

  #disconnect(client: Client, how: Disconnect): Wait {
    if (client.error !== undefined) this.#fail('connection', client, { error: client.error });
    if (client.state === 'open') {
      client.state = how === 'reset' ? 'closed' : 'leaving';
      client.hasLeft = true;
      this.#effects.push({ type: 'disconnect', client: client.name, how });
    }
    this.#progressMs = this.#nowMs;
    return { for: 'close', clients: [client] };
  }

  #reconnect(client: Client, how: true | { readonly session?: string; readonly sequence?: number }): Wait {
    const { name } = client;
    // A number without a session is one of whichever there is.
    const wanted = how === true ? {} : { session: how.session ?? '', sequence: how.sequence };
    if (client.state === 'open') client.hasLeft = true;
    client.state = 'closed';
    this.#effects.push({ type: 'reconnect', client: name, ...wanted });
    return { for: 'login', client };
  }

  #expect(client: Client, expectation: Expectation): void {
    if (this.#isOver) return;
    if (this.#expected.length === 0) this.#progressMs = this.#nowMs;
    this.#expected.push(expectation);
    while (this.#expected.length > 0 && !this.#isOver) {
      const message = client.waiting.shift();
      if (message === undefined) break;
      this.#match(client, message);
    }
    if (client.state === 'closed' && this.#expected.length > 0) {
      this.#fail('connection', client, { expectation, error: closedError(client) });
    }
  }

  /** A silence begins; what is known of the day breaks none. */
  #expectNothing(client: Client): void {
    for (;;) {
      const message = client.waiting.shift();
      if (message === undefined || this.#isOver) return;
      if (message.type !== 'system-event') this.#fail('noise', client, { got: message });
    }
  }

  #match(client: Client, message: OutboundMessage): void {
    const expectation = this.#expected.first();
    if (expectation === undefined) return;
    const form = this.#options.formOf(client.name);
    const difference = compare(expectation.reply, message, form, this.#captures);
    if (difference === undefined) {
      this.#expected.shift();
      client.passed = [];
      if (expectation.origin.step > client.unanswered) client.unanswered = 0;
      this.#progressMs = this.#nowMs;
      this.#doneMs = this.#nowMs;
    } else if (this.#isFree(client, message)) client.passed = [...client.passed, message].slice(-PASSED_MAX);
    else this.#fail('mismatch', client, { expectation, got: message, difference });
  }

  #keep(client: Client, message: OutboundMessage): void {
    if (client.waiting.length >= WAITING_MAX) this.#fail('unexpected', client, { got: message });
    else {
      client.waiting.push(message);
      if (client.hasLeft && isWithdrawal(message)) client.withdrawn.add(message);
    }
  }

  /** A step of it is in the middle of something that needs a connection. */
  #isWaitedFor(client: Client): boolean {
    const wait = this.#wait;
    return (wait?.for === 'silence' || wait?.for === 'login') && wait.client === client;
  }

  /** Nobody has to expect it: it is about the day, or about an order whose step expects nothing. Told once of each. */
  #isFree(client: Client, message: OutboundMessage): boolean {
    if (message.type === 'system-event') return true;
    const token = message.type === 'replaced' ? message.replacementToken : message.token;
    const order = client.free.get(token);
    if (order === undefined) return false;
    if (message.type === 'canceled')
      return order.isCancelExpected !== true || UNASKED.includes(message.reason);
    const isAnswer =
      message.type === 'accepted' || message.type === 'rejected' || message.type === 'replaced';
    if (!isAnswer) return true;
    order.unanswered -= 1;
    return order.unanswered >= 0;
  }

  #fail(
    what: FailureKind,
    client: Client | undefined,
    about: {
      readonly expectation?: Expectation;
      readonly got?: OutboundMessage;
      readonly difference?: Difference;
      readonly error?: OutcryError;
    },
  ): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { expectation, ...rest } = about;
    const origin = expectation?.origin ?? client?.last ?? this.#last;
    const failure: Failure = {
      file: this.#options.file,
      what,
      step: origin.step,
      place: placeOf(origin, expectation?.nth),
      client: client?.name,
      expected: expectation?.reply,
      nth: expectation?.nth,
      passed: client?.passed ?? [],
      ...rest,
    };
    this.#effects.push({ type: 'failed', failure });
  }

  #lateError(what: string): OutcryError {
    const message = `${what} within ${this.#options.timeoutMs / 1000} s`;
    return new OutcryError('ERR_REQUEST_TIMEOUT', message);
  }

  #clientNamed(name: string): Client {
    const client = this.#clients.get(name);
    if (client === undefined) throw new OutcryError('ERR_UNEXPECTED', `no step was to name client ${name}`);
    return client;
  }
}

/** It need not wait for what the steps of the same client before it expect. */
function isPlain(step: Step): boolean {
  const isTimed = step.at !== undefined || step.after !== undefined;
  const isVerb = 'barrier' in step || 'disconnect' in step || 'reconnect' in step || 'sleep' in step;
  return !isTimed && !isVerb;
}

/**
 * An answer that names no token is that to the step's own message: those to steps before it, which may expect nothing, are on
 * their way, too.
 */
function ownReply(reply: Reply, message: InboundMessage | undefined): Reply {
  const { message_type: letter } = reply;
  if (message?.type === 'enter' && (letter === 'A' || letter === 'J')) {
    return { order_token: message.token, ...reply };
  }
  if (message?.type === 'replace' && letter === 'U') {
    return { replacement_order_token: message.replacementToken, ...reply };
  }
  if (message?.type === 'cancel' && letter === 'C') return { order_token: message.token, ...reply };
  return reply;
}

/** What is left of orders when their connection ends. */
function isWithdrawal(message: OutboundMessage): boolean {
  return message.type === 'canceled' && message.reason === 'L';
}

function closedError({ name, error }: Client): OutcryError {
  return error ?? new OutcryError('ERR_CONNECTION_LOST', `${name} is not connected`);
}

function placeOf({ piece }: Origin, nth: number | undefined): Failure['place'] {
  if (piece === undefined) return FIRST_PLACE;
  const { expect } = JSON.parse(piece.text) as Step;
  if (nth === undefined || expect === undefined) return piece.place;
  return placeIn(piece, Array.isArray(expect) ? ['expect', nth - 1] : ['expect']);
}
