/**
 * Prints every message that passes the doors of the exchange, decoded and byte by byte. Heartbeats are left out, and so
 * are passwords. Whoever reads it too slowly misses some, and is told how many: the exchange does not wait.
 */
import type { Writable } from 'node:stream';
import type { OrderbookForm } from './protocol/exchange.ts';
import { hexLines } from './protocol/ouch-inputs/describe.ts';
import { type DoorName, DoorSplitter } from './protocol/ouch-inputs/door-splitter.ts';
import { type Direction, messageWith } from './protocol/ouch-inputs/names.ts';
import {
  decodeClientPacket,
  decodeServerPacket,
  HEADER_BYTES,
  PACKET,
} from './protocol/soupbintcp/packets.ts';
import type { SessionTap, TappedConnection } from './session-tap.ts';
import { epochMs } from './values/clock.ts';
import { messageOf } from './values/errors.ts';
import { printable } from './values/printable.ts';
import { formatLocalTime } from './values/readable.ts';

interface Watched {
  /** `raw #1 127.0.0.1:50112` */
  readonly label: string;
  readonly door: DoorName;
  readonly splitters: Readonly<Record<Direction, DoorSplitter>>;
}

const ARROWS: Readonly<Record<Direction, string>> = { inbound: '>', outbound: '<' };
/** More than this waits for nobody. */
const WAITING_BYTES_MAX = 1024 * 1024;
const UNREADABLE_SHOWN = 32;

export class DebugScreen implements SessionTap {
  readonly #output: Writable;
  readonly #form: OrderbookForm;
  readonly #watched = new Map<number, Watched>();
  #dropped = 0;

  /** `form`: of the door with packets; at the other one books are numbers. */
  constructor(output: Writable, form: OrderbookForm) {
    this.#output = output;
    this.#form = form;
  }

  opened({ id, service, remoteAddress }: TappedConnection): void {
    const door = service as DoorName;
    const watched: Watched = {
      label: `${door === 'ouch' ? 'ouch' : 'raw'} #${id} ${remoteAddress}`,
      door,
      splitters: {
        inbound: new DoorSplitter(door, 'inbound'),
        outbound: new DoorSplitter(door, 'outbound'),
      },
    };
    this.#watched.set(id, watched);
    this.#print(`${headOf(watched)} connected\n`);
  }

  received(id: number, bytes: Uint8Array, start: number, end: number): void {
    this.#take(id, 'inbound', bytes.subarray(start, end));
  }

  sent(id: number, bytes: Uint8Array): void {
    this.#take(id, 'outbound', bytes);
  }

  ended(id: number): void {
    const watched = this.#watched.get(id);
    if (watched !== undefined) this.#print(`${headOf(watched)} > sends no more\n`);
  }

  closed(id: number, reason: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.#watched.delete(id);
    this.#print(`${headOf(watched)} closed${reason === '' ? '' : `: ${printable(reason)}`}\n`);
  }

  #take(id: number, direction: Direction, chunk: Uint8Array): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    const isWhole = watched.splitters[direction].feed(chunk, (bytes, start, end) => {
      const text = this.#describe(watched, direction, bytes.subarray(start, end));
      if (text !== undefined) this.#print(`${headOf(watched)} ${ARROWS[direction]} ${text}`);
    });
    if (!isWhole) this.#print(`${headOf(watched)} ${ARROWS[direction]} ${unreadable(chunk)}`);
  }

  /** Undefined of what is left out. */
  #describe({ door }: Watched, direction: Direction, bytes: Uint8Array): string | undefined {
    if (door === 'ouch-raw') return describeMessage(bytes, direction, 'uint32');
    const letter = bytes[2];
    if (letter === PACKET.unsequenced || letter === PACKET.sequenced) {
      return describeMessage(bytes.subarray(HEADER_BYTES), direction, this.#form);
    }
    if (letter === PACKET.clientHeartbeat || letter === PACKET.serverHeartbeat) return undefined;
    return describePacket(bytes, direction);
  }

  #print(text: string): void {
    if (this.#output.writableLength > WAITING_BYTES_MAX) {
      this.#dropped++;
      return;
    }
    const note = this.#dropped === 0 ? '' : `… ${this.#dropped} messages not shown\n`;
    this.#dropped = 0;
    this.#output.write(note + text);
  }
}

/** `09:45:10.412 raw #1 127.0.0.1:50112` */
function headOf({ label }: Watched): string {
  const nowMs = epochMs();
  return `${formatLocalTime(nowMs).slice(-8)}.${String(nowMs % 1000).padStart(3, '0')} ${label}`;
}

function describeMessage(bytes: Uint8Array, direction: Direction, form: OrderbookForm): string {
  const [code = 0] = bytes;
  const letter = String.fromCharCode(code);
  const message = messageWith(direction, letter);
  if (message === undefined || !message.lengths.includes(bytes.length)) {
    return unreadable(bytes);
  }
  const lines = hexLines(bytes, direction, form);
  return `${letter} ${message.title}, ${bytes.length} bytes\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function describePacket(bytes: Uint8Array, direction: Direction): string {
  try {
    const packet = direction === 'inbound' ? decodeClientPacket(bytes) : decodeServerPacket(bytes);
    const values = Object.entries(packet).filter(([name]) => name !== 'type' && name !== 'password');
    const text = values.map(([name, value]) => `, ${name} ${JSON.stringify(value)}`).join('');
    return `${packet.type}, ${bytes.length} bytes${printable(text)}\n`;
  } catch (error) {
    return `${bytes.length} bytes that are no packet: ${printable(messageOf(error))}\n`;
  }
}

function unreadable(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, UNREADABLE_SHOWN)).toString('hex');
  return `${bytes.length} bytes that are no message: ${shown}${bytes.length > UNREADABLE_SHOWN ? '…' : ''}\n`;
}
