/** An input that is done step by step: the connections of its clients, and the machine that says what they do. */
import { LETTER } from '../../src/protocol/ouch/layout.ts';
import { decodeOutbound, type InboundMessage } from '../../src/protocol/ouch/messages.ts';
import { monotonicMs } from '../../src/values/clock.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { BarrierGuest } from './barriers.ts';
import type { Door, DoorListener, Login } from './door.ts';
import { IdleTimer } from './idle-timer.ts';
import { InputRun, type RunContext } from './input-run.ts';
import { type Effect, type ReadStep, StepMachine } from './machine.ts';
import { type Survey, steps } from './read.ts';
import { Probes } from './statistics.ts';
import { clientOf } from './step-client.ts';
import { Wakeup } from './wakeup.ts';

/** A client and its connection, which may be another one later. */
interface Client {
  readonly name: string;
  /** Replies are looked at, not only counted. */
  readonly isWatched: boolean;
  readonly probes: Probes;
  door: Door | undefined;
  isOver: boolean;
  /** Which connection it is: what an earlier one still says is not heard. */
  generation: number;
  session: string;
  /** Of the next message; undefined before the first login. */
  sequence: number | undefined;
  /** Up to it messages are counted; those that come once more are not. */
  counted: number;
}

export class SteppedRun extends InputRun implements BarrierGuest {
  readonly file: string;
  readonly barriers: ReadonlyMap<string, number>;
  readonly #machine: StepMachine;
  readonly #clients: ReadonlyMap<string, Client>;
  readonly #changed = new Wakeup();
  /** Connections that another one was to take over. */
  readonly #left: Door[] = [];
  /** Resolves when nothing more is done. */
  readonly #ended: Promise<false>;
  #end: (isGoingOn: false) => void = () => {};
  /** Nobody said to go on, and what is behind that was to be expected. */
  #isCutShort = false;
  #timer: NodeJS.Timeout | undefined;
  /** When it is due. */
  #timerMs = Number.POSITIVE_INFINITY;

  constructor(survey: Survey, logins: ReadonlyMap<string, Login>, context: RunContext) {
    super(survey, logins, context);
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const { file, barriers, clients, checked, late } = survey;
    this.file = file;
    this.barriers = new Map([...barriers].map(([name, times]) => [name, times * context.repeat]));
    const formOf = (client: string) => this.targetOf(client).form;
    this.#machine = new StepMachine({ file, clients, checked, late, formOf, timeoutMs: context.timeoutMs });
    this.#clients = new Map(
      clients.map((name) => [
        name,
        {
          name,
          isWatched: checked.has(name) || context.pace !== undefined,
          probes: new Probes(),
          door: undefined,
          isOver: true,
          generation: 0,
          session: '',
          sequence: undefined,
          counted: 0,
        },
      ]),
    );
  }

  interrupt(): void {
    if (this.#isOver) return;
    this.isInterrupted = true;
    this.#finish();
  }

  onPass(): void {
    this.#apply(this.#machine.passBarrier(monotonicMs()));
  }

  onFail(error: OutcryError): void {
    this.#apply(this.#machine.fail('barrier', error, monotonicMs()));
  }

  protected async play(): Promise<void> {
    try {
      for (const name of this.survey.clients) {
        if (!this.survey.late.has(name) && !this.#isOver) await this.#connect(name, this.loginOf(name));
      }
      if (this.#isOver) return;
      this.begin();
      this.#machine.start(monotonicMs());
      await this.#offerAll();
      await this.#until(() => this.#machine.isWanting);
      if (!this.#isOver) this.#apply(this.#machine.end(monotonicMs()));
      await this.#ended;
      this.isInterrupted ||= this.#isCutShort;
    } finally {
      this.#finish();
      this.context.barriers.leave(this);
    }
  }

  get #isOver(): boolean {
    return this.#machine.isOver || this.isInterrupted;
  }

  async #offerAll(): Promise<void> {
    const { repeat, rate } = this.context;
    for (let time = 0; time < repeat && !this.#isOver; time++) {
      const tokenOffset = time * (this.survey.lastToken + 1);
      for await (const read of this.#steps()) {
        await this.#until(() => this.#machine.isWanting);
        if (read.message !== undefined) {
          if (!(await this.#mayGoOn(read))) {
            this.#isCutShort = this.survey.checked.size > 0;
            return;
          }
          await rate?.take(1);
          await this.#untilWritable(clientOf(read.step));
        }
        if (this.#isOver) return;
        this.#apply(this.#machine.offer(shifted(read, tokenOffset), monotonicMs()));
      }
    }
  }

  async *#steps(): AsyncGenerator<ReadStep, void, undefined> {
    try {
      yield* steps(this.survey);
    } catch (error) {
      this.#failFile(error);
    }
  }

  /** What was right when the run began is not any more. */
  #failFile(error: unknown): void {
    if (!(error instanceof OutcryError)) throw error;
    this.#apply(this.#machine.fail('file', error, monotonicMs()));
  }

  /** In step mode somebody says so. */
  async #mayGoOn({ step, message }: ReadStep): Promise<boolean> {
    const { pace } = this.context;
    if (pace === undefined || message === undefined) return true;
    return Promise.race([pace.next(clientOf(step) ?? '', message), this.#ended]);
  }

  /** What is sent has room, or will never have. */
  async #untilWritable(name: string | undefined): Promise<void> {
    const client = this.#clients.get(name ?? '');
    const isFree = () => client?.door?.isWritable !== false || client.isOver;
    if (isFree()) return;
    const idle = new IdleTimer(this.context.timeoutMs, () => {
      this.#apply(this.#machine.stuck(name ?? '', monotonicMs()));
    });
    idle.start();
    await this.#until(isFree);
    idle.stop();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.#isOver) await this.#changed.wait();
  }

  #apply(effects: readonly Effect[]): void {
    for (const effect of effects) this.#do(effect);
    this.#arm();
    this.#changed.wake();
  }

  #do(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#send(this.#clientNamed(effect.client), effect.message);
        break;
      case 'disconnect': {
        const client = this.#clientNamed(effect.client);
        if (effect.how === 'logout') client.door?.logOut();
        else if (effect.how === 'close') client.door?.halfClose();
        else client.door?.reset();
        break;
      }
      case 'reconnect': {
        const client = this.#clientNamed(effect.client);
        const { user, password, session, sequence } = this.loginOf(effect.client);
        void this.#connect(effect.client, {
          user,
          password,
          session: effect.session ?? (client.sequence === undefined ? session : client.session),
          sequence: effect.sequence ?? client.sequence ?? sequence,
        });
        break;
      }
      case 'barrier':
        this.context.barriers.arrive(this, effect.name);
        break;
      case 'leave':
        this.#clientNamed(effect.client).door?.halfClose();
        break;
      case 'done':
        this.#finish();
        break;
      case 'failed':
        this.failure = { ...effect.failure, hint: this.hint };
        this.#finish();
    }
  }

  #send(client: Client, message: InboundMessage): void {
    this.tally.countSent(LETTER[message.type]);
    client.probes.sent(message, monotonicMs());
    client.door?.send(message);
    this.context.onSent(1);
  }

  async #connect(name: string, login: Login): Promise<void> {
    const client = this.#clientNamed(name);
    client.generation += 1;
    if (client.door !== undefined) this.#left.push(client.door);
    client.door = undefined;
    client.isOver = false;
    client.probes.clear();
    await this.open(name, login, this.#listenerOf(client, client.generation), (door) => {
      client.door = door;
    });
  }

  #listenerOf(client: Client, generation: number): DoorListener {
    const isHeard = () => client.generation === generation && !this.#isOver;
    return {
      onReady: (session, heard) => {
        if (isHeard()) this.#onReady(client, session, heard);
      },
      onReply: (bytes, start, end) => {
        if (isHeard()) this.#onReply(client, bytes, start, end);
      },
      onDrain: () => this.#changed.wake(),
      onOver: (error) => {
        if (!isHeard()) return;
        client.isOver = true;
        this.#apply(this.#machine.over(client.name, error, monotonicMs()));
      },
    };
  }

  #onReady(client: Client, session: string, heard: number): void {
    const { name } = client;
    const isFirst = client.sequence === undefined;
    if (isFirst) this.noteHeard(name, heard);
    if (isFirst || session !== client.session || this.targetOf(name).isRaw) client.counted = heard;
    client.session = session;
    client.sequence = heard + 1;
    this.#apply(this.#machine.ready(name, monotonicMs()));
  }

  #onReply(client: Client, bytes: Uint8Array, start: number, end: number): void {
    const { name, sequence = 1 } = client;
    const nowMs = monotonicMs();
    client.sequence = sequence + 1;
    if (sequence > client.counted) {
      client.counted = sequence;
      this.tally.count(bytes, start);
      const us = client.probes.answered(bytes, start, nowMs);
      if (us !== undefined) this.latency.record(us);
    }
    if (!client.isWatched) {
      this.#machine.progress(nowMs);
      return;
    }
    const message = decodeOutbound(bytes.subarray(start, end), this.targetOf(name).form);
    this.context.pace?.received(name, message);
    this.#apply(this.#machine.reply(name, message, nowMs));
  }

  #arm(): void {
    const dueMs = this.#isOver ? undefined : this.#machine.dueMs;
    // A timer that is early only looks when it is to come again.
    if (dueMs === undefined || dueMs >= this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = dueMs;
    this.#timer = setTimeout(
      () => {
        this.#timerMs = Number.POSITIVE_INFINITY;
        this.#apply(this.#machine.tick(monotonicMs()));
      },
      Math.max(Math.ceil(dueMs - monotonicMs()), 0),
    );
  }

  #finish(): void {
    clearTimeout(this.#timer);
    for (const { door } of this.#clients.values()) door?.reset();
    for (const door of this.#left) door.reset();
    this.stopOpening();
    this.#changed.wake();
    this.#end(false);
  }

  #clientNamed(name: string): Client {
    const client = this.#clients.get(name);
    if (client === undefined) throw new OutcryError('ERR_UNEXPECTED', `${this.file} has no client ${name}`);
    return client;
  }
}

/** The same step with the tokens of another time. */
function shifted(read: ReadStep, by: number): ReadStep {
  const { message } = read;
  if (message === undefined || by === 0) return read;
  if (message.type !== 'replace') return { ...read, message: { ...message, token: message.token + by } };
  const existingToken = message.existingToken + by;
  const replacementToken = message.replacementToken + by;
  return { ...read, message: { ...message, existingToken, replacementToken } };
}
