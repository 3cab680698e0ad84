/**
 * What the sessions of both doors of OUCH have in common: a client's way into the exchange and out of it again.
 *
 *     out ── a login ──► logging-in ──► in ── logout, the end or the close, a fault, the shutdown, a kick ──┐
 *      │                     │          └── another connection takes over, the day ends: stopped           │
 *      └─ nothing to undo ───┴─ refused: stopped        stopped ◄── the exchange has heard of it ── leaving ◄┘
 *
 * Who leaves waits until the exchange has answered: what it says of the messages before still reaches the client, and
 * nothing comes for a session that is not there any more.
 *
 * What comes ahead of the answer to a login waits for it. A client that is behind with what it is told is not read on before
 * it has taken all of it, and one that has sent all is told all before it leaves.
 *
 * When the exchange is lost the connection is closed, and when the session itself is lost the one that takes its place
 * closes it: the client connects again, and gets what it has missed. One path, whatever broke.
 */
import { type ClientNotice, ENTRY_HEAD_BYTES, type ExchangeCommand } from '../../src/protocol/exchange.ts';
import type { Actor, ConnectionCommand, ConnectionInfo, Context } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';

export type ExchangeSessionMessage =
  | ConnectionCommand
  | ClientNotice
  | { readonly type: 'exchange-lost' }
  /** The exchange has heard that the client has left, or there is nobody who could. */
  | { readonly type: 'released' }
  | { readonly type: 'tick' };

export type SessionContext = Context<ExchangeSessionMessage>;

type LoggedIn = ClientNotice & { readonly type: 'logged-in' };
type Refused = ClientNotice & { readonly type: 'login-refused' };

/** Of the exchange, which answers in its turn. */
const LEAVE_TIMEOUT_MS = 5000;

export abstract class ExchangeSession implements Actor<ExchangeSessionMessage> {
  protected readonly info: ConnectionInfo;
  protected state: 'out' | 'logging-in' | 'in' | 'leaving' | 'stopped' = 'out';
  readonly #exchange: ActorRef<ExchangeCommand>;
  #account: number | undefined;
  /** Why it leaves, if that is not in order. */
  #reason = '';
  /** The exchange has been told, and is going to answer. */
  #isReleasing = false;
  /** The connection is closed: nothing can be sent any more. */
  #isGone = false;
  /** The client sends no more. */
  #hasEnded = false;
  /** What came ahead of the answer to the login. */
  #early: Uint8Array[] = [];

  constructor(exchange: ActorRef<ExchangeCommand>, info: ConnectionInfo) {
    this.#exchange = exchange;
    this.info = info;
  }

  /** The connection is new. */
  protected abstract begin(context: SessionContext): void;
  protected abstract onLoggedIn(notice: LoggedIn, context: SessionContext): void;
  protected abstract onRefused(notice: Refused, context: SessionContext): void;
  /** Whole Sequenced Data packets for the client. */
  protected abstract onSequenced(packets: Uint8Array, context: SessionContext): void;
  /** The client has taken all that it was sent. */
  protected abstract onTaken(context: SessionContext): void;
  /** The session of the day has ended: nothing more comes. */
  protected abstract onSessionEnded(context: SessionContext): void;
  /** Tells the client what nothing in its protocol says, if there is a way. */
  protected abstract explain(text: string, context: SessionContext): void;
  protected abstract onTick(context: SessionContext): void;
  /** Whole frames of the client. */
  protected abstract take(bytes: Uint8Array, start: number, end: number, context: SessionContext): void;

  started(context: SessionContext): void {
    // The exchange has seen that the session before was lost.
    if (this.info.isReplacement) this.end('the worker thread that served it ended', context);
    else this.begin(context);
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number, context: SessionContext): void {
    if (this.state === 'logging-in') this.#early.push(bytes.slice(start, end));
    else this.take(bytes, start, end, context);
  }

  receive(message: ExchangeSessionMessage, context: SessionContext): undefined {
    switch (message.type) {
      case 'sequenced':
        if (this.#isGone) break;
        this.onSequenced(message.bytes, context);
        if (message.isPage) this.#awaitTaken(context);
        break;
      case 'logged-in':
        this.#enter(message, context);
        break;
      case 'login-refused':
        if (this.state === 'logging-in') this.onRefused(message, context);
        this.end(this.#reason || `its login was refused: ${message.reason}`, context);
        break;
      case 'ignored':
        this.explain(message.text, context);
        break;
      case 'all-told':
        if (this.#hasEnded) this.leave('', context);
        else context.resumeInput();
        break;
      case 'session-ended':
        if (!this.#isGone) this.onSessionEnded(context);
        this.end('', context);
        break;
      case 'dismissed':
        this.explain(message.reason, context);
        this.end(message.reason, context);
        break;
      case 'exchange-lost':
        this.explain('the exchange is being started again; log in again', context);
        this.end('the exchange was lost', context);
        break;
      case 'released':
        this.#isReleasing = false;
        this.end(this.#reason, context);
        break;
      case 'tick':
        if (this.state !== 'leaving') this.onTick(context);
        break;
      case 'connection-drained':
        this.onTaken(context);
        if (this.#account !== undefined) {
          const { connection } = this.info;
          context.tell(this.#exchange, { type: 'page-taken', account: this.#account, connection });
        }
        break;
      case 'connection-closed':
        this.#isGone = true;
        this.leave('', context);
        break;
      case 'kicked':
        this.explain(message.reason, context);
        this.leave(message.reason, context);
        break;
      case 'server-closing':
        this.explain(message.message, context);
        this.leave('', context);
        break;
      case 'connection-ended':
        this.#hearOut(context);
    }
  }

  storeFailed(context: SessionContext): void {
    this.explain('nothing can be stored at the moment; answers come when there is room again', context);
  }

  /** The exchange answers with `logged-in` or `login-refused`; nothing more is read before. */
  protected logIn(command: ExchangeCommand, context: SessionContext): void {
    this.state = 'logging-in';
    context.pauseInput();
    context.watch(this.#exchange, { type: 'exchange-lost' });
    context.tell(this.#exchange, command);
  }

  /** Hands packets on; the first ENTRY_HEAD_BYTES of `entry` are written here. */
  protected enter(entry: Buffer, context: SessionContext): void {
    entry.writeUInt32LE(this.#account ?? 0, 0);
    entry.writeUInt32LE(this.info.connection, ENTRY_HEAD_BYTES / 2);
    context.tellBytes(this.#exchange, entry, 0, entry.length);
  }

  /** What came before is still answered; then the connection is closed, with `reason` in the log. */
  protected leave(reason: string, context: SessionContext): void {
    if (this.state === 'leaving' || this.state === 'stopped') return;
    this.#reason = reason;
    // The account is not known yet: it is given back as soon as it is.
    const isLoggingIn = this.state === 'logging-in';
    this.state = 'leaving';
    if (this.#account !== undefined) this.#release(this.#account, context);
    else if (!isLoggingIn) this.end(reason, context);
  }

  /** The exchange knows of nobody here any more, unless it is still to say so. */
  protected end(reason: string, context: SessionContext): void {
    if (this.state === 'stopped' || this.#isReleasing) return;
    this.state = 'stopped';
    context.stop(reason);
  }

  #enter(notice: LoggedIn, context: SessionContext): void {
    const isLeaving = this.state === 'leaving';
    this.#account = notice.account;
    this.state = 'in';
    if (!isLeaving) {
      this.onLoggedIn(notice, context);
      for (const bytes of this.#early) this.take(bytes, 0, bytes.length, context);
    }
    this.#early = [];
    if (isLeaving) this.leave(this.#reason, context);
    else if (this.#hasEnded) this.#hearOut(context);
    else context.resumeInput();
  }

  /** Who sends faster than it reads is not read on before all is told: it would pile up. */
  #awaitTaken(context: SessionContext): void {
    context.pauseInput();
    context.tellDrained();
  }

  /** It sends no more, and would soon be taken for gone: but first it is told all that it is owed. */
  #hearOut(context: SessionContext): void {
    this.#hasEnded = true;
    if (this.state === 'logging-in') return;
    if (this.state !== 'in') this.leave('', context);
    else if (this.#account !== undefined) {
      const { connection } = this.info;
      context.tell(this.#exchange, { type: 'hear-out', account: this.#account, connection });
    }
  }

  #release(account: number, context: SessionContext): void {
    this.#isReleasing = true;
    const { connection } = this.info;
    const left: ExchangeCommand = { type: 'left', account, connection };
    context.ask(this.#exchange, left, LEAVE_TIMEOUT_MS, () => ({ type: 'released' }));
  }
}
