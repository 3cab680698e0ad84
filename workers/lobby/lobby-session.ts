/**
 * One client of the lobby. Its messages are answered one after the other; what comes meanwhile waits, and beyond a limit
 * is not read. What others say reaches it between two answers, never within a file.
 *
 *     joining ── named ──► idle ◄──► busy          with a request, a file on its way, or what the client is to take first
 *        └── full ──┐       └── bye, the end of the input, the close, the shutdown
 *                   └───────► leaving ── hall and registry have heard of it ──► stopped
 *
 * Where clients must sign in they are outside at first: idle, but answered nothing else. Who signs in joins.
 *
 * When the hall is lost the session goes there again under its name. When the session is lost itself, the one that takes
 * its place has the name in its memory, and what it must know of a file that was on its way.
 */
import {
  DESK_ADDRESS,
  type DeskAnswers,
  type DeskCommand,
  type FileCommand,
} from '../../src/protocol/desk.ts';
import type { LobbySettings } from '../../src/protocol/host-task.ts';
import {
  CLIENTS_QUERY,
  HALL_ADDRESS,
  LOBBY_SERVICE,
  type LobbyAnswers,
  type LobbyCommand,
  type LobbyNotice,
} from '../../src/protocol/lobby.ts';
import { REGISTRY_ADDRESS, type RegistryAnswer, type RegistryCommand } from '../../src/protocol/registry.ts';
import type { Admission, UserNotice } from '../../src/protocol/users.ts';
import type { Address } from '../../src/values/address.ts';
import type { ErrorRecord } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { formatCount } from '../../src/values/readable.ts';
import type { Actor, Answer, ConnectionCommand, ConnectionInfo, Context } from '../runtime/actor.ts';
import { type DirectoryLost, SignIn, withoutPort } from '../users/sign-in.ts';
import { LobbyInput, type Message } from './lobby-input.ts';
import {
  ALREADY_IN_TEXT,
  CLOSING_TEXT,
  FULL_TEXT,
  filesText,
  formatLocalTime,
  helpText,
  LOST_TEXT,
  messageText,
  NOT_STORED_TEXT,
  SIGN_IN_FIRST_TEXT,
  STORE_TEXT,
  saidText,
  statusText,
} from './lobby-replies.ts';
import { type LobbyRequest, parseRequest, withoutPrefix } from './lobby-requests.ts';
import { Download, type Transfer, type TransferSession, Upload } from './lobby-transfers.ts';

interface Answered {
  readonly type: 'answered';
  readonly onAnswer: (answer: Answer<never>) => void;
  readonly answer: Answer<never>;
}

type LobbySessionMessage =
  | ConnectionCommand
  | LobbyNotice
  | UserNotice
  | DirectoryLost
  | Answered
  | { readonly type: 'hall-lost' }
  /** Timers. */
  | { readonly type: 'join-again' }
  | { readonly type: 'stalled' }
  | { readonly type: 'log-more' };

/** Of actors; they answer at once, or are being replaced. */
const ACTOR_TIMEOUT_MS = 10_000;
/** Before a client that leaves is let go, whether all have heard of it or not. */
const LEAVE_TIMEOUT_MS = 2000;
/** Of the main thread, which may have to read a whole file first. */
const FILES_TIMEOUT_MS = 120_000;
const JOIN_AGAIN_MS = 1000;
/** A client that takes nothing of a file for so long is let go: it holds a place. */
const STALL_MS = 60_000;
/** Sent and not known to have been taken: beyond it the next message waits. */
const UNDRAINED_BYTES_MAX = 256 * 1024;
/** What has come beyond the request that is being answered; with more than this nothing is read. */
const WAITING_BYTES_MAX = 64 * 1024;
/** What others have said while a request was answered; more is left out. */
const PUSHES_MAX = 256;
/** Messages of a client that are logged within LOG_PERIOD_MS; the others are counted. */
const LOGGED_MAX = 10;
const LOG_PERIOD_MS = 1000;
const LOGGED_CHARACTERS_MAX = 1000;

export class LobbySession implements Actor<LobbySessionMessage>, TransferSession {
  readonly #settings: LobbySettings;
  readonly #info: ConnectionInfo;
  readonly #input: LobbyInput;
  #context: Context<LobbySessionMessage> | undefined;
  #signIn: SignIn | undefined;
  #state: 'joining' | 'idle' | 'busy' | 'leaving' = 'joining';
  /** The client must sign in first. */
  #isOutside: boolean;
  /** Empty until the hall has given it. */
  #name = '';
  /** Counts attempts to join: the answers to earlier ones are ignored. */
  #joins = 0;
  #asksPending = 0;
  #transfer: Transfer | undefined;
  #undrainedBytes = 0;
  #isDraining = false;
  /** Bytes still to come of a file that is not taken. */
  #skip = 0;
  /** The client's last message ended with a newline, so what it is sent ends so too. */
  #hasLines = false;
  #pushes: string[] = [];
  #pushesLeftOut = 0;
  /** The server shuts down, and this is what the client is told. */
  #farewell: string | undefined;
  #farewellReason = '';
  /** The client has sent all it will. */
  #hasEnded = false;
  #isInputHeld = false;
  #logged = 0;
  #unlogged = 0;

  constructor(settings: LobbySettings, info: ConnectionInfo) {
    this.#settings = settings;
    this.#info = info;
    this.#input = new LobbyInput(settings.messageBytesMax);
    this.#isOutside = settings.isSignInAsked && info.memory === undefined;
  }

  started(context: Context<LobbySessionMessage>): void {
    this.#context = context;
    this.#signIn = new SignIn(
      {
        ask: (address, command, timeoutMs, then) => this.#askAside(address, command, timeoutMs, then),
        watch: (address, message) => context.watch(context.refer(address), message),
        startTimer: (key, delayMs, message) => context.startTimer(key, delayMs, message),
      },
      { address: withoutPort(this.#info.remoteAddress), service: LOBBY_SERVICE, session: context.self },
    );
    const { memory, isReplacement } = this.#info;
    if (memory !== undefined) this.#resume(memory);
    else if (!this.#isOutside) this.#join();
    else {
      this.#state = 'idle';
      if (isReplacement) this.sendLine(`ERROR ${LOST_TEXT}`);
    }
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.#state === 'leaving') return;
    this.#input.add(bytes, start, end);
    this.#transfer?.onInput();
    this.#work();
  }

  receive(message: LobbySessionMessage): undefined {
    switch (message.type) {
      case 'answered':
        message.onAnswer(message.answer);
        break;
      case 'signed-out':
        this.#user.onNotice(message);
        if (this.#settings.isSignInAsked) {
          this.#farewell = `You were signed out: ${printable(message.reason)}`;
          this.#farewellReason = 'its user was signed out';
        }
        break;
      case 'directory-lost':
        this.#user.onDirectoryLost();
        break;
      case 'lobby-message':
        this.#push(messageText(message.from, message.text));
        break;
      case 'hall-lost':
      case 'join-again':
        if (this.#state !== 'leaving') this.#join();
        break;
      case 'connection-drained':
        this.#onDrained();
        break;
      case 'stalled':
        this.breakOff(`it took nothing for ${STALL_MS / 1000} s`);
        break;
      case 'connection-ended':
        this.#hasEnded = true;
        this.#transfer?.onEnded();
        break;
      case 'connection-closed':
        this.#hasEnded = true;
        this.#transfer?.onGone();
        this.#leave(message.reason);
        break;
      case 'server-closing':
        this.#farewell = printable(message.message) || CLOSING_TEXT;
        break;
      case 'kicked':
        this.#farewell = printable(message.reason);
        this.#farewellReason = this.#farewell;
        break;
      case 'log-more':
        this.#logCount();
    }
    this.#work();
  }

  storeFailed(): void {
    if (this.#name !== '' && this.#transfer === undefined) this.reply(STORE_TEXT);
  }

  // What a transfer wants of it.

  askFiles<C extends FileCommand>(command: C, then: (answer: Answer<DeskAnswers[C['type']]>) => void): void {
    this.#ask<DeskCommand, DeskAnswers[C['type']]>(DESK_ADDRESS, command, FILES_TIMEOUT_MS, then);
  }

  note(transfer: string): void {
    this.#ctx.remember(`${this.#memory} ${transfer}`);
  }

  send(bytes: Uint8Array): void {
    this.#undrainedBytes += bytes.length;
    this.#ctx.send(bytes, 0, bytes.length);
  }

  sendLine(text: string): void {
    this.send(Buffer.from(`${text}\n`));
  }

  reply(text: string): void {
    if (this.#hasLines && !text.endsWith('\n')) this.sendLine(text);
    else this.send(Buffer.from(text));
  }

  get hasInput(): boolean {
    return this.#input.hasMore;
  }

  awaitDrained(): void {
    this.#isDraining = true;
    this.#ctx.tellDrained();
    this.#ctx.startTimer('stall', STALL_MS, { type: 'stalled' });
  }

  takeBytes(length: number): Uint8Array {
    return this.#input.takeBytes(length);
  }

  finish(skip = 0): void {
    if (this.#transfer !== undefined) this.#ctx.remember(this.#memory);
    this.#transfer = undefined;
    this.#skip = skip;
    if (this.#state === 'busy') this.#state = 'idle';
  }

  fail({ code, message }: ErrorRecord, skip = 0): void {
    const advice = code.startsWith('ERR_FILE_') ? '' : '; try again later';
    this.reply(`ERROR ${printable(message)}${advice}`);
    this.finish(skip);
  }

  breakOff(why: string): void {
    const reason = printable(why);
    this.#ctx.log('warn', `${this.#name} is let go: ${reason}`);
    this.#leave(reason);
  }

  get #ctx(): Context<LobbySessionMessage> {
    if (this.#context === undefined) throw new TypeError('the session has not started');
    return this.#context;
  }

  get #user(): SignIn {
    if (this.#signIn === undefined) throw new TypeError('the session has not started');
    return this.#signIn;
  }

  /** What the session that takes the place of this one begins with. */
  get #memory(): string {
    const { user } = this.#user;
    return user === undefined ? this.#name : `${this.#name}/${user.id}/${user.epoch}`;
  }

  /** A client that leaves waits for the answer. */
  #ask<Command, Reply>(
    address: Address,
    command: Command,
    timeoutMs: number,
    then: (answer: Answer<Reply>) => void,
  ): void {
    this.#asksPending++;
    this.#askAside<Command, Reply>(address, command, timeoutMs, (answer) => {
      this.#asksPending--;
      then(answer);
    });
  }

  #askAside<Command, Reply>(
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

  #askHall<C extends LobbyCommand>(
    command: C,
    then: (answer: Answer<LobbyAnswers[C['type']]>) => void,
    timeoutMs = ACTOR_TIMEOUT_MS,
  ): void {
    this.#ask<LobbyCommand, LobbyAnswers[C['type']]>(HALL_ADDRESS, command, timeoutMs, then);
  }

  #tellRegistry(command: RegistryCommand): void {
    this.#ctx.tell(this.#ctx.refer<RegistryCommand>(REGISTRY_ADDRESS), command);
  }

  #join(): void {
    const context = this.#ctx;
    const join = ++this.#joins;
    context.cancelTimer('join');
    context.watch(context.refer(HALL_ADDRESS), { type: 'hall-lost' });
    const name = this.#name === '' ? {} : { name: this.#name };
    this.#askHall({ type: 'join', session: context.self, ...name }, (answer) => {
      if (join !== this.#joins || this.#state === 'leaving') return;
      if (!answer.ok) context.startTimer('join', JOIN_AGAIN_MS, { type: 'join-again' });
      else if (this.#name === '') this.#onJoined(answer.value.name);
    });
  }

  #onJoined(name: string | null): void {
    const context = this.#ctx;
    const { connection, remoteAddress: address, sinceMs } = this.#info;
    const opened = { type: 'opened', connection, service: LOBBY_SERVICE, address, sinceMs } as const;
    if (name === null) {
      this.send(Buffer.from(FULL_TEXT));
      this.#tellRegistry(opened);
      this.#tellRegistry({
        type: 'ended',
        connection,
        untilMs: context.timeMs,
        reason: 'the lobby was full',
      });
      this.#state = 'leaving';
      return;
    }
    this.#name = name;
    this.#state = 'idle';
    context.remember(this.#memory);
    context.identify(name);
    this.#tellRegistry({ ...opened, user: name });
    context.log('info', `${name} has connected to the server. Created at: ${formatLocalTime(sinceMs)}`);
    const { user } = this.#user;
    if (user !== undefined) context.log('info', `${name} has signed in as ${user.name}`);
    this.send(Buffer.from(name));
  }

  /** It takes the place of a session that was lost with its host, and with it what the client had sent. */
  #resume(memory: string): void {
    const [who = '', transfer, part = ''] = memory.split(' ');
    const [name = '', id, epoch] = who.split('/');
    this.#name = name;
    if (transfer === 'put') {
      this.askFiles({ type: 'abandon-put', part }, () => {});
      this.sendLine(`ERROR ${NOT_STORED_TEXT}`);
      this.#leave();
    } else if (transfer === 'get') this.breakOff('the worker thread that served it ended');
    else {
      this.sendLine(`ERROR ${LOST_TEXT}`);
      this.#state = 'idle';
      // Who is not taken back is told so as whoever is signed out.
      if (id !== undefined) this.#user.attend(Number(id), Number(epoch), () => {});
      this.#join();
    }
  }

  /** Does what there is to do now. */
  #work(): void {
    if (this.#farewell === undefined) this.#takeMessages();
    if (this.#state === 'idle') this.#sayPushes();
    if (this.#state === 'idle' && this.#isUndrained) {
      this.#state = 'busy';
      this.awaitDrained();
    }
    if (this.#farewell !== undefined && this.#state === 'idle') this.reply(this.#farewell);
    const isOver = this.#farewell !== undefined || (this.#hasEnded && this.#state !== 'joining');
    if (isOver && this.#state !== 'busy') this.#leave(this.#farewellReason);
    if (this.#state === 'leaving' && this.#asksPending === 0) this.#ctx.stop();
    else this.#regulateInput();
  }

  #takeMessages(): void {
    let taken = 0;
    while (this.#state === 'idle' && !this.#isUndrained) {
      if (this.#skip > 0) this.#skip -= this.#input.takeBytes(this.#skip).length;
      const message = this.#skip > 0 ? undefined : this.#input.takeMessage();
      if (message === undefined) break;
      taken++;
      this.#take(message);
    }
    if (taken > 0) this.#ctx.countFrames(taken);
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
    if (this.#transfer !== undefined) this.#transfer.onDrained();
    else if (this.#state === 'busy') this.#state = 'idle';
  }

  #take({ text, isLine, isTooLong }: Message): void {
    this.#hasLines = isLine;
    if (isTooLong) {
      this.#ctx.countIgnored({ 'message-too-long': 1 });
      this.reply(`ERROR a message has ${this.#settings.messageBytesMax} bytes at most`);
      return;
    }
    const words = withoutPrefix(text, `${this.#name}:`);
    const request = parseRequest(words);
    if (this.#isOutside) this.#answerOutside(request);
    else {
      this.#logMessage(request.type === 'signin' ? 'signin' : words);
      this.#answer(request);
    }
  }

  /** Nothing of it is logged: it may be a password. */
  #answerOutside(request: LobbyRequest): void {
    if (request.type === 'signin' && request.credentials !== undefined) {
      const { name, password } = request.credentials;
      this.#state = 'joining';
      this.#user.signIn(name, password, (admission) => this.#onAdmission(admission));
    } else this.reply(SIGN_IN_FIRST_TEXT);
  }

  #onAdmission(admission: Admission): void {
    if (this.#state === 'leaving') return;
    if (admission.ok) {
      this.#isOutside = false;
      this.#join();
    } else {
      this.#state = 'idle';
      this.reply(`ERROR ${admission.refusal.message}`);
    }
  }

  #answer(request: LobbyRequest): void {
    switch (request.type) {
      case 'echo':
        this.reply(`${request.text} ACK`);
        break;
      case 'help':
        this.reply(helpText(this.#settings));
        break;
      case 'wrong':
        this.reply(`ERROR it is used so: ${request.usage}`);
        break;
      case 'signin':
        this.reply(ALREADY_IN_TEXT);
        break;
      case 'bye':
        this.#leave();
        break;
      case 'say': {
        const { self: session } = this.#ctx;
        const say = { type: 'say', session, from: this.#name, text: request.text } as const;
        this.#state = 'busy';
        this.#askHall(say, (answer) => this.#replyWith(answer, ({ listeners }) => saidText(listeners)));
        break;
      }
      case 'status':
        this.#state = 'busy';
        this.#ask<RegistryCommand, RegistryAnswer>(
          REGISTRY_ADDRESS,
          CLIENTS_QUERY,
          ACTOR_TIMEOUT_MS,
          (answer) => this.#replyWith(answer, (clients) => statusText(clients, this.#info.localAddress)),
        );
        break;
      case 'list':
        this.#state = 'busy';
        this.askFiles({ type: 'list-files' }, (answer) => this.#replyWith(answer, filesText));
        break;
      case 'get':
        this.#state = 'busy';
        this.#transfer = new Download(this, request.name);
        break;
      case 'put':
        if (!this.#settings.isPutAllowed) this.fail(NO_PUT, this.hasInput ? request.size : 0);
        else {
          this.#state = 'busy';
          this.#transfer = new Upload(this, request.name, request.size);
        }
    }
  }

  #replyWith<Reply>(answer: Answer<Reply>, textOf: (reply: Reply) => string): void {
    if (!answer.ok) this.fail(answer.error);
    else {
      this.reply(textOf(answer.value));
      this.finish();
    }
  }

  #push(text: string): void {
    if (this.#pushes.length < PUSHES_MAX) this.#pushes.push(text);
    else this.#pushesLeftOut++;
  }

  #sayPushes(): void {
    if (this.#pushes.length === 0) return;
    const leftOut = this.#pushesLeftOut;
    const note = leftOut === 0 ? [] : [`(${formatCount(leftOut)} more were left out)`];
    this.reply([...this.#pushes, ...note].join('\n'));
    this.#pushes = [];
    this.#pushesLeftOut = 0;
  }

  /** Lets the client go when hall and registry have heard of it, so that whoever sees it gone finds it gone there. */
  #leave(reason = ''): void {
    if (this.#state === 'leaving') return;
    const context = this.#ctx;
    const { connection } = this.#info;
    const untilMs = context.timeMs;
    this.#state = 'leaving';
    this.#transfer = undefined;
    this.#logCount();
    if (this.#name !== '') {
      context.log('info', `${this.#name} has disconnected at: ${formatLocalTime(untilMs)}`);
    }
    this.#askHall({ type: 'leave', session: context.self }, () => {}, LEAVE_TIMEOUT_MS);
    const ended: RegistryCommand = { type: 'ended', connection, untilMs, reason };
    this.#ask(REGISTRY_ADDRESS, ended, LEAVE_TIMEOUT_MS, () => {});
  }

  #regulateInput(): void {
    const isFull = this.#state !== 'idle' && this.#input.waitingBytes > WAITING_BYTES_MAX;
    const isHeld = this.#state !== 'leaving' && (isFull || this.#transfer?.isInputHeld === true);
    if (isHeld === this.#isInputHeld) return;
    this.#isInputHeld = isHeld;
    if (isHeld) this.#ctx.pauseInput();
    else this.#ctx.resumeInput();
  }

  #logMessage(text: string): void {
    if (this.#logged === 0) this.#ctx.startTimer('log', LOG_PERIOD_MS, { type: 'log-more' });
    if (this.#logged < LOGGED_MAX) {
      this.#logged++;
      this.#ctx.log('info', `${this.#name}: ${printable(text.slice(0, LOGGED_CHARACTERS_MAX))}`);
    } else this.#unlogged++;
  }

  /** The period is over. */
  #logCount(): void {
    if (this.#unlogged > 0) {
      this.#ctx.log('info', `${this.#name}: ${formatCount(this.#unlogged)} more, not logged`);
    }
    this.#logged = 0;
    this.#unlogged = 0;
  }
}

const NO_PUT: ErrorRecord = {
  code: 'ERR_FILE_REFUSED',
  message: 'this server takes no files; its setting lobby.is_put_allowed is false',
  fields: {},
};
