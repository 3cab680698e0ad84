/**
 * The events of the exchange as an export has them:
 *
 *     {"type":"packets","account":3,"messages":[{"type":"accepted","timestampNs":"36000…","token":1,…},{"hex":"4a00…"}]}
 *     {"type":"openAccount","account":3,"name":"TRADE1","form":"alpha","isRaw":false}
 *     {"type":"closeAccount","account":3}
 *     {"type":"takePart","account":3,"form":"alpha"}
 *     {"type":"beginSession","beginMs":1795255200000}
 *     {"type":"openDay","date":20261121}
 *     {"type":"halt","id":"7203","group":"DAY"}, and so "resume"
 *     {"type":"listBook","id":"7203","number":1}
 *     {"type":"midnight","timeMs":1795186800000}
 *
 * Messages are those of src/protocol/ouch/messages.ts, with what is of 64 bits in decimal. One that would not be the
 * same bytes again, since a client has padded its fields with something else than spaces, is in hex.
 */
import type { OrderbookForm } from '../../src/protocol/exchange.ts';
import { decodeOutbound, encodeOutbound, type OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import type { Address } from '../../src/values/address.ts';
import { messageOf } from '../../src/values/errors.ts';
import type { Describer, EventLines, EventParser } from '../data/stored-kind.ts';
import type { BatchBuilder, Segment } from '../runtime/journal.ts';
import { ExchangeLog, readEvents } from './exchange-log.ts';
import type { ExchangeState } from './exchange-snapshot.ts';
import type { Recovery } from './recovery.ts';
import { endOfPacket } from './sequenced-stream.ts';
import { numberText, textNumber } from './wire-text.ts';

const HEADER_BYTES = 3;
const SEQUENCED = 0x53;
const UINT32_MAX = 2 ** 32 - 1;
/** What fits beside a kind in the head of an event. */
const ACCOUNT_MAX = 2 ** 28 - 1;
/** Of a packet, which has 16 bits for its length. */
const MESSAGE_BYTES_MAX = 65_534;
/** As long as an address may be. */
const NAME = /^[!-~]{1,255}$/;
const ID = /^[!-~][ -~]{0,3}$/;
const FORMS: readonly OrderbookForm[] = ['alpha', 'uint32'];

export class ExchangeDescriber implements Describer {
  /** By account. */
  readonly #forms: Map<number, OrderbookForm>;

  constructor(state: ExchangeState | undefined) {
    this.#forms = new Map(state?.accounts.map(({ number, form }) => [number, form]));
  }

  describe({ bytes, start, end }: Segment, lines: EventLines): void {
    const write = (event: unknown) => {
      lines.begin();
      lines.json(event);
      lines.end();
    };
    readEvents(bytes, start, end, {
      packets: (account, _, from, to) => {
        const form = this.#forms.get(account) ?? 'alpha';
        write({ type: 'packets', account, messages: messagesIn(bytes, from, to, form) });
      },
      openAccount: (opened) => {
        this.#forms.set(opened.account, opened.form);
        write({ type: 'openAccount', ...opened });
      },
      closeAccount: (account) => write({ type: 'closeAccount', account }),
      takePart: (account, form) => {
        this.#forms.set(account, form);
        write({ type: 'takePart', account, form });
      },
      beginSession: (beginMs) => write({ type: 'beginSession', beginMs }),
      openDay: (date) => write({ type: 'openDay', date }),
      halt: (id, group) => write({ type: 'halt', id: textOf(id), group: textOf(group) }),
      resume: (id, group) => write({ type: 'resume', id: textOf(id), group: textOf(group) }),
      listBook: (id, number) => write({ type: 'listBook', id: textOf(id), number }),
      midnight: (timeMs) => write({ type: 'midnight', timeMs }),
    });
  }
}

function messagesIn(bytes: Uint8Array, start: number, end: number, form: OrderbookForm): unknown[] {
  const messages: unknown[] = [];
  for (let at = start; at < end; ) {
    const next = endOfPacket(bytes, at, end);
    messages.push(describeMessage(bytes.subarray(at + HEADER_BYTES, next), form));
    at = next;
  }
  return messages;
}

function describeMessage(bytes: Uint8Array, form: OrderbookForm): unknown {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    const message = decodeOutbound(bytes, form);
    if (hex.equals(encodeOutbound(message))) return inDecimal(message);
  } catch {
    // None that the codec knows.
  }
  return { hex: hex.toString('hex') };
}

function inDecimal(message: OutboundMessage): unknown {
  const entries = Object.entries(message as unknown as Readonly<Record<string, unknown>>);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === 'bigint' ? String(value) : value]),
  );
}

/** A number where the text would not be the same again. */
function textOf(number: number): string | number {
  const text = numberText(number);
  return ID.test(text) && textNumber(text) === number ? text : number;
}

/** What an event may have. */
interface Fields {
  readonly type?: unknown;
  readonly account?: unknown;
  readonly messages?: unknown;
  readonly name?: unknown;
  readonly form?: unknown;
  readonly isRaw?: unknown;
  readonly beginMs?: unknown;
  readonly date?: unknown;
  readonly id?: unknown;
  readonly group?: unknown;
  readonly number?: unknown;
  readonly timeMs?: unknown;
}

/** Checks the events by doing again what they have done, and writes them as the exchange does. */
export class ExchangeParser implements EventParser {
  readonly #log = new ExchangeLog();
  readonly #recovery: Recovery;
  #parts: Uint8Array[] = [];
  #count = 0;

  /** `recovery` has what was before the events. */
  constructor(recovery: Recovery) {
    this.#recovery = recovery;
  }

  take(event: unknown): void {
    if (typeof event !== 'object' || event === null) throw new RangeError('an event is an object');
    this.#write(event as Fields);
    const { bytes, count } = this.#log.take() ?? { bytes: new Uint8Array(), count: 0 };
    this.#recovery.apply(bytes, 0, bytes.length);
    this.#parts.push(bytes.slice());
    this.#count += count;
  }

  flush(builder: BatchBuilder, address: Address, position: number): void {
    if (this.#count === 0) return;
    builder.addFlat(address, position, { bytes: Buffer.concat(this.#parts), count: this.#count });
    this.#parts = [];
    this.#count = 0;
  }

  #write(fields: Fields): void {
    const log = this.#log;
    switch (fields.type) {
      case 'packets':
        log.addPackets(accountOf(fields), packetsOf(fields));
        break;
      case 'openAccount':
        log.openAccount({
          account: accountOf(fields),
          name: nameOf(fields),
          form: formOf(fields),
          isRaw: fields.isRaw === true,
        });
        break;
      case 'closeAccount':
        log.closeAccount(accountOf(fields));
        break;
      case 'takePart':
        log.takePart(accountOf(fields), formOf(fields));
        break;
      case 'beginSession':
        log.beginSession(timeOf(fields, 'beginMs'));
        break;
      case 'openDay':
        log.openDay(wholeOf(fields, 'date', UINT32_MAX));
        break;
      case 'halt':
        log.halt(idOf(fields, 'id'), idOf(fields, 'group'));
        break;
      case 'resume':
        log.resume(idOf(fields, 'id'), idOf(fields, 'group'));
        break;
      case 'listBook':
        log.listBook(idOf(fields, 'id'), wholeOf(fields, 'number', UINT32_MAX));
        break;
      case 'midnight':
        log.midnight(timeOf(fields, 'timeMs'));
        break;
      default:
        throw new RangeError(`an exchange has no event of the type ${JSON.stringify(fields.type)}`);
    }
  }
}

function packetsOf({ messages }: Fields): Uint8Array[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw new RangeError('messages are an array, not empty');
  return messages.map((message) => {
    const bytes = bytesOf(message);
    const packet = new Uint8Array(HEADER_BYTES + bytes.length);
    new DataView(packet.buffer).setUint16(0, 1 + bytes.length);
    packet[2] = SEQUENCED;
    packet.set(bytes, HEADER_BYTES);
    return packet;
  });
}

function bytesOf(message: unknown): Uint8Array {
  if (typeof message !== 'object' || message === null) throw new RangeError('a message is an object');
  const { hex } = message as { readonly hex?: unknown };
  if (hex === undefined) return encodedOf(message);
  if (typeof hex !== 'string' || !/^(?:[0-9a-f]{2})+$/.test(hex) || hex.length > 2 * MESSAGE_BYTES_MAX) {
    throw new RangeError(`a message in hex has pairs of digits, not ${JSON.stringify(hex)}`);
  }
  return Buffer.from(hex, 'hex');
}

/** Whatever the codec finds wrong with a message, it is this line that is wrong. */
function encodedOf(message: object): Uint8Array {
  const entries = Object.entries(message).map(([key, value]) => [
    key,
    isWide(key) ? wideOf(key, value) : value,
  ]);
  try {
    return encodeOutbound(Object.fromEntries(entries) as OutboundMessage);
  } catch (error) {
    throw new RangeError(messageOf(error), { cause: error });
  }
}

function isWide(key: string): boolean {
  return key === 'timestampNs' || key === 'orderNumber' || key === 'matchNumber';
}

function wideOf(key: string, value: unknown): bigint {
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) return BigInt(value);
  throw new RangeError(`${key} is a whole number in quotes, not ${JSON.stringify(value)}`);
}

function accountOf(fields: Fields): number {
  return wholeOf(fields, 'account', ACCOUNT_MAX);
}

function nameOf({ name }: Fields): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  throw new RangeError(`the name of an account is 1 to 255 letters, not ${JSON.stringify(name)}`);
}

function formOf({ form }: Fields): OrderbookForm {
  const found = FORMS.find((each) => each === form);
  if (found === undefined) throw new RangeError(`no form of ids is called ${JSON.stringify(form)}`);
  return found;
}

function idOf(fields: Fields, key: 'id' | 'group'): number {
  const value = fields[key];
  if (typeof value !== 'string') return wholeOf(fields, key, UINT32_MAX);
  if (ID.test(value)) return textNumber(value);
  throw new RangeError(`${key} is 1 to 4 characters, not ${JSON.stringify(value)}`);
}

function timeOf(fields: Fields, key: 'beginMs' | 'timeMs'): number {
  const value = fields[key];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new RangeError(`${key} is a number, not ${JSON.stringify(value)}`);
}

function wholeOf(fields: Fields, key: keyof Fields, max: number): number {
  const value = fields[key];
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max) return value as number;
  throw new RangeError(`${key} is a whole number up to ${max}, not ${JSON.stringify(value)}`);
}
