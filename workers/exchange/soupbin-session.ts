/**
 * A trader's connection: SoupBinTCP 3.00. Its sequenced messages are the exchange's, its own are handed on there.
 *
 * One timer sees to all three times: how long a client may take to log in, how long it may be silent, and after how long
 * it is sent a heartbeat. It is set for the next of them to come, and looks then at when something was sent and received
 * last, so that a message costs no timer.
 */
import { ENTRY_HEAD_BYTES, type ExchangeCommand } from '../../src/protocol/exchange.ts';
import type { OuchSettings } from '../../src/protocol/host-task.ts';
import {
  decodeClientPacket,
  encodeServerPacket,
  PACKET,
  PACKET_BYTES,
  type ServerPacket,
} from '../../src/protocol/soupbintcp/packets.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import type { ConnectionInfo } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import { ExchangeSession, type SessionContext } from './exchange-session.ts';

const LENGTH_BYTES = 2;
const HEARTBEAT = encodeServerPacket({ type: 'server-heartbeat' });
const END_OF_SESSION = encodeServerPacket({ type: 'end-of-session' });
/** Operators may say more to a client than fits a packet. */
const EXPLANATION_MAX = 1000;
/** A timer that comes so late has waited for its host, and so may have what the client has sent. */
const LATE_MS = 1000;

export class SoupbinSession extends ExchangeSession {
  readonly #settings: OuchSettings;
  #user = '';
  #lastInMs = 0;
  #lastOutMs = 0;
  #dueMs = 0;

  constructor(settings: OuchSettings, exchange: ActorRef<ExchangeCommand>, info: ConnectionInfo) {
    super(exchange, info);
    this.#settings = settings;
  }

  protected begin(context: SessionContext): void {
    this.#tickIn(this.#settings.loginMs, context);
  }

  protected take(bytes: Uint8Array, start: number, end: number, context: SessionContext): void {
    this.#lastInMs = context.nowMs;
    const runs: number[] = [];
    let runStart = start;
    let packets = 0;
    let at = start;
    while (at < end && this.state !== 'leaving' && this.state !== 'stopped') {
      const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      const next = at + LENGTH_BYTES + length;
      packets++;
      // Of one that is too long only the length is here.
      const letter = length === 0 || next > end ? undefined : bytes[at + LENGTH_BYTES];
      if (letter !== PACKET.unsequenced || this.state !== 'in') {
        if (at > runStart) runs.push(runStart, at);
        runStart = next;
        // What came before leaves before the session does.
        if (letter !== PACKET.clientHeartbeat) this.#handOn(bytes, runs, context);
        this.#onPacket(letter, bytes, at, next, context);
      }
      at = next;
      if (this.state === 'logging-in' && at < end) {
        // Of a client that does not wait for the answer.
        this.receiveBytes(bytes, at, end, context);
        break;
      }
    }
    if (at > runStart && this.state === 'in') runs.push(runStart, at);
    this.#handOn(bytes, runs, context);
    context.countFrames(packets);
  }

  protected onLoggedIn(
    { session, sequence }: { readonly session: string; readonly sequence: number },
    context: SessionContext,
  ): void {
    context.identify(this.#user);
    this.#send({ type: 'login-accepted', session, sequence }, context);
    this.#lastInMs = context.nowMs;
    this.#tickIn(this.#settings.heartbeatMs, context);
  }

  protected onRefused(
    { reason, text }: { readonly reason: 'A' | 'S'; readonly text: string },
    context: SessionContext,
  ): void {
    this.explain(text, context);
    this.#send({ type: 'login-rejected', reason }, context);
  }

  protected onSequenced(packets: Uint8Array, context: SessionContext): void {
    this.#sendBytes(packets, context);
  }

  /** Its heartbeats may have waited behind what it had to take. */
  protected onTaken(context: SessionContext): void {
    this.#lastInMs = context.nowMs;
  }

  protected onSessionEnded(context: SessionContext): void {
    this.#sendBytes(END_OF_SESSION, context);
  }

  protected explain(text: string, context: SessionContext): void {
    if (!this.#settings.isDebugOn) return;
    this.#send({ type: 'debug', text: printable(text.slice(0, EXPLANATION_MAX)) }, context);
  }

  protected onTick(context: SessionContext): void {
    const { nowMs } = context;
    const { loginMs, idleMs, heartbeatMs } = this.#settings;
    if (this.state === 'out') {
      this.#close(`nobody has logged in for ${loginMs / 1000} s`, context);
      return;
    }
    // It is the exchange that lets the client wait.
    if (this.state !== 'in') return;
    if (nowMs - this.#dueMs > LATE_MS) this.#lastInMs = nowMs;
    if (nowMs - this.#lastInMs >= idleMs) {
      this.#close(`silent for ${idleMs / 1000} s`, context);
      return;
    }
    if (nowMs - this.#lastOutMs >= heartbeatMs) this.#sendBytes(HEARTBEAT, context);
    this.#tickIn(Math.min(this.#lastOutMs + heartbeatMs, this.#lastInMs + idleMs) - nowMs, context);
  }

  #onPacket(
    letter: number | undefined,
    bytes: Uint8Array,
    start: number,
    end: number,
    context: SessionContext,
  ): void {
    switch (letter) {
      case PACKET.clientHeartbeat:
        break;
      case PACKET.debug:
        context.countIgnored({ debug: 1 });
        break;
      case PACKET.loginRequest:
        this.#onLogin(bytes, start, end, context);
        break;
      case PACKET.logoutRequest:
        this.leave('', context);
        break;
      case PACKET.unsequenced:
        this.#refuse('it sent data before it had logged in', context);
        break;
      case undefined:
        this.#refuse('it sent a packet of a length that is not allowed', context);
        break;
      default:
        this.#refuse('it sent a packet of a type that is none of a client', context);
    }
  }

  #onLogin(bytes: Uint8Array, start: number, end: number, context: SessionContext): void {
    if (this.state !== 'out') {
      this.#refuse('it sent a second login', context);
      return;
    }
    if (end - start !== PACKET_BYTES.loginRequest) {
      this.#refuse('it sent a login that is none', context);
      return;
    }
    try {
      const request = decodeClientPacket(bytes, start, end);
      if (request.type !== 'login-request') return;
      const { connection } = this.info;
      const { orderbookForm: form } = this.#settings;
      const client = { address: context.self, connection };
      this.#user = request.user.toUpperCase();
      const { user, password, requestedSession, sequence } = request;
      this.logIn({ type: 'log-in', user, password, requestedSession, sequence, form, client }, context);
    } catch (error) {
      if (!(error instanceof OutcryError)) throw error;
      this.onRefused({ reason: 'S', text: error.message }, context);
      this.end('its login was refused: S', context);
    }
  }

  /** Runs of packets, from and to, in one message. */
  #handOn(bytes: Uint8Array, runs: number[], context: SessionContext): void {
    if (runs.length === 0) return;
    let length = ENTRY_HEAD_BYTES;
    for (let i = 0; i < runs.length; i += 2) length += (runs[i + 1] as number) - (runs[i] as number);
    const entry = Buffer.allocUnsafe(length);
    let at = ENTRY_HEAD_BYTES;
    for (let i = 0; i < runs.length; i += 2) {
      const run = bytes.subarray(runs[i], runs[i + 1]);
      entry.set(run, at);
      at += run.length;
    }
    runs.length = 0;
    this.enter(entry, context);
  }

  #refuse(reason: string, context: SessionContext): void {
    context.countIgnored({ 'bad-packet': 1 });
    this.#close(reason, context);
  }

  #close(reason: string, context: SessionContext): void {
    this.explain(reason, context);
    this.leave(reason, context);
  }

  #tickIn(delayMs: number, context: SessionContext): void {
    this.#dueMs = context.nowMs + delayMs;
    context.startTimer('tick', delayMs, { type: 'tick' });
  }

  #send(packet: ServerPacket, context: SessionContext): void {
    this.#sendBytes(encodeServerPacket(packet), context);
  }

  #sendBytes(bytes: Uint8Array, context: SessionContext): void {
    this.#lastOutMs = context.nowMs;
    context.send(bytes, 0, bytes.length);
  }
}
