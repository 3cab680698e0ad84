/**
 * What a client of the gold service has sent, and nobody has taken yet. Pure.
 *
 *     5····(64 bytes)hello        the original client's: a header with the length of the body, filled up with spaces
 *     hello LF                    or, at a pause, hello alone: what is typed
 *
 * The first bytes of a connection decide for all of it: digits and then spaces to the 64th byte are a header, whatever
 * else comes is text from the first byte on. Until then a pause means nothing: no text is digits alone.
 */
import { LobbyInput } from '../lobby/lobby-input.ts';

const HEADER_BYTES = 64;
const HEADER = /^(\d+) *$/;
/** A number of more digits is too large whatever it is. */
const DIGITS_MAX = 9;
/** So a header begins that came where text is expected. */
const HEADER_IN_TEXT = /^\d{1,9} {3,}/;
const NOTHING = new Uint8Array(0);

const utf8 = new TextDecoder();

export type Framing = 'unknown' | 'headers' | 'text';

export type GoldMessage =
  /** `isLine`: it has ended with a newline, so its client sends and expects newlines. */
  | { readonly type: 'message'; readonly text: string; readonly isLine: boolean }
  /** `isFirst`: the original client says so that it is there, and waits for nothing. */
  | { readonly type: 'empty'; readonly isFirst: boolean; readonly isLine: boolean }
  | { readonly type: 'too-long'; readonly isLine: boolean }
  /** A header where the client has sent text before. */
  | { readonly type: 'mixed'; readonly isLine: boolean }
  /** What is no header: where the next one begins is not known any more. */
  | { readonly type: 'broken'; readonly reason: string; readonly isLine: false };

export class GoldInput {
  readonly #messageBytesMax: number;
  readonly #input: LobbyInput;
  #framing: Framing | 'broken' = 'unknown';
  /** The first bytes, until they have decided. */
  readonly #head = new Uint8Array(HEADER_BYTES);
  #headLength = 0;
  /** The header or the body that is being put together, as far as it has come. */
  #part = new Uint8Array(HEADER_BYTES);
  #filled = 0;
  #isBody = false;
  #isFirst = true;

  /** `framing` is known of a client whose session was lost. */
  constructor(messageBytesMax: number, framing: Framing = 'unknown') {
    this.#messageBytesMax = messageBytesMax;
    this.#input = new LobbyInput(messageBytesMax);
    this.#framing = framing;
    this.#isFirst = framing === 'unknown';
  }

  get framing(): Framing | 'broken' {
    return this.#framing;
  }

  /** What all that waits costs, about. */
  get waitingBytes(): number {
    return this.#input.waitingBytes;
  }

  /** The next bytes, which are copied; without a byte the input has paused. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#framing !== 'unknown') {
      this.#input.add(bytes, start, end);
      return;
    }
    const headEnd = Math.min(end, start + HEADER_BYTES - this.#headLength);
    this.#head.set(bytes.subarray(start, headEnd), this.#headLength);
    this.#headLength += headEnd - start;
    this.#framing = framingOf(this.#head.subarray(0, this.#headLength));
    if (this.#framing === 'unknown') return;
    this.#input.add(this.#head, 0, this.#headLength);
    if (headEnd < end) this.#input.add(bytes, headEnd, end);
  }

  /** Nothing more comes: what could have become a header is text. */
  end(): void {
    if (this.#framing !== 'unknown' || this.#headLength === 0) return;
    this.#framing = 'text';
    this.#input.add(this.#head, 0, this.#headLength);
    this.#input.add(NOTHING, 0, 0);
  }

  /** Removes and returns the next message; undefined if none has come whole. */
  take(): GoldMessage | undefined {
    if (this.#framing === 'text') return this.#takeText();
    return this.#framing === 'headers' ? this.#takeFramed() : undefined;
  }

  #takeText(): GoldMessage | undefined {
    const message = this.#input.takeMessage();
    if (message === undefined) return undefined;
    const { text, isLine, isTooLong } = message;
    if (isTooLong) return { type: 'too-long', isLine };
    if (text.trim() === '') return { type: 'empty', isFirst: false, isLine };
    if (HEADER_IN_TEXT.test(text)) return { type: 'mixed', isLine };
    return { type: 'message', text, isLine };
  }

  #takeFramed(): GoldMessage | undefined {
    while (this.#fill()) {
      const message = this.#isBody ? this.#endBody() : this.#endHeader();
      if (message !== undefined) return message;
    }
    return undefined;
  }

  /** True once the part is whole. */
  #fill(): boolean {
    const bytes = this.#input.takeBytes(this.#part.length - this.#filled);
    this.#part.set(bytes, this.#filled);
    this.#filled += bytes.length;
    return this.#filled === this.#part.length;
  }

  #begin(part: 'header' | 'body', length: number): void {
    this.#isBody = part === 'body';
    this.#part = new Uint8Array(length);
    this.#filled = 0;
  }

  #endHeader(): GoldMessage | undefined {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const [, digits] = HEADER.exec(latin1(this.#part)) ?? [];
    if (digits === undefined) return this.#break('a header is a number and spaces, 64 bytes');
    const length = digits.length > DIGITS_MAX ? Number.POSITIVE_INFINITY : Number(digits);
    if (length > this.#messageBytesMax)
      return this.#break(`a message has ${this.#messageBytesMax} bytes at most`);
    if (length > 0) {
      this.#begin('body', length);
      return undefined;
    }
    this.#begin('header', HEADER_BYTES);
    return { type: 'empty', isFirst, isLine: false };
  }

  #endBody(): GoldMessage {
    const text = utf8.decode(this.#part).replace(/[\r\n]+$/, '');
    this.#begin('header', HEADER_BYTES);
    if (text.trim() === '') return { type: 'empty', isFirst: false, isLine: false };
    return { type: 'message', text, isLine: false };
  }

  #break(reason: string): GoldMessage {
    this.#framing = 'broken';
    return { type: 'broken', reason, isLine: false };
  }
}

function framingOf(head: Uint8Array): Framing {
  const text = latin1(head);
  if (text === '') return 'unknown';
  if (!HEADER.test(text)) return 'text';
  if (text.length < HEADER_BYTES) return 'unknown';
  return text.endsWith(' ') ? 'headers' : 'text';
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
