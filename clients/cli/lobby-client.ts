/**
 * One connection to the lobby. A request has the wire for itself until its reply has been read to the end; the next one
 * waits.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Mutex } from 'async-mutex';
import { OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import type { Credentials } from '../../src/values/user-name.ts';
import { type LobbyEvent, type LobbyRequest, LobbyWire } from '../lobby-wire.ts';
import { type Address, explainConnectionError } from './send-errors.ts';

export interface LobbyListener {
  /** Others, the operator, or the server without being asked. */
  onHeard(text: string): void;
  /** The connection is over: in order without an error. */
  onOver(error: OutcryError | undefined): void;
}

/** Takes the parts of a reply. While its promise is pending nothing more is read from the server. */
export type ReplyTaker = (event: LobbyEvent) => Promise<void> | void;

interface Asked {
  readonly take: ReplyTaker;
  readonly resolve: () => void;
  readonly reject: (error: OutcryError) => void;
}

/** Whatever listens there and does not greet is no lobby. */
const GREETING_LIMIT_MS = 10_000;
/** Of the mark, which nobody guesses. */
const SECRET_BYTES = 12;
const SIGN_IN = 'clients of this lobby sign in: say who you are with --user NAME';

export class LobbyClient {
  readonly #address: Address;
  readonly #socket: Socket;
  readonly #listener: LobbyListener;
  readonly #user: Credentials | undefined;
  readonly #wire = new LobbyWire(`mark-${randomBytes(SECRET_BYTES).toString('hex')}`);
  readonly #mutex = new Mutex();
  #name = '';
  #onNamed: (() => void) | undefined;
  #asked: Asked | undefined;
  #isOver = false;
  /** Why the connection is over. */
  #error: OutcryError | undefined;

  private constructor(address: Address, listener: LobbyListener, user: Credentials | undefined) {
    this.#address = address;
    this.#user = user;
    this.#listener = listener;
    this.#socket = connect({ ...address, noDelay: true });
  }

  /**
   * Resolves when the server has let it in, as `user` if it is to sign in. Throws ERR_CONNECTION_FAILED with what the
   * server has said, if it did.
   */
  static async connect(address: Address, listener: LobbyListener, user?: Credentials): Promise<LobbyClient> {
    const client = new LobbyClient(address, listener, user);
    await client.#greet();
    return client;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What the server calls this client. */
  get name(): string {
    return this.#name;
  }

  /** Resolves when the reply has been taken. Throws ERR_CONNECTION_LOST, and what `take` throws. */
  async ask(request: LobbyRequest, take: ReplyTaker): Promise<void> {
    await this.#mutex.runExclusive(async () => {
      let failure: unknown;
      const takeAll: ReplyTaker = async (event) => {
        // The rest has to be read in any case.
        if (failure !== undefined) return;
        try {
          await take(event);
        } catch (error) {
          failure = error;
        }
      };
      await new Promise<void>((resolve, reject) => {
        if (this.#isOver) {
          reject(this.#lost());
          return;
        }
        this.#asked = { take: takeAll, resolve, reject };
        this.#socket.write(this.#wire.ask(request));
      });
      if (failure !== undefined) throw failure;
    });
  }

  /** Leaves, when what was asked before has been answered. */
  async bye(): Promise<void> {
    await this.ask({ type: 'bye' }, () => {});
  }

  /** Sends what a reply asks for: resolves when there is room for more. */
  async send(bytes: Uint8Array): Promise<void> {
    if (this.#socket.write(bytes) || this.#isOver) return;
    await Promise.race([once(this.#socket, 'drain'), once(this.#socket, 'close')]);
  }

  /** Behind a file that was refused while it was sent. */
  resync(): void {
    this.#socket.write(this.#wire.resync());
  }

  /** Breaks the connection off. */
  abandon(error: OutcryError): void {
    this.#error ??= error;
    this.#socket.destroy();
  }

  async #greet(): Promise<void> {
    const { host, port } = this.#address;
    const limit = setTimeout(() => {
      const seconds = GREETING_LIMIT_MS / 1000;
      this.abandon(failed(`${host}:${port} did not greet within ${seconds} s; does a lobby listen there?`));
    }, GREETING_LIMIT_MS);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onNamed = resolve;
        this.#asked = { take: () => {}, resolve, reject };
        void this.#read();
      });
    } finally {
      clearTimeout(limit);
      this.#asked = undefined;
    }
  }

  /** From the connection's beginning to its end. */
  async #read(): Promise<void> {
    const socket = this.#socket;
    socket.write(this.#wire.greet(this.#user));
    try {
      for await (const chunk of socket) {
        for (const event of this.#wire.feed(chunk)) await this.#take(event);
      }
    } catch (error) {
      this.#error ??= this.#explain(error);
    }
    this.#end();
  }

  async #take(event: LobbyEvent): Promise<void> {
    switch (event.type) {
      case 'named':
        this.#name = event.name;
        this.#onNamed?.();
        break;
      case 'turned-away':
        this.abandon(failed(this.#user === undefined ? SIGN_IN : printable(event.text)));
        break;
      case 'heard':
        this.#listener.onHeard(event.text);
        break;
      case 'send':
        this.#socket.write(event.text);
        break;
      case 'done':
        this.#asked?.resolve();
        this.#asked = undefined;
        break;
      default:
        await this.#asked?.take(event);
    }
  }

  #end(): void {
    const { isGreeted, isAsked, text } = this.#wire.end();
    const words = printable(text).trim();
    this.#isOver = true;
    if (isAsked && this.#error === undefined) {
      this.#asked?.resolve();
      this.#listener.onOver(undefined);
      return;
    }
    if (isGreeted) {
      if (words !== '') this.#listener.onHeard(words);
      this.#listener.onOver(this.#lost());
    } else this.#error ??= failed(words === '' ? this.#lost().message : words);
    this.#asked?.reject(this.#lost());
  }

  /** What was wrong with the socket, or with what came over it. */
  #explain(cause: unknown): OutcryError {
    const { host, port } = this.#address;
    if (cause instanceof RangeError) return failed(`${host}:${port} is no lobby: ${cause.message}`);
    const error = cause instanceof Error ? cause : new Error(String(cause));
    return failed(explainConnectionError(this.#address, error, 'outcry serve'));
  }

  #lost(): OutcryError {
    const { host, port } = this.#address;
    this.#error ??= new OutcryError('ERR_CONNECTION_LOST', `${host}:${port} closed the connection`);
    return this.#error;
  }
}

function failed(message: string): OutcryError {
  return new OutcryError('ERR_CONNECTION_FAILED', message);
}
