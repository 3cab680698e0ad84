/**
 * A client of the raw door, as the original ones are: OUCH messages back to back, without a login, and without packets
 * around them. To the exchange it is a trading account like any other, in whose packets they are put and taken out of.
 */
import { ENTRY_HEAD_BYTES, type ExchangeCommand } from '../../src/protocol/exchange.ts';
import type { OuchRawSettings } from '../../src/protocol/host-task.ts';
import { LENGTH, LETTER, SYSTEM_EVENT } from '../../src/protocol/ouch/layout.ts';
import { HEADER_BYTES, PACKET } from '../../src/protocol/soupbintcp/packets.ts';
import type { ConnectionInfo } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import { ExchangeSession, type SessionContext } from './exchange-session.ts';

const LENGTH_BYTES = 2;
/** The letters of a System Event, S and E. */
const OPEN = 0x53;
const CLOSED = 0x45;

export class RawSession extends ExchangeSession {
  readonly #settings: OuchRawSettings;

  constructor(settings: OuchRawSettings, exchange: ActorRef<ExchangeCommand>, info: ConnectionInfo) {
    super(exchange, info);
    this.#settings = settings;
  }

  protected begin(context: SessionContext): void {
    const { connection } = this.info;
    this.logIn({ type: 'log-in-raw', client: { address: context.self, connection } }, context);
  }

  /** There is no message for it: the System Event follows. */
  protected onLoggedIn(): void {}

  /** It has given no name that could be wrong. */
  protected onRefused(): void {}

  protected onSequenced(packets: Uint8Array, context: SessionContext): void {
    const messages = Buffer.allocUnsafe(packets.length);
    let length = 0;
    for (let at = 0; at < packets.length; ) {
      const end = at + LENGTH_BYTES + lengthAt(packets, at);
      const start = at + HEADER_BYTES;
      messages.set(packets.subarray(start, end), length);
      if (this.#settings.isEventInverted && packets[start] === LETTER.systemEvent) {
        const isOpen = packets[start + SYSTEM_EVENT.event] === OPEN;
        messages[length + SYSTEM_EVENT.event] = isOpen ? CLOSED : OPEN;
      }
      length += end - start;
      at = end;
    }
    context.send(messages, 0, length);
  }

  protected onTaken(): void {}

  protected onSessionEnded(): void {}

  /** There is no message for it. */
  protected explain(): void {}

  protected onTick(): void {}

  /** Puts each message in a packet of its own. Of one of an unknown letter only that is here, and it is the last. */
  protected take(bytes: Uint8Array, start: number, end: number, context: SessionContext): void {
    if (this.state !== 'in') return;
    let messages = 0;
    let at = start;
    for (let length = messageBytes(bytes[at]); at < end && length > 0; length = messageBytes(bytes[at])) {
      messages++;
      at += length;
    }
    context.countFrames(messages);
    if (messages > 0) this.#wrap(bytes, start, at, messages, context);
    if (at === end) return;
    context.countIgnored({ 'bad-message': 1 });
    this.leave('it sent a message of a type that is none of a client', context);
  }

  #wrap(bytes: Uint8Array, start: number, end: number, messages: number, context: SessionContext): void {
    const entry = Buffer.allocUnsafe(ENTRY_HEAD_BYTES + end - start + messages * HEADER_BYTES);
    let to = ENTRY_HEAD_BYTES;
    for (let at = start; at < end; ) {
      const length = messageBytes(bytes[at]);
      entry.writeUInt16BE(1 + length, to);
      entry[to + LENGTH_BYTES] = PACKET.unsequenced;
      entry.set(bytes.subarray(at, at + length), to + HEADER_BYTES);
      to += HEADER_BYTES + length;
      at += length;
    }
    this.enter(entry, context);
  }
}

function messageBytes(letter: number | undefined): number {
  switch (letter) {
    case LETTER.enter:
      return LENGTH.enter;
    case LETTER.replace:
      return LENGTH.replace;
    case LETTER.cancel:
      return LENGTH.cancel;
    default:
      return 0;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
