/**
 * What an actor is, and what it may do.
 *
 * An actor is deterministic: it sees nothing but its messages. No clock, randomness, I/O, timers or promises inside;
 * time is `context.nowMs`, a timer is a message it asked for, and outside data is a message too. It runs on one
 * thread, one message at a time.
 *
 * `receive` decides: it returns the events that happened and hands its outputs (tells, replies, bytes for its
 * connection) to the context. `apply` changes state, from an event alone. Outputs leave after the events are stored
 * and applied; if `receive` throws, neither events nor outputs exist, and the supervisor decides what becomes of the
 * actor. An actor that handles bytes (`receiveBytes`) may keep its state in typed arrays and change it in place.
 *
 * What a durable actor has acknowledged outlives the process: its events are stored, and an instance begins with the
 * state that its last snapshot and the events since then make.
 */
import type { LogFields, LogLevel } from '../../src/protocol/control.ts';
import type { Address } from '../../src/values/address.ts';
import type { ErrorRecord } from '../../src/values/errors.ts';
import type { ActorRef } from './actor-ref.ts';
import type { Ask } from './asks.ts';
import type { FlatEvents } from './journal.ts';

/** A session's actor is made with what is known of its connection. */
export interface ConnectionInfo {
  /** The server's number for it. */
  readonly connection: number;
  /** The client's address and port. */
  readonly remoteAddress: string;
  /** The server's own address and port, as the client has reached it. */
  readonly localAddress: string;
  /** Since when, in milliseconds since 1970, with a fraction. */
  readonly sinceMs: number;
  /** The session before this one was lost with its host, and with what was on its way to it. */
  readonly isReplacement: boolean;
  /** What that session has left. */
  readonly memory: string | undefined;
}

export interface Actor<Command = unknown, Event = unknown> {
  receive(command: Command, context: Context<Command>): readonly Event[] | undefined;
  apply?(event: Event): void;
  /**
   * A byte message, `bytes` from `start` to `end`. The bytes belong to the batch they came in: they never change, but
   * whoever keeps a part for long keeps the whole batch, so copy what is kept.
   */
  receiveBytes?(bytes: Uint8Array, start: number, end: number, context: Context<Command>): void;
  /** Called once an instance, before its first message, after each restart too: start children and timers here. */
  started?(context: Context<Command>): void;
  /**
   * Nothing can be stored at the moment: for a session whose client can be told. What it sends leaves at once; there
   * are no events. Everything else waits.
   */
  storeFailed?(context: Context<Command>): void;
}

/**
 * Its events are either values, returned by `receive` and handed to `apply`; or flat, for hot paths: bytes that it has
 * written while it changed its state in place. A flat actor never fails halfway: its fault must escalate.
 */
export interface DurableActor<Command = unknown, Event = unknown> extends Actor<Command, Event> {
  /** Freezes the state as it is now, quickly; the pieces of it, each up to a megabyte, are taken in later turns. */
  snapshot(): Iterable<Uint8Array>;
  /** Called at most once, ahead of any event. */
  restore(pieces: readonly Uint8Array[]): void;
  /** Removes and returns the flat events since the last call, at the end of a turn; undefined if there are none. */
  takeFlat?(): FlatEvents | undefined;
  /** Position of the event in its stream from which on it wishes the journal to be kept; 0 for no wish. */
  keptFrom?(): number;
  /** Does again what these flat events have done. */
  applyFlat?(bytes: Uint8Array, start: number, end: number): void;
}

/** What a session hears of its connection, beside the frames. */
export type ConnectionCommand =
  /** The client half-closed after its last frame. A session that has answered everything stops itself. */
  | { readonly type: 'connection-ended' }
  /** The connection is gone; the session stops itself. `isCutOff`: it broke within a frame, which is dropped. */
  | { readonly type: 'connection-closed'; readonly reason: string; readonly isCutOff: boolean }
  /** What was sent before `tellDrained` has left for the client. */
  | { readonly type: 'connection-drained' }
  /** The server shuts down: a session whose client can be told tells it, and stops when it owes it nothing more. */
  | { readonly type: 'server-closing'; readonly message: string }
  /** An operator has had enough of the client: the session tells it, if it can be told, and stops with the reason. */
  | { readonly type: 'kicked'; readonly reason: string };

/** The outcome of an ask, delivered as a message. */
export type Answer<Reply> =
  | { readonly ok: true; readonly value: Reply }
  | { readonly ok: false; readonly error: ErrorRecord };

export interface Context<Command> {
  readonly self: Address;
  /** Monotonic time of this turn, the same on all threads of the process. */
  readonly nowMs: number;
  /** The date of this turn, in milliseconds since 1970, with a fraction: for people, nothing is decided by it. */
  readonly timeMs: number;
  refer<Message>(address: Address): ActorRef<Message>;
  tell<Message>(to: ActorRef<Message>, message: Message): void;
  /** Hands over `bytes`: neither side changes them afterwards. */
  tellBytes(to: ActorRef<never>, bytes: Uint8Array, start: number, end: number): void;
  /** The outcome arrives as the message that `adapt` makes of it, exactly once, by the deadline at the latest. */
  ask<Message, Reply>(
    to: ActorRef<Message>,
    message: Message,
    timeoutMs: number,
    adapt: (answer: Answer<Reply>) => Command,
  ): void;
  /** Answers the ask being handled. Without one (the message was told) nothing happens. */
  reply(value: unknown): void;
  /** Takes the ask being handled, to be answered in a later turn with `replyTo`. */
  takeAsk(): Ask | undefined;
  replyTo(ask: Ask, value: unknown): void;
  /** Bytes for the connection of this session. */
  send(bytes: Uint8Array, start: number, end: number): void;
  /** Starts a child in this host; it stops with its parent. Throws if the name is taken or its fault escalates. */
  spawn<Message>(name: string, spec: ActorSpec): ActorRef<Message>;
  /**
   * Stops this actor after the current message; a session's connection is closed once its bytes are out. `reason` is for
   * the log and the list of connections: why it did not end in order; one of few, since the log counts them.
   */
  stop(reason?: string): void;
  stopChild(child: ActorRef<never>): void;
  /** `message` comes once, ahead of the mailbox, when the watched actor has stopped or was never there. */
  watch(ref: ActorRef<never>, message: Command): void;
  /** `message` comes after `delayMs`; a timer with the same key is replaced. Cleared by a stop or restart. */
  startTimer(key: string, delayMs: number, message: Command): void;
  cancelTimer(key: string): void;
  /**
   * The actor behind `ref` if it runs in this host, for a direct call on a hot path; undefined elsewhere. The call
   * belongs to the caller's turn. Never keep the result beyond the message: a restart replaces the actor.
   */
  peer(ref: ActorRef<never>): Actor | undefined;
  /**
   * What a session that takes the place of this one must know, if its host is lost: it is handed to whoever makes it.
   * Short; it replaces what was remembered before.
   */
  remember(memory: string): void;
  /** For the server's log: what its operator wants to see. No more than a client can be allowed to cause. */
  log(level: LogLevel, text: string, fields?: LogFields): void;
  /** What this session calls its client, for the list of connections. */
  identify(user: string): void;
  /** Frames of this session's client that were handled. */
  countFrames(count: number): void;
  /** Input of this session's client that was ignored, by reason. */
  countIgnored(counts: Readonly<Record<string, number>>): void;
  /** Its connection is not read on until `resumeInput`; what was read before still comes. */
  pauseInput(): void;
  resumeInput(): void;
  /** `connection-drained` comes once all that was sent before has left for the client. */
  tellDrained(): void;
}

/** What becomes of an actor that throws. */
export interface Supervision {
  /**
   * restart: a new instance goes on with the mailbox; the poison message is a dead letter.
   * stop: the actor stops, its mailbox goes to dead letters.
   * escalate: its parent has failed.
   */
  readonly onFault: 'restart' | 'stop' | 'escalate';
  /** Restarts within `periodMs` before the fault is escalated; counted for each child by itself. */
  readonly restartsMax: number;
  readonly periodMs: number;
  /** The wait before the first restart in a row; it doubles up to the maximum. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

interface CommonSpec {
  readonly supervision: Supervision;
  /** Messages that may wait; a sender that fills the mailbox pauses until it is half empty. */
  readonly mailboxMax?: number;
}

/** `create` makes an instance; it is called again for each restart. Throwing counts as a fault. */
export type ActorSpec = CommonSpec &
  (
    | { readonly create: () => Actor; readonly isDurable?: false }
    | { readonly create: () => DurableActor; readonly isDurable: true }
  );

export const STOP_ON_FAULT: Supervision = {
  onFault: 'stop',
  restartsMax: 0,
  periodMs: 0,
  backoffMinMs: 0,
  backoffMaxMs: 0,
};
/** For actors that have nothing to lose. */
export const RESTART_ON_FAULT: Supervision = {
  onFault: 'restart',
  restartsMax: 10,
  periodMs: 60_000,
  backoffMinMs: 10,
  backoffMaxMs: 1000,
};
export const ESCALATE_FAULT: Supervision = { ...STOP_ON_FAULT, onFault: 'escalate' };
