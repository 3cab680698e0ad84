/**
 * The client's half of an upload whose every line is taken exactly once: what to say to the server, and what its
 * answers mean. Bytes in, decisions out; no socket, file or clock, so that a simulation can drive it.
 *
 *     closed ── open() ──► opening ── OK n ──► sending ── OK of the last line ──► complete
 *                             ▲                   │
 *                             └──── open() ──── retry
 *
 * `close()` leads back to `closed` from everywhere but `complete` and `failed`; `failed` is reached from everywhere but
 * `complete`. In `complete` discards are still taken in, until the server closes.
 *
 * On every connection the server tells what it has discarded so far, and then with the first OK how far it is.
 *
 * Invariant: lines are sent only in the state `sending`, from `nextLine` on, each once.
 * Invariant: what has been acknowledged never shrinks; a server that says less has lost lines, and that is a failure.
 *
 * A discarded line is handed out once, and not before it is acknowledged: until then a server that starts anew may
 * still judge it differently.
 */
import { type ErrorCode, OutcryError } from '../src/values/errors.ts';

export type UploadState = 'closed' | 'opening' | 'sending' | 'retry' | 'complete' | 'failed';

/** A line that the server took and threw away; lines count from 1. */
export interface Discard {
  readonly line: number;
  readonly reason: string;
}

export interface UploadOptions {
  readonly id: string;
  readonly lineCount: number;
}

export const UPLOAD_ID_LENGTH_MAX = 128;

const ANSWER_LENGTH_MAX = 4096;
const SHOWN_LENGTH_MAX = 60;
const UPLOAD_ID = new RegExp(`^[A-Za-z0-9._-]{1,${UPLOAD_ID_LENGTH_MAX}}$`);
const OK_ANSWER = /^OK (0|[1-9]\d{0,15})$/;
const ERR_ANSWER = /^ERR (0|[1-9]\d{0,15}) ([a-z][a-z0-9-]*)(?: (.*))?$/;

/**
 * A server tells at most its last 4,096 discards again on every new connection. One that it still tells was seen at most
 * 4,095 later discards ago, or as many retold ones: twice as many remembered lines are enough to know them all.
 */
const TOLD_LINES_MIN = 8192;

export function isUploadId(text: string): boolean {
  return UPLOAD_ID.test(text);
}

export class Upload {
  readonly id: string;
  readonly lineCount: number;
  #state: UploadState;
  #failure: OutcryError | undefined;
  /** Undefined until the server has said for the first time in this run what it has. */
  #acknowledged: number | undefined;
  #nextLine = 1;
  #storeTrouble: string | undefined;
  /** An answer whose LF has not come, one character a byte. */
  #partial = '';
  /** Discards that the server has told of lines that are not acknowledged. */
  readonly #pending = new Map<number, string>();
  /** Acknowledged lines whose discard has been handed out, the one seen longest ago first. */
  #told = new Set<number>();

  constructor({ id, lineCount }: UploadOptions) {
    if (!isUploadId(id)) throw new RangeError(`"${id}" is no upload-id`);
    this.id = id;
    this.lineCount = lineCount;
    this.#state = lineCount === 0 ? 'complete' : 'closed';
  }

  get state(): UploadState {
    return this.#state;
  }

  /** So many lines, from the first on, are durable. */
  get acknowledged(): number {
    return this.#acknowledged ?? 0;
  }

  /** The first line to send after an `open`, meaningful from the state `sending` on. */
  get nextLine(): number {
    return this.#nextLine;
  }

  /** What the server said when it could not store, until it takes more lines or is opened anew. */
  get storeTrouble(): string | undefined {
    return this.#storeTrouble;
  }

  /** Set in the state `failed`: another attempt cannot help. The text does not name the file. */
  get failure(): OutcryError | undefined {
    return this.#failure;
  }

  /** The bytes to send first: on a new connection, or on the same one in the state `retry`. */
  open(): Uint8Array {
    if (this.#state !== 'retry' && this.#state !== 'closed') throw new Error(`opened while ${this.#state}`);
    // A line may have been broken off by the retry; its end keeps it from running into the header.
    const lineEnd = this.#state === 'retry' ? '\n' : '';
    this.#state = 'opening';
    this.#storeTrouble = undefined;
    return Buffer.from(`${lineEnd}OUTCRY 1 ACK ${this.id}\n`, 'latin1');
  }

  /** The connection is gone, and half an answer with it. */
  close(): void {
    this.#partial = '';
    if (this.#state !== 'complete' && this.#state !== 'failed') this.#state = 'closed';
  }

  /** Takes in what the server answered, cut anywhere; returns the discards that are certain now, by line. */
  receive(bytes: Uint8Array): readonly Discard[] {
    const text = this.#partial + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const discards: Discard[] = [];
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0 && this.#isListening(); end = text.indexOf('\n', start)) {
      this.#onAnswer(text.slice(start, end), discards);
      start = end + 1;
    }
    this.#partial = text.slice(start);
    if (this.#isListening() && this.#partial.length > ANSWER_LENGTH_MAX) this.#failProtocol(this.#partial);
    this.#settleDiscards(discards);
    return discards.sort((a, b) => a.line - b.line);
  }

  #isListening(): boolean {
    return this.#state !== 'closed' && this.#state !== 'failed';
  }

  #onAnswer(answer: string, discards: Discard[]): void {
    const ok = OK_ANSWER.exec(answer);
    if (ok !== null) {
      this.#onOk(Number(ok[1]), answer);
      return;
    }
    const [, line, reason = '', text = ''] = ERR_ANSWER.exec(answer) ?? [];
    if (line === undefined || answer.length > ANSWER_LENGTH_MAX) this.#failProtocol(answer);
    else if (line === '0') this.#onTrouble(reason, text);
    else this.#onDiscard({ line: Number(line), reason }, answer, discards);
  }

  #onOk(count: number, answer: string): void {
    const before = this.#acknowledged;
    if (this.#state === 'complete') return;
    if (this.#state === 'retry') this.#failProtocol(answer);
    else if (count > this.lineCount) this.#failTooFar(count);
    else if (before !== undefined && count < before) this.#failFellBack(count, before);
    else if (this.#state === 'opening') this.#onOpened(count, before);
    else this.#acknowledge(count);
  }

  #onOpened(count: number, before: number | undefined): void {
    this.#nextLine = count + 1;
    if (before === undefined && count === this.lineCount) {
      this.#acknowledged = count;
      this.#pending.clear();
      const everything = count === 1 ? 'its one line was' : `all ${count} lines were`;
      this.#fail('ERR_UPLOAD_COMPLETE', `${everything} uploaded before; nothing was sent`);
      return;
    }
    // What the last connection told of lines that the server does not have will be told anew.
    for (const line of this.#pending.keys()) if (line > count) this.#pending.delete(line);
    this.#state = 'sending';
    this.#acknowledge(count);
  }

  #acknowledge(count: number): void {
    if (count > this.acknowledged) this.#storeTrouble = undefined;
    this.#acknowledged = count;
    if (count === this.lineCount) this.#state = 'complete';
  }

  #onDiscard(discard: Discard, answer: string, discards: Discard[]): void {
    const { line, reason } = discard;
    // Ahead of the first OK those come that were discarded before: then the last OK can be the last word.
    if (this.#state === 'retry' || line > this.lineCount) this.#failProtocol(answer);
    else if (line > this.acknowledged) this.#pending.set(line, reason);
    else this.#tell(discard, discards);
  }

  #settleDiscards(discards: Discard[]): void {
    for (const [line, reason] of this.#pending) {
      if (line > this.acknowledged) continue;
      this.#pending.delete(line);
      this.#tell({ line, reason }, discards);
    }
  }

  /** A line told again counts as seen just now: the server may tell it on the next connection, too. */
  #tell(discard: Discard, discards: Discard[]): void {
    if (!this.#told.delete(discard.line)) discards.push(discard);
    this.#told.add(discard.line);
    if (this.#told.size >= 2 * TOLD_LINES_MIN) this.#told = new Set([...this.#told].slice(-TOLD_LINES_MIN));
  }

  #onTrouble(reason: string, text: string): void {
    if (reason === 'store') this.#storeTrouble = printable(text);
    else if (reason === 'retry') this.#onRetry();
    else this.#failRefused(reason, text);
  }

  /**
   * A retry that comes before the answer to the header may be about this header or an earlier one. A second header
   * could then be taken for a line, so the way out is a new connection.
   */
  #onRetry(): void {
    if (this.#state === 'complete') return;
    this.#state = this.#state === 'sending' ? 'retry' : 'closed';
  }

  #failTooFar(count: number): void {
    this.#fail(
      'ERR_UPLOAD_CONFLICT',
      `the server has ${count} lines of the upload ${this.id}, more than the ${this.lineCount} there are: ` +
        'the upload-id was used for other content; choose another with --upload-id',
    );
  }

  #failFellBack(count: number, before: number): void {
    this.#fail(
      'ERR_UPLOAD_CONFLICT',
      `the server acknowledged ${before} lines of the upload ${this.id} and now has only ${count}: ` +
        'it has lost or forgotten them; see whether it runs on the right data before anything is sent again',
    );
  }

  #failRefused(reason: string, text: string): void {
    this.#fail('ERR_UPLOAD_REFUSED', explainRefusal(this.id, reason, printable(text)));
  }

  #failProtocol(answer: string): void {
    this.#fail(
      'ERR_UPLOAD_PROTOCOL',
      `the server does not speak this protocol (it answered "${printable(answer)}"); ` +
        'is it a bank, and none older than --ack?',
    );
  }

  /** Nothing that follows the last acknowledgement can harm: everything is durable. */
  #fail(code: ErrorCode, message: string): void {
    if (this.#state === 'complete') return;
    this.#state = 'failed';
    this.#failure = new OutcryError(code, message, { fields: { id: this.id, lineCount: this.lineCount } });
  }
}

function explainRefusal(id: string, reason: string, text: string): string {
  const more = text === '' ? '' : `: ${text}`;
  switch (reason) {
    case 'taken-over':
      return `another connection goes on with the upload ${id}, so this one has ended`;
    case 'upload-id':
      return `the server does not accept the upload-id ${id}${more}`;
    case 'version':
      return `the server does not know this version of the protocol${more}`;
    default:
      return `the server refused the upload (${printable(reason)})${more}`;
  }
}

/** A server's text on a person's terminal: short, and nothing in it that moves the cursor. */
function printable(text: string): string {
  const shown = text.slice(0, SHOWN_LENGTH_MAX).replaceAll(/[^\x20-\x7e]/g, '?');
  return text.length > SHOWN_LENGTH_MAX ? `${shown}…` : shown;
}
