/**
 * One client of the gold service. Its messages are answered one after the other; what comes meanwhile waits, and beyond a
 * limit is not read. Changes of rates reach it between two answers.
 *
 *     idle ◄──► busy               with a question to the rates or the directory, or what the client is to take first
 *       └─── -quit, the end of the input, the close, the shutdown, no header ───► leaving
 *
 * Who is signed in is the business of `SignIn`, what framing the client speaks that of `GoldInput`. When the session is
 * lost, the one that takes its place has both in its memory, and what was watched.
 */
import {
  GOLD_SERVICE,
  type GoldAnswers,
  type GoldCommand,
  type GoldNotice,
  type Missing,
  RATES_ADDRESS,
} from '../../src/protocol/gold.ts';
import type { GoldSettings } from '../../src/protocol/host-task.ts';
import type { Admission, UserNotice } from '../../src/protocol/users.ts';
import type { Address } from '../../src/values/address.ts';
import { printable } from '../../src/values/printable.ts';
import { credentials } from '../../src/values/user-name.ts';
import type { Actor, Answer, ConnectionCommand, ConnectionInfo, Context } from '../runtime/actor.ts';
import { type DirectoryLost, SignIn, withoutPort } from '../users/sign-in.ts';
import { type Framing, GoldInput, type GoldMessage } from './gold-input.ts';
import { fold, rowsNamed } from './gold-names.ts';
import {
  CLOSING_TEXT,
  CREDENTIALS_TEXT,
  CREDENTIALS_USAGE,
  changesText,
  datesText,
  EMPTY_TEXT,
  farewellText,
  GOODBYE_TEXT,
  type GoldChange,
  HELP_TEXT,
  LOST_TEXT,
  latestText,
  MIXED_TEXT,
  missingText,
  NOT_UTF8_TEXT,
  NOTHING_DONE_TEXT,
  rangeText,
  ratesText,
  refusalText,
  SIGN_IN_FIRST_TEXT,
  STORE_TEXT,
  signedInText,
  signedOutText,
  signedUpText,
  tooLongText,
  typesText,
  UNWATCHED_TEXT,
  unasked,
  WELCOME_TEXT,
  watchingText,
} from './gold-replies.ts';
import { type GoldRequest, parseRequest, type RowsRequest, shown } from './gold-requests.ts';

interface Answered {
  readonly type: 'answered';
  readonly onAnswer: (answer: Answer<never>) => void;
  readonly answer: Answer<never>;
}

type GoldSessionMessage =
  | ConnectionCommand
  | GoldNotice
  | UserNotice
  | Answered
  | DirectoryLost
  | { readonly type: 'rates-lost' }
  /** Timers. */
  | { readonly type: 'watch-again' }
  | { readonly type: 'stalled' };

/** What a session knows of the one whose place it takes. */
interface Memory {
  /** 0 if nobody is signed in. */
  readonly id: number;
  readonly epoch: number;
  readonly framing: Framing;
  readonly hasLines: boolean;
  readonly watched: readonly string[];
}

/** Of actors; they answer at once, or are being replaced. */
const ACTOR_TIMEOUT_MS = 10_000;
const WATCH_AGAIN_MS = 1000;
/** A client that takes nothing for so long is let go: it holds a place. */
const STALL_MS = 60_000;
/** Sent and not known to have been taken: beyond it the next message waits. */
const UNDRAINED_BYTES_MAX = 256 * 1024;
/** What has come beyond the message that is being answered; with more than this nothing is read. */
const WAITING_BYTES_MAX = 64 * 1024;
const WATCHED_MAX = 8;
/** Rows whose change waits for the answer before it; more are only counted. Of each row the latest change is kept. */
const CHANGES_MAX = 64;
/** Of dates and days so many are asked for: no answer has room for more. */
const ASKED_MAX = 200;
/** As bytes that were no UTF-8 are decoded. */
const NO_CHARACTER = '\ufffd';

export class GoldSession implements Actor<GoldSessionMessage> {
  readonly #settings: GoldSettings;
  readonly #info: ConnectionInfo;
  #input: GoldInput;
  #context: Context<GoldSessionMessage> | undefined;
  #signIn: SignIn | undefined;
  #state: 'idle' | 'busy' | 'leaving' = 'idle';
  /** The next message is a name and a password for it. */
  #credentialsFor: 'signin' | 'signup' | undefined;
  /** The client's last message ended with a newline, so what it is sent ends so too. */
  #hasLines = false;
  #watched: readonly string[] = [];
  readonly #changes = new Map<string, GoldChange>();
  #changesLeftOut = 0;
  /** Beside changes, what is said unasked. */
  #notices: string[] = [];
  #undrainedBytes = 0;
  #isDraining = false;
  /** The server shuts down, and this is what the client is told. */
  #farewell: string | undefined;
  /** The client has sent all it will. */
  #hasEnded = false;
  #isInputHeld = false;
  #remembered = '';

  constructor(settings: GoldSettings, info: ConnectionInfo) {
    this.#settings = settings;
    this.#info = info;
    this.#input = new GoldInput(settings.messageBytesMax);
  }

  started(context: Context<GoldSessionMessage>): void {
    this.#context = context;
    this.#signIn = new SignIn(
      {
        ask: (address, command, timeoutMs, then) => this.#ask(address, command, timeoutMs, then),
        watch: (address, message) => context.watch(context.refer(address), message),
        startTimer: (key, delayMs, message) => context.startTimer(key, delayMs, message),
      },
      { address: withoutPort(this.#info.remoteAddress), service: GOLD_SERVICE, session: context.self },
    );
    const { memory } = this.#info;
    if (memory === undefined) {
      this.#send(WELCOME_TEXT);
      this.#remember();
    } else this.#resume(JSON.parse(memory) as Memory);
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.#state === 'leaving') return;
    this.#input.add(bytes, start, end);
    this.#work();
  }

  receive(message: GoldSessionMessage): undefined {
    switch (message.type) {
      case 'answered':
        message.onAnswer(message.answer);
        break;
      case 'gold-changed':
        this.#onChanged(message);
        break;
      case 'signed-out':
        this.#onSignedOut(message);
        break;
      case 'directory-lost':
        this.#user.onDirectoryLost();
        break;
      case 'rates-lost':
      case 'watch-again':
        if (this.#watched.length > 0) this.#watchRates();
        break;
      case 'connection-drained':
        this.#onDrained();
        break;
      case 'stalled':
        this.#leave(`it took nothing for ${STALL_MS / 1000} s`);
        break;
      case 'connection-ended':
        this.#input.end();
        this.#hasEnded = true;
        break;
      case 'connection-closed':
        this.#leave(message.reason);
        break;
      case 'server-closing':
        this.#farewell = printable(message.message) || CLOSING_TEXT;
        break;
      case 'kicked': {
        const reason = printable(message.reason);
        this.#reply(farewellText(reason));
        this.#leave(reason);
      }
    }
    this.#work();
  }

  /** To others it would be the answer to what they ask next. */
  storeFailed(): void {
    if (this.#hasLines) this.#send(`${unasked(STORE_TEXT)}\n`);
  }

  get #ctx(): Context<GoldSessionMessage> {
    if (this.#context === undefined) throw new TypeError('the session has not started');
    return this.#context;
  }

  get #user(): SignIn {
    if (this.#signIn === undefined) throw new TypeError('the session has not started');
    return this.#signIn;
  }

  get #mayLookUp(): boolean {
    return !this.#settings.isSignInAsked || this.#user.user !== undefined;
  }

  #ask<Command, Reply>(
    address: Address,
    command: Command,
    timeoutMs: number,
    then: (answer: Answer<Reply>) => void,
  ): void {
    const context = this.#ctx;
    context.ask<Command, Reply>(context.refer<Command>(address), command, timeoutMs, (answer) => ({
      type: 'answered',
      onAnswer: then,
      answer: answer as Answer<never>,
    }));
  }

  #askRates<C extends GoldCommand>(command: C, then: (answer: Answer<GoldAnswers[C['type']]>) => void): void {
    this.#ask<GoldCommand, GoldAnswers[C['type']]>(RATES_ADDRESS, command, ACTOR_TIMEOUT_MS, then);
  }

  #send(text: string): void {
    const bytes = Buffer.from(text);
    this.#undrainedBytes += bytes.length;
    this.#ctx.send(bytes, 0, bytes.length);
  }

  /** An empty line shows where the answer ends to those who read lines; others get it in one piece. */
  #reply(text: string): void {
    this.#send(this.#hasLines ? `${text}\n\n` : text);
  }

  #fail(message: string): void {
    this.#reply(`ERROR ${message}`);
  }

  /** It takes the place of a session that was lost with its host, and with it what the client had sent. */
  #resume({ id, epoch, framing, hasLines, watched }: Memory): void {
    this.#input = new GoldInput(this.#settings.messageBytesMax, framing);
    this.#hasLines = hasLines;
    this.#watched = watched;
    this.#fail(LOST_TEXT);
    if (watched.length > 0) this.#watchRates();
    if (id === 0) return;
    this.#state = 'busy';
    this.#user.attend(id, epoch, () => {
      this.#state = 'idle';
    });
  }

  #remember(): void {
    const { id = 0, epoch = 0 } = this.#user.user ?? {};
    const framing = this.#input.framing === 'broken' ? 'unknown' : this.#input.framing;
    const memory: Memory = { id, epoch, framing, hasLines: this.#hasLines, watched: this.#watched };
    const text = JSON.stringify(memory);
    if (text === this.#remembered) return;
    this.#remembered = text;
    this.#ctx.remember(text);
  }

  /** Does what there is to do now. */
  #work(): void {
    if (this.#farewell === undefined) this.#takeMessages();
    if (this.#state === 'idle') this.#sayUnasked();
    if (this.#state === 'idle' && this.#isUndrained) {
      this.#state = 'busy';
      this.#isDraining = true;
      this.#ctx.tellDrained();
      this.#ctx.startTimer('stall', STALL_MS, { type: 'stalled' });
    }
    if (this.#state === 'idle' && this.#farewell !== undefined) {
      this.#reply(farewellText(this.#farewell));
      this.#leave();
    }
    if (this.#state === 'idle' && this.#hasEnded) this.#leave();
    if (this.#state === 'leaving') return;
    // Who is signed in may not be known at the moment.
    if (this.#state === 'idle') this.#remember();
    this.#regulateInput();
  }

  get #isUndrained(): boolean {
    return this.#undrainedBytes > UNDRAINED_BYTES_MAX;
  }

  #onDrained(): void {
    // A session that was lost may have asked for it.
    if (!this.#isDraining) return;
    this.#isDraining = false;
    this.#undrainedBytes = 0;
    this.#ctx.cancelTimer('stall');
    this.#state = 'idle';
  }

  #takeMessages(): void {
    let taken = 0;
    while (this.#state === 'idle' && !this.#isUndrained) {
      const message = this.#input.take();
      if (message === undefined) break;
      taken++;
      this.#take(message);
    }
    if (taken > 0) this.#ctx.countFrames(taken);
  }

  #take(message: GoldMessage): void {
    this.#hasLines = message.isLine;
    const purpose = this.#credentialsFor;
    this.#credentialsFor = undefined;
    switch (message.type) {
      case 'message':
        if (message.text.includes(NO_CHARACTER)) this.#refuse('not-utf-8', NOT_UTF8_TEXT);
        else if (purpose === undefined) this.#onRequest(parseRequest(message.text));
        else this.#onCredentials(purpose, message.text);
        break;
      case 'empty':
        if (purpose !== undefined) this.#reply(NOTHING_DONE_TEXT);
        else if (!message.isFirst) this.#reply(EMPTY_TEXT);
        break;
      case 'too-long':
        this.#refuse('message-too-long', tooLongText(this.#settings.messageBytesMax));
        break;
      case 'mixed':
        this.#refuse('mixed-framing', MIXED_TEXT);
        break;
      case 'broken':
        this.#refuse('bad-header', message.reason);
        this.#leave('it sent what is no header');
    }
  }

  #refuse(reason: string, message: string): void {
    this.#ctx.countIgnored({ [reason]: 1 });
    this.#fail(message);
  }

  /** Nothing of `line` is ever shown, logged or remembered: it has a password in it. */
  #onCredentials(purpose: 'signin' | 'signup', line: string): void {
    const found = credentials(line);
    if (parseRequest(line).type === 'quit') this.#quit();
    else if (found === undefined) this.#fail(CREDENTIALS_USAGE);
    else {
      const before = this.#user.user?.name;
      const then = (admission: Admission) => this.#onAdmission(purpose, admission, before);
      this.#state = 'busy';
      if (purpose === 'signin') this.#user.signIn(found.name, found.password, then);
      else this.#user.signUp(found.name, found.password, then);
    }
  }

  /** `before`: who was signed in until now. */
  #onAdmission(purpose: 'signin' | 'signup', admission: Admission, before: string | undefined): void {
    this.#state = 'idle';
    if (!admission.ok) {
      this.#reply(refusalText(admission.refusal));
      return;
    }
    const { name } = admission.user;
    if (before !== undefined) this.#log(`${before} has left`);
    this.#log(`${name} has ${purpose === 'signin' ? 'signed in' : 'signed up'}`);
    this.#ctx.identify(name);
    this.#reply(purpose === 'signin' ? signedInText(name) : signedUpText(name));
  }

  #onSignedOut(notice: UserNotice): void {
    this.#user.onNotice(notice);
    this.#ctx.identify('');
    this.#notices.push(signedOutText(printable(notice.reason)));
    if (this.#settings.isSignInAsked && this.#watched.length > 0) this.#unwatch();
  }

  #onRequest(request: GoldRequest): void {
    switch (request.type) {
      case 'help':
        this.#reply(HELP_TEXT);
        break;
      case 'quit':
        this.#quit();
        break;
      case 'signin':
      case 'signup':
        this.#credentialsFor = request.type;
        this.#reply(CREDENTIALS_TEXT);
        break;
      default:
        if (this.#mayLookUp) this.#onQuestion(request);
        else this.#reply(SIGN_IN_FIRST_TEXT);
    }
  }

  #onQuestion(request: Exclude<GoldRequest, { type: 'help' | 'quit' | 'signin' | 'signup' }>): void {
    switch (request.type) {
      case 'wrong':
        this.#fail(request.message);
        break;
      case 'types':
        this.#answerWith(request, (types) => typesText(types, request.date));
        break;
      case 'dates':
        this.#answerWith({ type: 'dates', limit: ASKED_MAX }, datesText);
        break;
      case 'latest':
        this.#answerWith(request, orMissing(latestText, request));
        break;
      case 'look-up':
        this.#answerWith(request, orMissing(ratesText, request));
        break;
      case 'range':
        this.#answerWith({ ...request, limit: ASKED_MAX }, orMissing(rangeText, request));
        break;
      case 'watch':
        this.#onWatch(request);
        break;
      case 'unwatch':
        this.#unwatch();
        this.#reply(UNWATCHED_TEXT);
    }
  }

  #answerWith<C extends GoldCommand>(command: C, textOf: (value: GoldAnswers[C['type']]) => string): void {
    this.#state = 'busy';
    this.#askRates(command, (answer) => {
      this.#state = 'idle';
      if (answer.ok) this.#reply(textOf(answer.value));
      else this.#fail(`${printable(answer.error.message)}; try again later`);
    });
  }

  /** A name that nothing has would never be heard of; but what is not there yet may come. */
  #onWatch(request: GoldRequest & { type: 'watch' }): void {
    const { wanted } = request;
    const isWatched = this.#watched.some((other) => fold(other) === fold(wanted));
    if (isWatched) this.#reply(watchingText(this.#watched));
    else if (this.#watched.length >= WATCHED_MAX)
      this.#fail(`${WATCHED_MAX} types can be watched at once; -unwatch ends it`);
    else {
      this.#answerWith({ type: 'latest', wanted }, (found) => {
        if ('missing' in found && found.missing === 'type') return missingText(found, request);
        this.#watched = [...this.#watched, shown(wanted)];
        this.#watchRates();
        return watchingText(this.#watched);
      });
    }
  }

  #watchRates(): void {
    const context = this.#ctx;
    context.cancelTimer('watch');
    context.watch(context.refer(RATES_ADDRESS), { type: 'rates-lost' });
    this.#askRates({ type: 'watch', session: context.self }, (answer) => {
      if (!answer.ok) context.startTimer('watch', WATCH_AGAIN_MS, { type: 'watch-again' });
    });
  }

  #unwatch(): void {
    const context = this.#ctx;
    const unwatch: GoldCommand = { type: 'unwatch', session: context.self };
    this.#watched = [];
    this.#changes.clear();
    this.#changesLeftOut = 0;
    context.tell(context.refer<GoldCommand>(RATES_ADDRESS), unwatch);
  }

  #onChanged({ rows, before }: GoldNotice): void {
    const watched = new Set(this.#watched.flatMap((wanted) => rowsNamed(wanted, rows)));
    rows.forEach((row, i) => {
      if (!watched.has(row)) return;
      const key = [row.company, row.brand, row.type, row.code].join('\n');
      const waiting = this.#changes.get(key);
      const known = waiting === undefined ? (before[i] ?? null) : waiting.before;
      if (waiting !== undefined || this.#changes.size < CHANGES_MAX) {
        this.#changes.set(key, { row, before: known });
      } else this.#changesLeftOut++;
    });
  }

  #sayUnasked(): void {
    const texts = this.#notices.map(unasked);
    if (this.#changes.size > 0) texts.push(changesText([...this.#changes.values()], this.#changesLeftOut));
    for (const text of texts) this.#send(this.#hasLines ? `${text}\n` : text);
    this.#notices = [];
    this.#changes.clear();
    this.#changesLeftOut = 0;
  }

  #quit(): void {
    this.#reply(GOODBYE_TEXT);
    this.#leave();
  }

  /** Directory and rates watch the session, and forget it. */
  #leave(reason = ''): void {
    if (this.#state === 'leaving') return;
    const name = this.#user.user?.name;
    this.#state = 'leaving';
    if (name !== undefined) this.#log(`${name} has left`);
    this.#ctx.stop(reason);
  }

  #regulateInput(): void {
    const isHeld = this.#state !== 'idle' && this.#input.waitingBytes > WAITING_BYTES_MAX;
    if (isHeld === this.#isInputHeld) return;
    this.#isInputHeld = isHeld;
    if (isHeld) this.#ctx.pauseInput();
    else this.#ctx.resumeInput();
  }

  #log(text: string): void {
    this.#ctx.log('info', `gold: ${text}`);
  }
}

/** How an answer is shown that there may be none of. */
function orMissing<Value extends object>(
  textOf: (value: Value) => string,
  request: RowsRequest,
): (value: Value | Missing) => string {
  return (value) => ('missing' in value ? missingText(value, request) : textOf(value));
}
