/**
 * The events of the exchange, flat: what every trading account was told, and the little that does not follow from it. In
 * 32-bit words, little-endian:
 *
 *     head word      number << 4 | kind; the number of a trading account where there is one, else 0
 *
 *     packets        account; length in bytes                            1 word
 *                    whole Sequenced Data packets, padded with zeros to whole words
 *     openAccount    account; length of the name << 2 | raw << 1 | form  1 word
 *                    the name, ASCII, padded likewise
 *     closeAccount   account
 *     takePart       account; form                                       1 word
 *     beginSession   its beginning, ms since 1970                        2 words, float64
 *     openDay        its date: yyyymmdd                                  1 word
 *     halt, resume   id of a book; group                                 2 words
 *     listBook       id of a security; its number                        2 words
 *     midnight       ms since 1970                                       2 words, float64
 *
 * `packets` is all that an account was told in one turn, or of it what came before another event that changes what packets
 * mean. Messages count: an order is open since its Accepted, and has what its Executed and Canceled have left of it. What
 * they do not say is here: which session they belong to, since which midnight their timestamps count, and which
 * security a number means where ids are numbers. A form is 0 where ids are text, and 1 where they are numbers; a raw
 * account is one without a name, whose rejected tokens may come again. Ids and groups are their four characters,
 * read as a big-endian number.
 *
 * A session begins before the day: all streams are empty then, and no order is open. `openDay` begins to take orders, a
 * date that is a new one begins their numbers anew, and the end of a day is the beginning of the next session. An
 * account takes part in a session when it logs in.
 */
import type { OrderbookForm } from '../../src/protocol/exchange.ts';
import type { SequencedStream } from './sequenced-stream.ts';

export const EXCHANGE_EVENT = {
  packets: 0,
  openAccount: 1,
  closeAccount: 2,
  takePart: 3,
  beginSession: 4,
  openDay: 5,
  halt: 6,
  resume: 7,
  listBook: 8,
  midnight: 9,
} as const;

const KIND_BITS = 4;
const KIND_MASK = (1 << KIND_BITS) - 1;
const FORMS: readonly OrderbookForm[] = ['alpha', 'uint32'];
const CAPACITY_MIN_BYTES = 4096;
/** A buffer that one great turn has made is not kept. */
const CAPACITY_KEPT_BYTES = 4 * 1024 * 1024;

export interface OpenedAccount {
  readonly account: number;
  /** ASCII. */
  readonly name: string;
  readonly form: OrderbookForm;
  readonly isRaw: boolean;
}

export interface LoggedEvents {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** Collects events until they are taken. */
export class ExchangeLog {
  #bytes = new Uint8Array(CAPACITY_MIN_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;
  #count = 0;
  #next: number;

  /** `events` is the position of the last one that was ever logged. */
  constructor(events = 0) {
    this.#next = events + 1;
  }

  /** Position of the event that comes next. */
  get next(): number {
    return this.#next;
  }

  /** Takes what is fresh in the stream of an account, and returns it. */
  packets(account: number, stream: SequencedStream): readonly Uint8Array[] {
    const fresh = stream.takeFresh(this.#next);
    if (fresh.length > 0) this.addPackets(account, fresh);
    return fresh;
  }

  /** Whole packets, in pieces. */
  addPackets(account: number, parts: readonly Uint8Array[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    let at = this.#begin(EXCHANGE_EVENT.packets, account, 4 + length);
    this.#view.setUint32(at, length, true);
    at += 4;
    for (const part of parts) {
      this.#bytes.set(part, at);
      at += part.length;
    }
  }

  openAccount({ account, name, form, isRaw }: OpenedAccount): void {
    const at = this.#begin(EXCHANGE_EVENT.openAccount, account, 4 + name.length);
    this.#view.setUint32(at, (name.length << 2) | (isRaw ? 2 : 0) | FORMS.indexOf(form), true);
    for (let i = 0; i < name.length; i++) this.#bytes[at + 4 + i] = name.charCodeAt(i);
  }

  closeAccount(account: number): void {
    this.#begin(EXCHANGE_EVENT.closeAccount, account, 0);
  }

  /** What the account was told before is to be in the log already. */
  takePart(account: number, form: OrderbookForm): void {
    this.#word(EXCHANGE_EVENT.takePart, account, FORMS.indexOf(form));
  }

  /** So is what anybody was told. */
  beginSession(beginMs: number): void {
    this.#float(EXCHANGE_EVENT.beginSession, beginMs);
  }

  openDay(date: number): void {
    this.#word(EXCHANGE_EVENT.openDay, 0, date);
  }

  halt(id: number, group: number): void {
    this.#pair(EXCHANGE_EVENT.halt, id, group);
  }

  resume(id: number, group: number): void {
    this.#pair(EXCHANGE_EVENT.resume, id, group);
  }

  listBook(id: number, number: number): void {
    this.#pair(EXCHANGE_EVENT.listBook, id, number);
  }

  /** Likewise. */
  midnight(timeMs: number): void {
    this.#float(EXCHANGE_EVENT.midnight, timeMs);
  }

  /** Removes and returns what was collected, valid until the next event; undefined if nothing. */
  take(): LoggedEvents | undefined {
    if (this.#count === 0) return undefined;
    const events = { bytes: this.#bytes.subarray(0, this.#used), count: this.#count };
    this.#used = 0;
    this.#count = 0;
    if (this.#bytes.length > CAPACITY_KEPT_BYTES) this.#resize(CAPACITY_MIN_BYTES);
    return events;
  }

  #word(kind: number, account: number, word: number): void {
    this.#view.setUint32(this.#begin(kind, account, 4), word, true);
  }

  #pair(kind: number, first: number, second: number): void {
    const at = this.#begin(kind, 0, 8);
    this.#view.setUint32(at, first, true);
    this.#view.setUint32(at + 4, second, true);
  }

  #float(kind: number, value: number): void {
    this.#view.setFloat64(this.#begin(kind, 0, 8), value, true);
  }

  /** Writes the head of an event with a body of `length` bytes, and returns where that goes. */
  #begin(kind: number, number: number, length: number): number {
    const at = this.#used;
    const end = at + 4 + padded(length);
    if (end > this.#bytes.length) this.#resize(Math.max(end, this.#bytes.length * 2));
    this.#view.setUint32(at, (number << KIND_BITS) | kind, true);
    if (length > 0) this.#view.setUint32(end - 4, 0, true);
    this.#used = end;
    this.#count++;
    this.#next++;
    return at + 4;
  }

  #resize(capacity: number): void {
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(0, Math.min(this.#used, capacity)));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

/** What `readEvents` calls for each event. */
export interface ExchangeEvents {
  /** Ahead of each. */
  next(): void;
  packets(account: number, bytes: Uint8Array, start: number, end: number): void;
  openAccount(account: OpenedAccount): void;
  closeAccount(account: number): void;
  takePart(account: number, form: OrderbookForm): void;
  beginSession(beginMs: number): void;
  openDay(date: number): void;
  halt(id: number, group: number): void;
  resume(id: number, group: number): void;
  listBook(id: number, number: number): void;
  midnight(timeMs: number): void;
}

/** Reads the events in `bytes` from `start` to `end`; returns how many they are. Throws a RangeError if they are none, or end within one. */
export function readEvents(
  bytes: Uint8Array,
  start: number,
  end: number,
  events: Partial<ExchangeEvents>,
): number {
  // Reading beyond the end throws too.
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  let count = 0;
  let at = start;
  for (; at < end; count++) at = readEvent(bytes, view, at, events);
  if (at !== end) throw new RangeError('the last event has no end');
  return count;
}

/** Returns where the event at `at` ends. */
function readEvent(bytes: Uint8Array, view: DataView, at: number, events: Partial<ExchangeEvents>): number {
  const head = view.getUint32(at, true);
  const account = head >>> KIND_BITS;
  const body = at + 4;
  events.next?.();
  switch (head & KIND_MASK) {
    case EXCHANGE_EVENT.packets: {
      const length = view.getUint32(body, true);
      const last = body + 4 + length;
      if (last > view.byteLength) throw new RangeError('the packets of an event have no end');
      events.packets?.(account, bytes, body + 4, last);
      return body + 4 + padded(length);
    }
    case EXCHANGE_EVENT.openAccount: {
      const word = view.getUint32(body, true);
      const length = word >>> 2;
      let name = '';
      for (let i = 0; i < length; i++) name += String.fromCharCode(view.getUint8(body + 4 + i));
      events.openAccount?.({ account, name, form: formOf(word & 1), isRaw: (word & 2) !== 0 });
      return body + 4 + padded(length);
    }
    case EXCHANGE_EVENT.closeAccount:
      events.closeAccount?.(account);
      return body;
    case EXCHANGE_EVENT.takePart:
      events.takePart?.(account, formOf(view.getUint32(body, true)));
      return body + 4;
    case EXCHANGE_EVENT.beginSession:
      events.beginSession?.(view.getFloat64(body, true));
      return body + 8;
    case EXCHANGE_EVENT.openDay:
      events.openDay?.(view.getUint32(body, true));
      return body + 4;
    case EXCHANGE_EVENT.halt:
      events.halt?.(view.getUint32(body, true), view.getUint32(body + 4, true));
      return body + 8;
    case EXCHANGE_EVENT.resume:
      events.resume?.(view.getUint32(body, true), view.getUint32(body + 4, true));
      return body + 8;
    case EXCHANGE_EVENT.listBook:
      events.listBook?.(view.getUint32(body, true), view.getUint32(body + 4, true));
      return body + 8;
    case EXCHANGE_EVENT.midnight:
      events.midnight?.(view.getFloat64(body, true));
      return body + 8;
    default:
      throw new RangeError(`no event of an exchange has the head ${head}`);
  }
}

function formOf(index: number): OrderbookForm {
  const form = FORMS[index];
  if (form === undefined) throw new RangeError(`no form of ids has the number ${index}`);
  return form;
}
