/** One request that a client has made, as the handlers of operations see it: what it asks with, and how to answer it. */
import type { InfoOf, ItemOf, OperationName, ParamsOf, ReplyOf } from '../../src/protocol/api/operations.ts';
import type { LogLevel } from '../../src/protocol/control.ts';
import { DESK_ADDRESS, type DeskAnswers, type DeskCommand } from '../../src/protocol/desk.ts';
import type { ErrorRecord, OutcryError } from '../../src/values/errors.ts';
import type { Answer } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import type { SignIn } from '../users/sign-in.ts';

/** What the session does for its calls. */
export interface CallSession {
  /** Its own address. */
  readonly self: string;
  /** The server's number for it. */
  readonly connection: number;
  /** What its client is called: the user who is signed in, or what it has said; empty if it has said nothing. */
  readonly user: string;
  /** Who is signed in, and the way in. */
  readonly signIn: SignIn;
  readonly isOperator: boolean;
  readonly timeMs: number;
  reply(id: number, value: unknown): void;
  fail(id: number, error: ErrorRecord): void;
  open(id: number, info: unknown): void;
  items(id: number, items: readonly unknown[]): void;
  credit(id: number, count: number): void;
  end(id: number): void;
  /** Asks the source of the call again, if there is credit and the client takes what is sent. */
  pull(id: number): void;
  /** It was not answered yet, and its client is there. */
  isOpen(id: number): boolean;
  /** Its open calls of one operation. */
  callsOf<N extends OperationName>(operation: N): readonly Call<N>[];
  /** The call fails when the actor at `address` has stopped or is lost. */
  failWhenLost(id: number, address: string): void;
  refer<Message>(address: string): ActorRef<Message>;
  tell<Message>(to: ActorRef<Message>, message: Message): void;
  tellBytes(to: ActorRef<never>, bytes: Uint8Array): void;
  /**
   * `then` is called in a later message of the session, unless the call has ended before; then `onLate` is, for what
   * must not be left as it is. The session does not stop before.
   */
  ask<Reply>(
    id: number,
    to: ActorRef<never>,
    message: unknown,
    timeoutMs: number,
    then: Then<Reply>,
    onLate?: Then<Reply>,
  ): void;
  /** A user was let in; `token` is what the client may come again with. */
  signedIn(token: string): void;
  /** Nobody is signed in from now on. */
  signOut(): void;
  log(level: LogLevel, text: string): void;
}

export type Then<Reply> = (answer: Answer<Reply>) => void;

/** Gives items while there is credit and the client takes what is sent. */
export interface Source {
  /** Called when there may be room: gives at most `credit` items, now or later. */
  pull(credit: number): void;
  /** What somebody has told the session for this call. */
  offer?(item: unknown): void;
  /** The client wants no more, or is gone. */
  cancel?(): void;
}

/** Takes the items of an upload. */
export interface Sink {
  take(items: readonly unknown[]): void;
  /** The client has sent all. */
  finish(): void;
  /** The client has gone, or the call has failed. */
  cancel(): void;
}

/** No ask waits longer, whatever the client says. */
const TIMEOUT_MAX_MS = 600_000;

export class Call<N extends OperationName = OperationName> {
  readonly id: number;
  readonly operation: N;
  /** The same request under the same key is carried out once. */
  readonly key: string | undefined;
  readonly timeoutMs: number;
  readonly session: CallSession;
  source: Source | undefined;
  sink: Sink | undefined;
  /** Items that the client has given credit for, or that it has been given credit for. */
  credit = 0;
  #params: ParamsOf<N> | undefined;
  #hasInputEnded = false;

  constructor(
    session: CallSession,
    id: number,
    operation: N,
    params: ParamsOf<N>,
    options: { readonly key: string | undefined; readonly timeoutMs: number },
  ) {
    this.session = session;
    this.id = id;
    this.operation = operation;
    this.#params = params;
    this.key = options.key;
    this.timeoutMs = Math.min(options.timeoutMs, TIMEOUT_MAX_MS);
  }

  get isOver(): boolean {
    return !this.session.isOpen(this.id);
  }

  get params(): ParamsOf<N> {
    if (this.#params === undefined) throw new TypeError(`the parameters of ${this.operation} were taken`);
    return this.#params;
  }

  /** What is large must not live as long as the call: to collect it then costs more than to handle it. */
  takeParams(): ParamsOf<N> {
    const { params } = this;
    this.#params = undefined;
    return params;
  }

  reply(value: ReplyOf<N>): void {
    this.session.reply(this.id, value);
  }

  fail(error: OutcryError | ErrorRecord): void {
    this.session.fail(this.id, 'toRecord' in error ? error.toRecord() : error);
  }

  /** Opens the stream of a download; `source` is asked for items as the client gives credit. */
  openDownload(info: InfoOf<N>, source: Source): void {
    this.source = source;
    this.session.open(this.id, info);
  }

  /** At most as many as there is credit for. */
  push(items: readonly ItemOf<N>[]): void {
    if (items.length === 0) return;
    this.credit -= items.length;
    this.session.items(this.id, items);
  }

  /** More may be had than at the last `pull`. */
  pullAgain(): void {
    this.session.pull(this.id);
  }

  /** There are no more items. */
  end(): void {
    this.session.end(this.id);
  }

  /** Opens the stream of an upload; `sink` gets what the client sends, within the credit that `allow` gives. */
  openUpload(info: InfoOf<N>, sink: Sink): void {
    this.sink = sink;
    this.session.open(this.id, info);
    if (this.#hasInputEnded) sink.finish();
  }

  /** The client has sent all items of an upload, even if it is not open yet. */
  endInput(): void {
    this.#hasInputEnded = true;
    this.sink?.finish();
  }

  allow(items: number): void {
    this.credit += items;
    this.session.credit(this.id, items);
  }

  /** Asks an actor; an error of it ends the call, a reply goes to `then`, or to `onLate` if the call has ended before. */
  ask<Reply>(
    address: string,
    message: unknown,
    then: (reply: Reply) => void,
    onLate?: (reply: Reply) => void,
  ): void {
    const ref = this.session.refer<never>(address);
    const onAnswer: Then<Reply> = (answer) => {
      if (answer.ok) then(answer.value);
      else this.fail(answer.error);
    };
    const onLateAnswer: Then<Reply> | undefined =
      onLate &&
      ((answer) => {
        if (answer.ok) onLate(answer.value);
      });
    this.session.ask(this.id, ref, message, this.timeoutMs, onAnswer, onLateAnswer);
  }
}

/** Asks the main thread. */
export function askDesk<T extends DeskCommand['type']>(
  call: Call<never> | Call,
  command: DeskCommand & { type: T },
  then: (answer: DeskAnswers[T]) => void,
  onLate?: (answer: DeskAnswers[T]) => void,
): void {
  call.ask<DeskAnswers[T]>(DESK_ADDRESS, command, then, onLate);
}

/** How the operations of a service are carried out. */
export type Handlers<N extends OperationName> = { readonly [Name in N]: (call: Call<Name>) => void };
