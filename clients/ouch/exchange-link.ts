/**
 * A way to an exchange, from the dial to its end: open when all that the exchange has said so far is here.
 *
 * SoupBinTCP does not say where what was missed ends and what is new begins. Who goes on with a session need not know it;
 * who joins one must, since the last token that was used is in what was missed. So he asks for the last message first, which
 * tells its number, then for all of them, over a second connection that takes the place of the first: an account that was
 * without a connection in between would lose its open orders.
 */
import type { Duplex } from 'node:stream';
import type { LoginAccepted } from '../../src/protocol/soupbintcp/packets.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { Link } from '../connection.ts';
import { type SoupEnd, SoupLink, type SoupTimeouts } from './soup-link.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** How far a client is in a session. */
export interface Progress {
  readonly session: string;
  /** Of the next message. */
  readonly sequence: number;
}

export interface ExchangeLinkOptions {
  readonly dial: () => Duplex;
  /** What people call the exchange. */
  readonly peer: string;
  readonly credentials: Credentials;
  readonly timeouts: SoupTimeouts;
  /** Where to go on; undefined to join the session there is. */
  readonly progress: Progress | undefined;
}

export interface ExchangeLinkListener {
  /** A session begins with its first message. Not told to who goes on with one. */
  onJoin(session: string): void;
  onMessage(message: Uint8Array): void;
  onDebug(text: string): void;
  onDrain(): void;
  /** Told once: what was said so far is here. */
  onOpen(session: string): void;
  /** `isSessionLost`: there is nothing to go on with; join anew. */
  onOver(error: OutcryError, end: { readonly isFinal: boolean; readonly isSessionLost: boolean }): void;
}

export class ExchangeLink implements Link {
  readonly #options: ExchangeLinkOptions;
  readonly #listener: ExchangeLinkListener;
  /** The one that asks for the last message, while it does. */
  #scout: SoupLink | undefined;
  #link: SoupLink | undefined;
  #session = '';
  #received = 0;
  /** As many messages there were when the session was joined. */
  #lastSequence = 0;
  #isOpen = false;

  constructor(options: ExchangeLinkOptions, listener: ExchangeLinkListener) {
    this.#options = options;
    this.#listener = listener;
    const { progress } = options;
    if (progress === undefined) this.#scout = this.#begin('', 0, (login) => this.#onScouted(login));
    else
      this.#link = this.#begin(progress.session, progress.sequence, (login) =>
        this.#onResumed(login, progress),
      );
  }

  get isWritable(): boolean {
    return this.#isOpen && this.#link?.isWritable === true;
  }

  write(packet: Uint8Array): void {
    this.#link?.write(packet);
  }

  async end(): Promise<void> {
    this.#scout?.destroy();
    await this.#link?.end();
  }

  #begin(session: string, sequence: number, onAccepted: (login: LoginAccepted) => void): SoupLink {
    const { dial, peer, credentials, timeouts } = this.#options;
    const login = { type: 'login-request', ...credentials, requestedSession: session, sequence } as const;
    const link: SoupLink = new SoupLink(dial, peer, login, timeouts, {
      onAccepted,
      onMessage: (bytes, start, end) => {
        if (link === this.#link) this.#onMessage(bytes.subarray(start, end));
      },
      onIdle: () => {
        if (link === this.#link) this.#onIdle();
      },
      onDebug: (text) => this.#listener.onDebug(text),
      onDrain: () => {
        if (link === this.#link) this.#listener.onDrain();
      },
      onOver: (end, error) => {
        // A scout whose place was taken has done what it was for.
        if (link === (this.#link ?? this.#scout)) this.#onOver(end, error);
      },
    });
    return link;
  }

  #onScouted({ session, sequence }: LoginAccepted): void {
    this.#lastSequence = sequence;
    // From the first message on is what was wanted.
    if (sequence <= 1) {
      this.#link = this.#scout;
      this.#scout = undefined;
      this.#join(session);
    } else {
      this.#link = this.#begin(session, 1, (login) => this.#onJoined(login));
    }
  }

  #onJoined({ session, sequence }: LoginAccepted): void {
    this.#scout?.destroy();
    if (sequence === 1) this.#join(session);
    else this.#lose(`the first message was asked for, and comes from number ${sequence} on`);
  }

  #onResumed({ session, sequence }: LoginAccepted, progress: Progress): void {
    if (session === progress.session && sequence === progress.sequence) this.#open(session);
    else {
      const expected = `message ${progress.sequence} of session ${progress.session}`;
      this.#lose(`${expected} was asked for, and comes from number ${sequence} of ${session} on`);
    }
  }

  #join(session: string): void {
    this.#session = session;
    this.#listener.onJoin(session);
  }

  #onMessage(message: Uint8Array): void {
    this.#received += 1;
    this.#listener.onMessage(message);
    if (!this.#isOpen && this.#received >= this.#lastSequence) this.#open(this.#session);
  }

  /** A session without a message is up to date, too. */
  #onIdle(): void {
    if (!this.#isOpen && this.#lastSequence <= 1) this.#open(this.#session);
  }

  #open(session: string): void {
    this.#isOpen = true;
    this.#listener.onOpen(session);
  }

  #lose(why: string): void {
    this.#scout?.destroy();
    this.#link?.destroy();
    const message = `${this.#options.peer} is not where it was: ${why}`;
    const error = new OutcryError('ERR_CONNECTION_LOST', message);
    this.#listener.onOver(error, { isFinal: false, isSessionLost: true });
  }

  #onOver(end: SoupEnd, error: OutcryError): void {
    this.#scout?.destroy();
    // A session that was named may have ended meanwhile. Who has named none asks for nothing that could.
    const isScouting = this.#link === undefined;
    const isRefused = end === 'refused-user' || (end === 'refused-session' && isScouting);
    this.#listener.onOver(error, {
      isFinal: isRefused || end === 'not-understood',
      isSessionLost: end === 'session-ended' || end === 'refused-session',
    });
  }
}
