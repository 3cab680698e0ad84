/** One file on its way between a client of the lobby and the main thread, which has it read and written by jobs. */
import type { DeskAnswers, FileCommand, OpenFile } from '../../src/protocol/desk.ts';
import { type ErrorRecord, OutcryError } from '../../src/values/errors.ts';
import type { Answer } from '../runtime/actor.ts';

/** Bytes that are read or written at a time. */
const CHUNK_BYTES = 256 * 1024;
const NO_BYTES = new Uint8Array(0);

/** What a transfer wants of its session. */
export interface TransferSession {
  askFiles<C extends FileCommand>(command: C, then: (answer: Answer<DeskAnswers[C['type']]>) => void): void;
  /** What a session that takes the place of this one must know of the transfer. */
  note(transfer: string): void;
  send(bytes: Uint8Array): void;
  sendLine(text: string): void;
  reply(text: string): void;
  /** `onDrained` is called when the client has taken all that was sent. */
  awaitDrained(): void;
  /** More has come from the client than what was answered. */
  readonly hasInput: boolean;
  /** Removes and returns up to `length` bytes that have come from the client. */
  takeBytes(length: number): Uint8Array;
  /** The transfer is over. The next `skip` bytes from the client belong to the file, and are no messages. */
  finish(skip?: number): void;
  fail(error: ErrorRecord, skip?: number): void;
  /** The client was promised what can't be had any more, and would understand nothing else. */
  breakOff(why: string): void;
}

export interface Transfer {
  /** At the moment nothing need be read from the client. */
  readonly isInputHeld: boolean;
  /** Bytes have come from the client. */
  onInput(): void;
  onDrained(): void;
  /** The client has sent all that it will. */
  onEnded(): void;
  /** The client is gone; nothing is called any more but what is under way. */
  onGone(): void;
}

/** Sends a file, a chunk whenever the client has taken the one before. */
export class Download implements Transfer {
  readonly isInputHeld = true;
  readonly #session: TransferSession;
  #file: OpenFile | undefined;
  #offset = 0;
  #isOver = false;

  constructor(session: TransferSession, name: string) {
    this.#session = session;
    session.askFiles({ type: 'open-file', name }, (answer) => {
      if (answer.ok) this.#begin(answer.value);
      else session.fail(answer.error);
    });
  }

  onDrained(): void {
    this.#readNext();
  }

  onInput(): void {
    // It waits its turn.
  }

  onEnded(): void {
    // It may still take what it has asked for.
  }

  onGone(): void {
    this.#isOver = true;
  }

  #begin(file: OpenFile): void {
    this.#file = file;
    this.#session.note('get');
    this.#session.sendLine(`SIZE ${file.size} SHA-256 ${file.sha256}`);
    this.#readNext();
  }

  #readNext(): void {
    const file = this.#file;
    if (file === undefined || this.#isOver) return;
    const session = this.#session;
    if (this.#offset === file.size) {
      session.finish();
      return;
    }
    const range = { offset: this.#offset, length: CHUNK_BYTES };
    session.askFiles({ type: 'read-file', file, ...range }, (answer) => {
      if (this.#isOver) return;
      if (!answer.ok) {
        session.breakOff(answer.error.message);
        return;
      }
      this.#offset += answer.value.length;
      session.send(answer.value);
      session.awaitDrained();
    });
  }
}

/** Takes a new file. As long as it is not whole and flushed there is only a part of it, which nobody sees. */
export class Upload implements Transfer {
  readonly #session: TransferSession;
  readonly #name: string;
  readonly #size: number;
  /** Undefined until it is made. */
  #part: string | undefined;
  /** Bytes that have been taken, and perhaps written. */
  #taken = 0;
  /** Something is asked, and not answered yet. */
  #isWaiting = true;
  #hasEnded = false;
  #isGone = false;

  constructor(session: TransferSession, name: string, size: number) {
    this.#session = session;
    this.#name = name;
    this.#size = size;
    session.askFiles({ type: 'begin-put', name, size }, (answer) => {
      this.#isWaiting = false;
      // Whoever has sent more before it was answered sends the file whatever the answer is.
      if (!answer.ok) session.fail(answer.error, session.hasInput ? size : 0);
      else this.#begin(answer.value);
    });
  }

  get isInputHeld(): boolean {
    return this.#isWaiting && this.#part !== undefined;
  }

  onInput(): void {
    this.#takeNext();
  }

  onDrained(): void {
    // Nothing was sent that it waits for.
  }

  onEnded(): void {
    this.#hasEnded = true;
    this.#takeNext();
  }

  onGone(): void {
    this.#isGone = true;
    this.#takeNext();
  }

  #begin(part: string): void {
    this.#part = part;
    this.#session.note(`put ${part}`);
    this.#session.reply(`SEND ${this.#size}`);
    this.#takeNext();
  }

  #takeNext(): void {
    const session = this.#session;
    const part = this.#part;
    if (part === undefined || this.#isWaiting) return;
    const left = this.#size - this.#taken;
    if (left === 0) {
      this.#complete(part);
      return;
    }
    const bytes = this.#isGone ? NO_BYTES : session.takeBytes(Math.min(left, CHUNK_BYTES));
    if (bytes.length > 0) this.#append(part, bytes);
    else if (this.#isGone || this.#hasEnded) this.#fail(part, this.#halfway());
  }

  #append(part: string, bytes: Uint8Array): void {
    this.#taken += bytes.length;
    this.#isWaiting = true;
    this.#session.askFiles({ type: 'append-put', part, bytes }, (answer) => {
      this.#isWaiting = false;
      if (answer.ok) this.#takeNext();
      else this.#fail(part, answer.error);
    });
  }

  #complete(part: string): void {
    const session = this.#session;
    const file = { name: this.#name, size: this.#size };
    this.#isWaiting = true;
    session.askFiles({ type: 'finish-put', part, ...file }, (answer) => {
      if (!answer.ok) {
        this.#fail(part, answer.error);
        return;
      }
      const { size, sha256 } = answer.value;
      session.reply(`STORED ${this.#name} ${size} SHA-256 ${sha256}`);
      session.finish();
    });
  }

  #fail(part: string, error: ErrorRecord): void {
    this.#session.askFiles({ type: 'abandon-put', part }, () => {
      this.#session.fail(error, this.#size - this.#taken);
    });
  }

  #halfway(): ErrorRecord {
    const message = `only ${this.#taken} of ${this.#size} bytes came: nothing is stored`;
    return new OutcryError('ERR_FILE_SIZE', message).toRecord();
  }
}
