/**
 * The lobby's wire as a client sees it, in lines ended by LF: what to send for a request, and what comes back, however it
 * was cut on its way. Pure.
 *
 *     greeting ── the mark ──► idle ── request ──► line, get, put, … ── the reply is complete ──► idle
 *                                       get ── SIZE ──► file ── its last byte ──► idle
 *                                       put ── SEND ──► sending ── STORED ──► idle
 *
 * Where a reply ends: most are one line, which may follow a blank one; a file is as long as its head says. Where the wire
 * does not say it a mark is sent behind the request, a message that nobody else can know: its echo is the end. That is so
 * for the greeting and the status, and after an ERROR, which may be the reply or the server's own word.
 *
 * What others say comes between replies and looks like nothing else, but for the echo of a message that looks like it,
 * which is known.
 *
 * Where clients must sign in, the greeting begins with it; who is turned away is told why in a line, instead of a name.
 */
import { printable } from '../src/values/printable.ts';

export type LobbyRequest =
  /** What is answered with one line. `text` is the line without the client's own name before it. */
  | { readonly type: 'line'; readonly line: string; readonly text: string }
  | { readonly type: 'status' }
  | { readonly type: 'get'; readonly name: string }
  | { readonly type: 'put'; readonly name: string; readonly size: number }
  /** The reply is the close. */
  | { readonly type: 'bye' };

export type LobbyEvent =
  /** The server has let this client in. */
  | { readonly type: 'named'; readonly name: string }
  /** The server lets nobody in like this. */
  | { readonly type: 'turned-away'; readonly text: string }
  /** Said by others, or by the server without being asked. */
  | { readonly type: 'heard'; readonly text: string }
  /** A line of the reply. */
  | { readonly type: 'reply'; readonly text: string }
  /** The bytes of the file follow, as many as `size`. */
  | { readonly type: 'file'; readonly size: number; readonly sha256: string }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  /** The file is to be sent. */
  | { readonly type: 'wanted' }
  | { readonly type: 'stored'; readonly sha256: string }
  /** The file is neither given nor taken. What was begun to be sent must be sent to its end, and then a `resync`. */
  | { readonly type: 'refused'; readonly text: string; readonly isSending: boolean }
  /** To be sent at once. */
  | { readonly type: 'send'; readonly text: string }
  /** The reply is complete: there is room for another request. */
  | { readonly type: 'done' };

type State =
  | { readonly type: 'greeting' | 'turned-away' | 'idle' | 'put' | 'sending' | 'bye' }
  | { readonly type: 'line'; readonly echo: string }
  /** The reply goes on to the mark. */
  | { readonly type: 'marked' }
  /** So does what is not worth being shown. */
  | { readonly type: 'skipping' }
  /** `refusal`: what may have been the reply; the mark shows it. */
  | { readonly type: 'get'; readonly refusal?: string }
  | { readonly type: 'file'; readonly left: number; readonly isMarked: boolean };

const LF = 10;
/** A list of a thousand files fits. */
const LINE_BYTES_MAX = 1024 * 1024;
const IDLE: State = { type: 'idle' };

const NAME = /^Client\d+/;
const HEARD = /^(?:(?:Client\d+ says|Operator): |\([\d,]+ more were left out\)$)/;
const SIZE = /^SIZE (\d{1,15}) SHA-256 ([0-9a-f]{64})$/;
const SEND = /^SEND \d+$/;
const STORED = /^STORED .* SHA-256 ([0-9a-f]{64})$/s;
const ERROR = /^ERROR /;
const TURNED_AWAY = /^(?:ERROR |Sign in first: )/;

const utf8 = new TextDecoder();

export class LobbyWire {
  readonly #secret: string;
  #marks = 0;
  #isSigningIn = false;
  #name = '';
  #state: State = { type: 'greeting' };
  /** What follows the last LF. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  /** `secret` is a word that nobody else can say. */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** What a client sends as soon as it is connected, to sign in or as it is. */
  greet(user?: { readonly name: string; readonly password: string }): string {
    this.#isSigningIn = user !== undefined;
    return (user === undefined ? '' : `signin ${user.name} ${user.password}\n`) + this.#mark();
  }

  /** What is sent for a request. Only when there is none. */
  ask(request: LobbyRequest): string {
    if (this.#state.type !== 'idle') throw new TypeError(`the lobby is ${this.#state.type}`);
    if (request.type === 'line') {
      this.#state = { type: 'line', echo: `${printable(request.text)} ACK` };
      return `${request.line}\n`;
    }
    this.#state = { type: request.type === 'status' ? 'marked' : request.type };
    switch (request.type) {
      case 'status':
        return `status\n${this.#mark()}`;
      case 'get':
        return `get ${request.name}\n`;
      case 'put':
        return `put ${request.name} ${request.size}\n`;
      case 'bye':
        return 'bye\n';
    }
  }

  /** What is sent behind a file that was refused while it was sent: whether the server took the rest is not known. */
  resync(): string {
    return `\n${this.#mark()}`;
  }

  /** Throws a RangeError if what comes is no lobby's. */
  feed(chunk: Uint8Array): readonly LobbyEvent[] {
    const events: LobbyEvent[] = [];
    for (let start = 0; start < chunk.length; ) {
      const state = this.#state;
      if (state.type === 'file') {
        const bytes = chunk.subarray(start, start + state.left);
        start += bytes.length;
        events.push({ type: 'bytes', bytes });
        this.#awaitBytes(state.left - bytes.length, state.isMarked, events);
        continue;
      }
      const end = chunk.indexOf(LF, start);
      this.#addPart(chunk.subarray(start, end < 0 ? chunk.length : end));
      if (end < 0) break;
      start = end + 1;
      this.#onLine(this.#takePending(), events);
    }
    return events;
  }

  /** What is left when the server has closed the connection: before it has let the client in, it says why not. */
  end(): { readonly isGreeted: boolean; readonly isAsked: boolean; readonly text: string } {
    const { type } = this.#state;
    const isGreeted = type !== 'greeting' && type !== 'turned-away';
    return { isGreeted, isAsked: type === 'bye', text: this.#takePending() };
  }

  #addPart(part: Uint8Array): void {
    // The caller's buffer may be used again.
    if (part.length > 0) this.#pending.push(part.slice());
    this.#pendingBytes += part.length;
    if (this.#pendingBytes > LINE_BYTES_MAX)
      throw new RangeError(`a line is longer than ${LINE_BYTES_MAX} bytes`);
  }

  #takePending(): string {
    const text = this.#pending.map((part, i) => utf8.decode(part, { stream: i < this.#pending.length - 1 }));
    this.#pending = [];
    this.#pendingBytes = 0;
    return text.join('');
  }

  #onLine(text: string, events: LobbyEvent[]): void {
    const state = this.#state;
    // What seemed to refuse a file was the server's own word: what is sent next would be taken for the file.
    if (SEND.test(text) && state.type !== 'put')
      throw new RangeError('it waits for a file that does not come');
    switch (state.type) {
      case 'greeting':
        this.#onGreeting(text, events);
        break;
      case 'line':
        if (text === '') break;
        if (text === state.echo) this.#finish(events, { type: 'reply', text });
        else if (HEARD.test(text)) events.push({ type: 'heard', text });
        else if (ERROR.test(text)) this.#awaitMark(events, { type: 'reply', text });
        else this.#finish(events, { type: 'reply', text });
        break;
      case 'marked':
      case 'skipping':
        this.#onMarkedLine(text, events);
        break;
      case 'get':
        this.#onGet(text, state.refusal, events);
        break;
      case 'put':
        if (SEND.test(text)) {
          this.#state = { type: 'sending' };
          events.push({ type: 'wanted' });
        } else if (ERROR.test(text)) this.#finish(events, { type: 'refused', text, isSending: false });
        else events.push({ type: 'heard', text });
        break;
      case 'sending':
        this.#onSending(text, events);
        break;
      case 'turned-away':
        break;
      default:
        events.push({ type: 'heard', text });
    }
  }

  /** The name comes without an end, and so does what others say until the mark has shown that lines are wanted. */
  #onGreeting(text: string, events: LobbyEvent[]): void {
    const echo = `${this.#awaited} ACK`;
    const isLast = text.endsWith(echo);
    const before = isLast ? text.slice(0, -echo.length) : text;
    const [found = ''] = this.#name === '' ? (NAME.exec(before) ?? []) : [];
    const name = this.#name + found;
    const words = before.slice(found.length);
    if (name === '' && TURNED_AWAY.test(words)) {
      this.#state = { type: 'turned-away' };
      events.push({ type: 'turned-away', text: words });
      return;
    }
    // Who signs in where nobody has to is told so, and is in.
    const isToldMore = this.#isSigningIn && (ERROR.test(words) || HEARD.test(words));
    if (name === '' || !(isLast || isToldMore)) throw new RangeError('it does not greet as a lobby does');
    this.#name = name;
    if (isLast) {
      this.#state = IDLE;
      events.push({ type: 'named', name });
    }
    if (words !== '') events.push({ type: 'heard', text: words });
  }

  #onMarkedLine(text: string, events: LobbyEvent[]): void {
    if (this.#isMark(text)) this.#finishAtLast(text, events);
    else if (HEARD.test(text)) events.push({ type: 'heard', text });
    else if (this.#state.type === 'marked') {
      // The server may have lost what it was sent, and with it the mark.
      if (ERROR.test(text)) this.#awaitMark(events, { type: 'reply', text });
      else events.push({ type: 'reply', text });
    }
  }

  #onGet(text: string, refusal: string | undefined, events: LobbyEvent[]): void {
    const [, digits, sha256] = SIZE.exec(text) ?? [];
    if (sha256 !== undefined) {
      if (refusal !== undefined) events.push({ type: 'heard', text: refusal });
      events.push({ type: 'file', size: Number(digits), sha256 });
      this.#awaitBytes(Number(digits), refusal !== undefined, events);
    } else if (refusal !== undefined && this.#isMark(text)) {
      this.#finishAtLast(text, events, { type: 'refused', text: refusal, isSending: false });
    } else if (ERROR.test(text)) {
      if (refusal !== undefined) events.push({ type: 'heard', text: refusal });
      this.#state = { type: 'get', refusal: text };
      events.push({ type: 'send', text: this.#mark() });
    } else events.push({ type: 'heard', text });
  }

  #onSending(text: string, events: LobbyEvent[]): void {
    const [, sha256] = STORED.exec(text) ?? [];
    if (sha256 !== undefined) this.#finish(events, { type: 'stored', sha256 });
    else if (ERROR.test(text)) {
      this.#state = { type: 'skipping' };
      events.push({ type: 'refused', text, isSending: true });
    } else events.push({ type: 'heard', text });
  }

  #awaitBytes(left: number, isMarked: boolean, events: LobbyEvent[]): void {
    if (left > 0) this.#state = { type: 'file', left, isMarked };
    else if (isMarked) this.#state = { type: 'skipping' };
    else this.#finish(events);
  }

  #awaitMark(events: LobbyEvent[], reply: LobbyEvent): void {
    this.#state = { type: 'marked' };
    events.push(reply, { type: 'send', text: this.#mark() });
  }

  #finish(events: LobbyEvent[], ...last: LobbyEvent[]): void {
    this.#state = IDLE;
    events.push(...last, { type: 'done' });
  }

  /** There may be earlier marks on their way. */
  #finishAtLast(text: string, events: LobbyEvent[], ...last: LobbyEvent[]): void {
    if (text === `${this.#awaited} ACK`) this.#finish(events, ...last);
  }

  #isMark(text: string): boolean {
    return text.startsWith(this.#secret);
  }

  #mark(): string {
    this.#marks++;
    return `${this.#awaited}\n`;
  }

  /** The mark that was sent last. */
  get #awaited(): string {
    return `${this.#secret} ${this.#marks}`;
  }
}
