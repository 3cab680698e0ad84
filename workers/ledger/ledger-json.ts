/**
 * The events of a ledger shard as an export has them:
 *
 *     {"type":"openAccount","account":5,"name":"Marc"}
 *     {"type":"posting","account":5,"name":"Marc","cents":-250}
 *     {"type":"openUpload","upload":2,"id":"monday"}
 *     {"type":"mark","upload":2,"line":4000}
 *     {"type":"discard","upload":2,"line":17,"reason":"amount"}
 *     {"type":"forgetUpload","upload":2}
 *     {"type":"key","key":"7b1c…","fingerprint":8123…,"refused":[[3,"balance-out-of-range"]]}
 *
 * A name is a string if its bytes are UTF-8, else {"latin1":"…"} with a character for each byte. The numbers of new
 * accounts and uploads, and the names in postings, say nothing that is not known: they are for people, and are checked.
 */
import { isUtf8 } from 'node:buffer';
import {
  DISCARD_REASONS,
  type DiscardReason,
  NAME_LENGTH_MAX,
  REQUEST_TRANSACTIONS_MAX,
} from '../../src/protocol/bank.ts';
import type { Address } from '../../src/values/address.ts';
import { MINOR_UNITS_MAX } from '../../src/values/money.ts';
import type { Describer, EventLines, EventParser } from '../data/stored-kind.ts';
import { type BatchBuilder, BODY, type Segment } from '../runtime/journal.ts';
import { checkKey, Keys } from './keys.ts';
import { LedgerLog, readEvents } from './ledger-log.ts';
import type { ShardState } from './ledger-snapshot.ts';
import { lineOfDiscard, packDiscard } from './uploads.ts';

/** What a name may not have in it: white space. */
const WHITE_SPACE = /[\t-\r ]/;
/** What has no bytes in UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const UPLOAD_ID_MAX = 128;
const BACKSLASH = 0x5c;

/** The JSON of many names, one after the other. */
class NameTexts {
  bytes = new Uint8Array(4096);
  #ends = new Float64Array(1024);
  count = 0;

  constructor(state: ShardState | undefined) {
    if (state === undefined) return;
    const { names, lengths } = state.ledger;
    const bytes = Buffer.from(names.buffer, names.byteOffset, names.byteLength);
    let start = 0;
    for (const length of lengths) {
      this.add(bytes.subarray(start, start + length));
      start += (length + 3) & ~3;
    }
  }

  start(account: number): number {
    return account === 0 ? 0 : (this.#ends[account - 1] as number);
  }

  end(account: number): number {
    return this.#ends[account] as number;
  }

  add(name: Buffer): void {
    const text = Buffer.from(JSON.stringify(nameToJson(name)));
    const start = this.start(this.count);
    if (start + text.length > this.bytes.length)
      this.bytes = doubled(this.bytes, new Uint8Array(this.bytes.length * 2));
    if (this.count === this.#ends.length) this.#ends = doubled(this.#ends, new Float64Array(this.count * 2));
    this.bytes.set(text, start);
    this.#ends[this.count++] = start + text.length;
  }
}

function doubled<A extends Uint8Array | Float64Array>(old: A, larger: A): A {
  larger.set(old);
  return larger;
}

export function nameToJson(name: Buffer): string | { readonly latin1: string } {
  return isUtf8(name) ? name.toString() : { latin1: name.toString('latin1') };
}

export class LedgerDescriber implements Describer {
  readonly #names: NameTexts;
  #uploads: number;

  constructor(state: ShardState | undefined) {
    this.#names = new NameTexts(state);
    this.#uploads = state?.uploads.next ?? 0;
  }

  describe({ bytes, start, end }: Segment, lines: EventLines): void {
    const names = this.#names;
    readEvents(bytes, start, end, {
      posting: (account, cents) => {
        lines.begin();
        lines.text('{"type":"posting","account":');
        lines.number(account);
        lines.text(',"name":');
        lines.bytes(names.bytes, names.start(account), names.end(account));
        lines.text(',"cents":');
        lines.number(cents);
        lines.text('}');
        lines.end();
      },
      openAccount: (view, nameStart, length) => {
        const account = names.count;
        names.add(Buffer.from(view.buffer, view.byteOffset + nameStart, length));
        lines.begin();
        lines.text('{"type":"openAccount","account":');
        lines.number(account);
        lines.text(',"name":');
        lines.bytes(names.bytes, names.start(account), names.end(account));
        lines.text('}');
        lines.end();
      },
      openUpload: (id) => write(lines, { type: 'openUpload', upload: this.#uploads++, id: textOf(id) }),
      mark: (upload, line) => write(lines, { type: 'mark', upload, line }),
      discard: (upload, packed) => {
        const reason = DISCARD_REASONS[packed % 16];
        write(lines, { type: 'discard', upload, line: lineOfDiscard(packed), reason });
      },
      forgetUpload: (upload) => write(lines, { type: 'forgetUpload', upload }),
      key: ({ key, fingerprint, refused }) => {
        const reasons = refused.map((packed) => [lineOfDiscard(packed), DISCARD_REASONS[packed % 16]]);
        write(lines, { type: 'key', key, fingerprint, refused: reasons });
      },
    });
  }
}

function write(lines: EventLines, event: unknown): void {
  lines.begin();
  lines.json(event);
  lines.end();
}

function textOf(id: Uint8Array): string {
  return Buffer.from(id).toString('latin1');
}

/** What an event may have. */
interface Fields {
  readonly type?: unknown;
  readonly account?: unknown;
  readonly name?: unknown;
  readonly cents?: unknown;
  readonly upload?: unknown;
  readonly id?: unknown;
  readonly line?: unknown;
  readonly reason?: unknown;
  readonly key?: unknown;
  readonly fingerprint?: unknown;
  readonly refused?: unknown;
}

/** Checks the events as the shard itself would, and writes them as it does. */
export class LedgerParser implements EventParser {
  readonly #log = new LedgerLog();
  readonly #names: NameTexts;
  readonly #balances: number[];
  /** By number. */
  readonly #uploads: Set<number>;
  #nextUpload: number;
  readonly #keys = new Keys();

  constructor(state: ShardState | undefined) {
    this.#names = new NameTexts(state);
    this.#keys.restore(state?.keys ?? []);
    this.#balances = [...(state?.ledger.balances ?? [])];
    this.#uploads = new Set(state?.uploads.uploads.map(({ number }) => number));
    this.#nextUpload = state?.uploads.next ?? 0;
  }

  take(event: unknown): void {
    if (typeof event !== 'object' || event === null) throw new RangeError('an event is an object');
    const fields = event as Fields;
    switch (fields.type) {
      case 'posting':
        this.#posting(fields);
        break;
      case 'openAccount':
        this.#openAccount(fields);
        break;
      case 'openUpload':
        this.#openUpload(fields);
        break;
      case 'mark':
        this.#log.mark(this.#upload(fields), wholeOf(fields, 'line'));
        break;
      case 'discard':
        this.#log.discard(this.#upload(fields), packedOf(fields));
        break;
      case 'forgetUpload': {
        const upload = this.#upload(fields);
        this.#uploads.delete(upload);
        this.#log.forgetUpload(upload);
        break;
      }
      case 'key':
        this.#key(fields);
        break;
      default:
        throw new RangeError(`a ledger has no event of the type ${JSON.stringify(fields.type)}`);
    }
  }

  flush(builder: BatchBuilder, address: Address, position: number): void {
    const events = this.#log.take();
    if (events !== undefined) builder.addFlat(address, position, events);
  }

  #posting(fields: Fields): void {
    const account = wholeOf(fields, 'account');
    const { cents } = fields;
    if (account >= this.#names.count) throw new RangeError(`account ${account} was not opened`);
    this.#checkName(account, fields.name);
    if (!Number.isSafeInteger(cents))
      throw new RangeError(`cents are a whole number, not ${JSON.stringify(cents)}`);
    const balance = (this.#balances[account] as number) + (cents as number);
    if (Math.abs(balance) > MINOR_UNITS_MAX) {
      throw new RangeError(`the balance of account ${account} would leave the range of exact numbers`);
    }
    this.#balances[account] = balance;
    this.#log.posting(account, cents as number);
  }

  #checkName(account: number, name: unknown): void {
    const names = this.#names;
    const start = names.start(account);
    const end = names.end(account);
    if (isPlainText(name, names.bytes, start, end)) return;
    const text = Buffer.from(names.bytes.buffer, start, end - start).toString();
    if (text !== JSON.stringify(name))
      throw new RangeError(`account ${account} is ${text}, not ${JSON.stringify(name)}`);
  }

  #openAccount(fields: Fields): void {
    const account = wholeOf(fields, 'account');
    if (account !== this.#names.count) {
      throw new RangeError(`the next account has number ${this.#names.count}, not ${account}`);
    }
    const name = nameFromJson(fields.name);
    this.#names.add(name);
    this.#balances.push(0);
    const padded = new Uint8Array(name.length + 4);
    padded.set(name);
    this.#log.openAccount(new DataView(padded.buffer), 0, name.length);
  }

  #openUpload(fields: Fields): void {
    const upload = wholeOf(fields, 'upload');
    const { id } = fields;
    if (upload !== this.#nextUpload)
      throw new RangeError(`the next upload has number ${this.#nextUpload}, not ${upload}`);
    if (typeof id !== 'string' || id.length > UPLOAD_ID_MAX || !/^[\x21-\x7e]+$/.test(id)) {
      throw new RangeError(`an id is 1 to ${UPLOAD_ID_MAX} letters, not ${JSON.stringify(id)}`);
    }
    this.#uploads.add(this.#nextUpload++);
    this.#log.openUpload(Buffer.from(id, 'latin1'));
  }

  #key(fields: Fields): void {
    const { key, refused } = fields;
    if (typeof key !== 'string') throw new RangeError(`a key is a string, not ${JSON.stringify(key)}`);
    if (!Array.isArray(refused)) throw new RangeError('refused transactions are an array');
    const remembered = {
      key,
      fingerprint: wholeOf(fields, 'fingerprint'),
      refused: refused.map((entry) => refusedOf(entry)),
    };
    checkKey(remembered);
    if (this.#keys.find(key) !== undefined) throw new RangeError(`the key ${JSON.stringify(key)} is known`);
    this.#keys.add(remembered);
    this.#log.key(remembered);
  }

  #upload(fields: Fields): number {
    const upload = wholeOf(fields, 'upload');
    if (!this.#uploads.has(upload)) throw new RangeError(`there is no upload ${upload}`);
    return upload;
  }
}

/** The bytes are the JSON of `name`, and none of its characters is written in another way. Quick; most names are. */
function isPlainText(name: unknown, bytes: Uint8Array, start: number, end: number): boolean {
  if (typeof name !== 'string' || name.length !== end - start - 2) return false;
  for (let i = 0; i < name.length; i++) {
    const character = name.charCodeAt(i);
    if (character >= 0x80 || character === BACKSLASH || bytes[start + 1 + i] !== character) return false;
  }
  return true;
}

function wholeOf(fields: Fields, key: keyof Fields): number {
  const value = fields[key];
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new RangeError(`${key} is a whole number, not ${JSON.stringify(value)}`);
}

function packedOf(fields: Fields): number {
  return packDiscard(wholeOf(fields, 'line'), reasonOf(fields.reason));
}

/** Of an index and a reason. */
function refusedOf(value: unknown): number {
  const [index, reason] = Array.isArray(value) ? value : [];
  if (!Number.isSafeInteger(index) || index < 0 || index >= REQUEST_TRANSACTIONS_MAX) {
    throw new RangeError(`a refused transaction has its index and a reason, not ${JSON.stringify(value)}`);
  }
  return packDiscard(index, reasonOf(reason));
}

function reasonOf(value: unknown): DiscardReason {
  const reason = DISCARD_REASONS.find((each) => each === value);
  if (reason === undefined) throw new RangeError(`no reason is called ${JSON.stringify(value)}`);
  return reason;
}

/** Throws a RangeError if that is no name that an account may have. */
export function nameFromJson(value: unknown): Buffer {
  const name = bytesFromJson(value);
  if (name.length === 0 || name.length > NAME_LENGTH_MAX || WHITE_SPACE.test(name.toString('latin1'))) {
    throw new RangeError(
      `a name is 1 to ${NAME_LENGTH_MAX} bytes without white space, not ${JSON.stringify(value)}`,
    );
  }
  return name;
}

function bytesFromJson(value: unknown): Buffer {
  if (typeof value === 'string' && !LONE_SURROGATE.test(value)) return Buffer.from(value);
  const { latin1 } = (typeof value === 'object' && value !== null ? value : {}) as { latin1?: unknown };
  if (typeof latin1 === 'string' && /^[\0-\xff]*$/.test(latin1)) return Buffer.from(latin1, 'latin1');
  throw new RangeError(`a name is a string or {"latin1":"…"}, not ${JSON.stringify(value)}`);
}

export function checkFlat({ kind }: Segment): void {
  if (kind !== BODY.flat) throw new RangeError(`a ledger's events are flat, these are of the kind ${kind}`);
}
