/** A client of the raw door: it has no name, and whatever it had is gone with its connection. */
import { LENGTH, LETTER } from '../../../src/protocol/ouch/layout.ts';
import {
  decodeOutbound,
  encodeInbound,
  type InboundMessage,
  type OutboundMessage,
} from '../../../src/protocol/ouch/messages.ts';
import { FrameSplitter } from '../../../src/values/frame-splitter.ts';
import type { Random } from '../../../workers/runtime/random.ts';
import type { Move } from '../../../workers/runtime/simulation.ts';
import { AccountModel } from '../../support/account-model.ts';
import { drawOrder, drawReplace } from '../../support/random-orders.ts';
import type { ClientConnection, Network } from '../network.ts';
import type { PipeReader } from '../pipe.ts';
import type { Client } from '../scenario.ts';
import { BOOK_IDS } from './books.ts';

const PAUSE_MAX_MS = 200;
/** Bytes on their way before it waits. */
const WINDOW_BYTES = 2000;
const LENGTHS: Readonly<Record<number, number>> = {
  [LETTER.systemEvent]: LENGTH.systemEvent,
  [LETTER.accepted]: LENGTH.accepted,
  [LETTER.replaced]: LENGTH.replaced,
  [LETTER.canceled]: LENGTH.canceled,
  [LETTER.aiqCanceled]: LENGTH.aiqCanceled,
  [LETTER.executed]: LENGTH.executed,
  [LETTER.rejected]: LENGTH.rejected,
};

export interface RawClientOptions {
  readonly network: Network;
  readonly random: Random;
  readonly actions: number;
}

export class RawClient implements Client, PipeReader {
  readonly isReading = true;
  /** Of each of its connections. */
  readonly models: AccountModel[] = [];
  readonly #options: RawClientOptions;
  #actionsLeft: number;
  #actMs: number;
  #token = 0;
  #connection: ClientConnection | undefined;
  #splitter = newSplitter();

  constructor(options: RawClientOptions) {
    this.#options = options;
    this.#actionsLeft = options.actions;
    this.#actMs = options.random.below(PAUSE_MAX_MS);
  }

  get isDone(): boolean {
    return this.#actionsLeft === 0 && this.#connection === undefined;
  }

  toString(): string {
    return `a raw client has ${this.#actionsLeft} actions left`;
  }

  get dueMs(): number {
    if (this.isDone) return Infinity;
    return (this.#connection?.toServer.length ?? 0) < WINDOW_BYTES ? this.#actMs : Infinity;
  }

  addMoves(moves: Move[], nowMs: number): void {
    if (this.dueMs <= nowMs) moves.push(this.#act);
  }

  onData(bytes: Uint8Array): void {
    this.#splitter.feed(bytes, (messages, start, end) => {
      this.models.at(-1)?.take(withId(decodeOutbound(messages.slice(start, end), 'uint32')));
    });
  }

  onEnd(): void {
    this.#close();
  }

  onBroken(): void {
    this.#close();
  }

  readonly #act = (): void => {
    const { network, random } = this.#options;
    this.#actMs = network.simulation.nowMs + random.below(PAUSE_MAX_MS);
    if (this.#connection === undefined) this.#connect();
    else if (this.#actionsLeft === 0 || random.chance(0.02)) this.#close();
    else {
      this.#actionsLeft--;
      this.#connection.write(encodeInbound(this.#draw()));
    }
  };

  #connect(): void {
    const connection = this.#options.network.connect('ouch-raw', this);
    this.#connection = connection;
    if (connection === undefined) return;
    this.#splitter = newSplitter();
    this.#token = 0;
    this.models.push(new AccountModel({ isRaw: true }));
  }

  #draw(): InboundMessage {
    const { random } = this.#options;
    const token = this.#token++;
    const earlier = random.below(token + 1);
    const drawn = random.below(10);
    if (drawn < 6) {
      // One number more than there are books.
      return { ...drawOrder(random, token, ['']), orderbook: 1 + random.below(BOOK_IDS.length + 1) };
    }
    if (drawn < 8) return drawReplace(random, earlier, token, undefined);
    return { type: 'cancel', token: earlier, quantity: 0 };
  }

  #close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.destroy();
  }
}

/** As others know the book. */
function withId(message: OutboundMessage): OutboundMessage {
  if (!('orderbook' in message)) return message;
  return { ...message, orderbook: BOOK_IDS[Number(message.orderbook) - 1] ?? '' };
}

function newSplitter(): FrameSplitter {
  return new FrameSplitter(1, (bytes, at) => LENGTHS[bytes[at] as number] ?? 1);
}
