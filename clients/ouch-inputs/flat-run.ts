/**
 * An input of one client that only sends: its messages go out as they are on disk, and what comes is counted where it
 * came. Memory is one buffer, however long the input is.
 */
import { ENTER, LENGTH, LETTER, REPLACE } from '../../src/protocol/ouch/layout.ts';
import { HEADER_BYTES } from '../../src/protocol/soupbintcp/packets.ts';
import { monotonicMs } from '../../src/values/clock.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { Door, DoorListener, Login } from './door.ts';
import { IdleTimer } from './idle-timer.ts';
import { InputRun, type RunContext } from './input-run.ts';
import type { Survey } from './read.ts';
import type { Spool } from './spool.ts';
import { isAnswer, tokenAt } from './statistics.ts';
import { Wakeup } from './wakeup.ts';

const BUFFER_BYTES = 64 * 1024;
const NO_TOKEN = -1;

export class FlatRun extends InputRun {
  readonly #spool: Spool;
  readonly #client: string;
  /** Of a packet, ahead of its message. */
  readonly #headerBytes: number;
  readonly #changed = new Wakeup();
  readonly #idle: IdleTimer;
  #door: Door | undefined;
  #isTaken = true;
  #isLeaving = false;
  #isOver = false;
  /** The order whose answer is timed: one of each write. */
  #probe = NO_TOKEN;
  #probeMs = 0;

  constructor(survey: Survey, spool: Spool, logins: ReadonlyMap<string, Login>, context: RunContext) {
    super(survey, logins, context);
    this.#spool = spool;
    this.#client = survey.clients[0] ?? '';
    this.#headerBytes = this.targetOf(this.#client).isRaw ? 0 : HEADER_BYTES;
    this.#idle = new IdleTimer(context.timeoutMs, () => this.#onIdle());
  }

  interrupt(): void {
    if (this.#isOver) return;
    this.isInterrupted = true;
    this.#finish();
  }

  protected async play(): Promise<void> {
    const listener: DoorListener = {
      onReady: (_session, heard) => this.noteHeard(this.#client, heard),
      onReply: (bytes, start) => this.#onReply(bytes, start),
      onDrain: () => {},
      onOver: (error) => this.#onOver(error),
    };
    await this.open(this.#client, this.loginOf(this.#client), listener, (opened) => {
      this.#door = opened;
    });
    const door = this.#door;
    if (this.#isOver || door === undefined) return;
    this.begin();
    for (let time = 0; time < this.context.repeat && !this.#isOver; time++) {
      await this.#sendAll(door, time * (this.survey.lastToken + 1));
    }
    if (this.#isOver) return;
    this.#isLeaving = true;
    this.#idle.start();
    door.halfClose();
    await this.#until(() => this.#isOver);
  }

  #onReply(bytes: Uint8Array, start: number): void {
    this.#idle.moved();
    this.tally.count(bytes, start);
    if (this.#probe !== NO_TOKEN && isAnswer(bytes[start])) this.#onAnswer(tokenAt(bytes, start));
  }

  #onOver(error: OutcryError | undefined): void {
    if (this.#isOver) return;
    // The end of the day is one in order, if nothing more was to be said.
    const isInOrder = error === undefined || (this.#isLeaving && error.code === 'ERR_SESSION_ENDED');
    if (!isInOrder) this.#fail('connection', error);
    this.#finish();
  }

  async #sendAll(door: Door, tokenOffset: number): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    let kept = 0;
    for (let at = 0; at < this.#spool.bytes; ) {
      const read = await this.#spool.read(at, buffer, kept);
      at += read;
      const sent = await this.#sendWhole(door, buffer.subarray(0, kept + read), tokenOffset);
      if (this.#isOver) return;
      // The last message of the buffer may not be whole.
      buffer.copyWithin(0, sent, kept + read);
      kept += read - sent;
    }
  }

  /** Returns where the first message begins that is not whole. */
  async #sendWhole(door: Door, bytes: Buffer, tokenOffset: number): Promise<number> {
    let at = 0;
    for (let end = this.#endOf(bytes, at); end > at; end = this.#endOf(bytes, at)) {
      const { rate } = this.context;
      const limit =
        rate === undefined ? Number.POSITIVE_INFINITY : await rate.take(this.#countFrom(bytes, at));
      if (this.#isOver) return at;
      const start = at;
      let count = 0;
      for (; end > at && count < limit; end = this.#endOf(bytes, at)) {
        this.#prepare(bytes, at + this.#headerBytes, tokenOffset);
        at = end;
        count++;
      }
      await this.#write(door, bytes.subarray(start, at));
      this.context.onSent(count);
      if (this.#isOver) return at;
    }
    return at;
  }

  /** Counts a message, and gives it the tokens of this time. */
  #prepare(bytes: Buffer, at: number, tokenOffset: number): void {
    const letter = bytes[at] as number;
    this.tally.countSent(letter);
    if (tokenOffset > 0) {
      // All three kinds begin with the token of an order.
      addToken(bytes, at + ENTER.token, tokenOffset);
      if (letter === LETTER.replace) addToken(bytes, at + REPLACE.replacementToken, tokenOffset);
    }
    if (this.#probe !== NO_TOKEN || letter === LETTER.cancel) return;
    this.#probe = bytes.readUInt32BE(
      at + (letter === LETTER.replace ? REPLACE.replacementToken : ENTER.token),
    );
    this.#probeMs = 0;
  }

  async #write(door: Door, bytes: Uint8Array): Promise<void> {
    if (this.#probeMs === 0) this.#probeMs = monotonicMs();
    this.#isTaken = false;
    this.#idle.start();
    door.sendAll(bytes, () => {
      this.#isTaken = true;
      this.#changed.wake();
    });
    await this.#until(() => this.#isTaken || this.#isOver);
    this.#idle.stop();
  }

  #onAnswer(token: number): void {
    if (token < this.#probe) return;
    // A later one is answered: the probe was ignored.
    if (token === this.#probe) this.latency.record((monotonicMs() - this.#probeMs) * 1000);
    this.#probe = NO_TOKEN;
  }

  #onIdle(): void {
    const what = this.#isLeaving ? 'the connection was not closed' : 'nothing more was taken';
    const message = `${what} within ${this.context.timeoutMs / 1000} s`;
    this.#fail('timeout', new OutcryError('ERR_REQUEST_TIMEOUT', message));
    this.#finish();
  }

  #fail(what: 'connection' | 'timeout', error: OutcryError | undefined): void {
    this.failure ??= {
      file: this.survey.file,
      what,
      step: this.#isLeaving ? this.survey.steps : this.tally.sent,
      place: { line: 1, column: 1 },
      client: this.#client,
      passed: [],
      error,
    };
  }

  #finish(): void {
    this.#isOver = true;
    this.#idle.stop();
    this.#door?.reset();
    this.stopOpening();
    this.#changed.wake();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#changed.wait();
  }

  #countFrom(bytes: Buffer, from: number): number {
    let count = 0;
    for (let at = from, end = this.#endOf(bytes, at); end > at; end = this.#endOf(bytes, at)) {
      at = end;
      count++;
    }
    return count;
  }

  /** Of the message at `at`; `at` if it is not whole. */
  #endOf(bytes: Buffer, at: number): number {
    const letter = bytes[at + this.#headerBytes];
    const length =
      letter === LETTER.enter ? LENGTH.enter : letter === LETTER.replace ? LENGTH.replace : LENGTH.cancel;
    const end = at + this.#headerBytes + length;
    return end <= bytes.length ? end : at;
  }
}

function addToken(bytes: Buffer, at: number, offset: number): void {
  bytes.writeUInt32BE(bytes.readUInt32BE(at) + offset, at);
}
