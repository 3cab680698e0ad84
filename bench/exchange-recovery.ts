/**
 * What an exchange costs on disk, and how long it takes to be back: made orders are entered, replaced and cancelled, each
 * turn is stored and flushed, and the exchange is made again, of its journal alone, and of a snapshot. Then a client reads
 * from the journal all that it was told.
 *
 *     traders × enter, replace, cancel ──► exchange ──► journal ──► exchange, the same
 *                                                         └──► read-stream, page by page
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENTRY_HEAD_BYTES, EXCHANGE_ADDRESS } from '../src/protocol/exchange.ts';
import { CANCEL, DAY, ENTER, LENGTH, LETTER, REPLACE } from '../src/protocol/ouch/layout.ts';
import type { VenueSettings } from '../src/protocol/venue.ts';
import { Exchange, type ExchangeOptions } from '../workers/exchange/exchange.ts';
import { decodeSnapshot, encodeSnapshot } from '../workers/exchange/exchange-snapshot.ts';
import { readStream } from '../workers/exchange/read-stream.ts';
import { countPackets } from '../workers/exchange/sequenced-stream.ts';
import { BatchBuilder } from '../workers/runtime/journal.ts';
import { LmdbStore } from '../workers/runtime/lmdb-store.ts';
import { Random } from '../workers/runtime/random.ts';
import { Streams } from '../workers/runtime/streams.ts';
import { check, environmentLine, formatRate, print } from './support/figures.ts';

export interface RecoveryBenchOptions {
  /** Of traders, at least so many. */
  readonly messages: number;
  readonly traders: number;
  readonly messagesPerTurn: number;
}

const FULL: RecoveryBenchOptions = { messages: 2_000_000, traders: 100, messagesPerTurn: 500 };
const BOOKS = 10;
const START_MS = Date.UTC(2026, 6, 31, 3);
const TURN_MS = 1;
const READ_BYTES = 256 * 1024;
/** Orders that one trader leaves open before it cancels the oldest. */
const OPEN_MAX = 500;

export async function runRecoveryBench(options: RecoveryBenchOptions): Promise<void> {
  const { messages, traders, messagesPerTurn } = options;
  print(
    `exchange, stored: ${messages} messages of ${traders} traders, ${messagesPerTurn} a turn`,
    environmentLine(),
  );
  const folder = mkdtempSync(join(tmpdir(), 'outcry-bench-'));
  try {
    const bench = new Bench(folder, options);
    await bench.run();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

class Bench {
  readonly #folder: string;
  readonly #options: RecoveryBenchOptions;
  readonly #settings: ExchangeOptions;

  constructor(folder: string, options: RecoveryBenchOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#settings = {
      venue: venueOf(options.traders),
      day: 'at-start',
      openAtMs: 0,
      closeAtMs: 0,
      openDays: [],
      timeZone: 'Asia/Tokyo',
      ordersMax: 2_000_000,
      ordersPerTraderMax: 2_000_000,
      streamMemoryBytes: 256 * 1024 * 1024,
      disconnectGraceMs: 3_600_000,
      isDebugOn: false,
      isRawCancelOnDisconnect: true,
      isDurable: true,
      secret: 1,
    };
  }

  async run(): Promise<void> {
    const live = await this.#trade();
    const told = live.accounts.all.reduce((sum, { stream }) => sum + stream.count, 0);
    const { size } = statSync(join(this.#folder, 'data.mdb'));
    print('  told', `${told} messages`, `${live.orders.count} open orders`);
    print('  on disk', `${(((size / told) * 1e6) / 2 ** 20).toFixed(1)} MiB a million messages told`);
    const state = bytesOf(live);
    await this.#recover('  back from the journal alone', state);
    await this.#putSnapshot(live);
    await this.#recover('  back from a snapshot', state);
    await this.#readAll(live);
  }

  /** The exchange at the end. */
  async #trade(): Promise<Exchange> {
    const { messages, messagesPerTurn } = this.#options;
    const store = new LmdbStore({ folder: this.#folder });
    const builder = new BatchBuilder();
    const exchange = this.#create();
    exchange.start(START_MS);
    const traders = this.#settings.venue.traders.map(({ user }, i) => new Trader(exchange, user, i + 1));
    const random = new Random(1);
    let events = 0;
    let seconds = 0;
    for (let sent = 0; sent < messages; sent += messagesPerTurn) {
      const inputs = Array.from({ length: messagesPerTurn / 10 }, () =>
        random.pick(traders).packets(random, 10),
      );
      const startedMs = performance.now();
      exchange.begin(START_MS + (sent / messagesPerTurn) * TURN_MS);
      for (const bytes of inputs) exchange.take(bytes, 0, bytes.length);
      exchange.finish();
      const logged = exchange.takeLogged();
      if (logged !== undefined) {
        builder.addFlat(EXCHANGE_ADDRESS, events + 1, logged);
        events += logged.count;
        store.append(builder.take(store.last + 1, START_MS));
      }
      seconds += (performance.now() - startedMs) / 1000;
    }
    await store.close();
    print('  taken and stored', formatRate(messages / seconds));
    return exchange;
  }

  async #recover(what: string, state: Buffer): Promise<void> {
    const startedMs = performance.now();
    const store = new LmdbStore({ folder: this.#folder, isMade: true });
    const exchange = this.#create();
    new Streams(store, {}).restore(EXCHANGE_ADDRESS, {
      receive: () => undefined,
      snapshot: () => [],
      restore: (pieces) => exchange.restore(decodeSnapshot(pieces)),
      applyFlat: (bytes, start, end) => exchange.apply(bytes, start, end),
    });
    const readMs = performance.now();
    check(bytesOf(exchange).equals(state), 'the exchange that is back is another one');
    const comparedMs = performance.now();
    exchange.start(START_MS);
    const seconds = (performance.now() - comparedMs + readMs - startedMs) / 1000;
    await store.close();
    print(what, `${seconds.toFixed(2)} s`, `${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MB`);
  }

  async #putSnapshot(live: Exchange): Promise<void> {
    const store = new LmdbStore({ folder: this.#folder });
    const startedMs = performance.now();
    const state = live.freeze();
    const frozenMs = performance.now() - startedMs;
    let pieces = 0;
    for (const piece of encodeSnapshot(state)) store.putSnapshotPiece(EXCHANGE_ADDRESS, pieces++, piece);
    store.commitSnapshot({ address: EXCHANGE_ADDRESS, events: state.events, batch: store.last }, pieces);
    store.release(store.last + 1, store.journalBytes);
    await store.close();
    print('  frozen for a snapshot', `${frozenMs.toFixed(1)} ms`);
  }

  /** All that one trader was told, as a client that comes back gets it. */
  async #readAll(live: Exchange): Promise<void> {
    const { number: account, stream } = live.accounts.get(0);
    const hosts = [{ folder: this.#folder, index: 0, count: 1, isMade: true, isInUse: false }];
    const startedMs = performance.now();
    let bytes = 0;
    let reads = 0;
    for (let sequence = 1; sequence <= stream.count; reads++) {
      const place = stream.coldAt(sequence);
      const part = { account, place, sequence, bytesMax: READ_BYTES };
      const packets = await readStream({ type: 'read-stream', hosts, ...part });
      const found = stream.read(sequence, packets.length);
      check(found === undefined || Buffer.from(packets).indexOf(found) === 0, 'a stream reads differently');
      sequence += countPackets(packets);
      bytes += packets.length;
    }
    const seconds = (performance.now() - startedMs) / 1000;
    const size = `${(bytes / 2 ** 20).toFixed(1)} MiB in ${reads} reads`;
    print('  a stream read from the journal', `${(seconds * 1000).toFixed(0)} ms`, size);
  }

  #create(): Exchange {
    return new Exchange(this.#settings, { tell() {}, readCold() {} });
  }
}

/** Enters, replaces and cancels day orders around one price. */
class Trader {
  readonly #account: number;
  readonly #connection: number;
  #token = 0;
  /** Its last orders, some of which are gone. */
  readonly #tokens: number[] = [];

  constructor(exchange: Exchange, user: string, connection: number) {
    const client = { address: `bench/${connection}`, connection };
    const request = {
      user,
      password: user,
      requestedSession: '',
      sequence: 1,
      form: 'alpha',
      client,
    } as const;
    exchange.logIn({ type: 'log-in', ...request });
    this.#account = exchange.accounts.find(user)?.number ?? 0;
    this.#connection = connection;
  }

  /** A byte message for the exchange. */
  packets(random: Random, count: number): Buffer {
    const head = Buffer.alloc(ENTRY_HEAD_BYTES);
    head.writeUInt32LE(this.#account);
    head.writeUInt32LE(this.#connection, 4);
    return Buffer.concat([head, ...Array.from({ length: count }, () => packetOf(this.#message(random)))]);
  }

  #message(random: Random): Buffer {
    if (this.#tokens.length > OPEN_MAX || (this.#tokens.length > 0 && random.chance(0.35))) {
      const [token = 0] = this.#tokens.splice(random.below(this.#tokens.length), 1);
      return messageOf(LETTER.cancel, LENGTH.cancel, { [CANCEL.token]: token });
    }
    if (this.#tokens.length > 0 && random.chance(0.2)) return this.#replace(random);
    const enter = messageOf(LETTER.enter, LENGTH.enter, {
      [ENTER.token]: this.#nextToken(),
      [ENTER.quantity]: 1 + random.below(100),
      [ENTER.price]: priceOf(random),
      [ENTER.timeInForce]: DAY,
      [ENTER.firm]: 0,
      [ENTER.minimumQuantity]: 0,
    });
    enter.write(random.pick(['B', 'S']), ENTER.side);
    enter.write(idOf(random.below(BOOKS)), ENTER.orderbook);
    enter.write('DAY ', ENTER.group);
    enter.write('P', ENTER.capacity);
    enter.write('11', ENTER.classification);
    return enter;
  }

  #replace(random: Random): Buffer {
    const at = random.below(this.#tokens.length);
    const existing = this.#tokens[at] as number;
    this.#tokens.splice(at, 1);
    return messageOf(LETTER.replace, LENGTH.replace, {
      [REPLACE.existingToken]: existing,
      [REPLACE.replacementToken]: this.#nextToken(),
      [REPLACE.quantity]: 1 + random.below(100),
      [REPLACE.price]: priceOf(random),
      [REPLACE.timeInForce]: DAY,
      [REPLACE.minimumQuantity]: 0,
    });
  }

  #nextToken(): number {
    this.#tokens.push(++this.#token);
    return this.#token;
  }
}

/** Integers by their places, spaces elsewhere. */
function messageOf(letter: number, length: number, integers: Readonly<Record<number, number>>): Buffer {
  const message = Buffer.alloc(length, ' ');
  message[0] = letter;
  for (const [at, value] of Object.entries(integers)) message.writeUInt32BE(value, Number(at));
  return message;
}

function packetOf(message: Buffer): Buffer {
  const packet = Buffer.alloc(3 + message.length, 'U');
  packet.writeUInt16BE(1 + message.length);
  packet.set(message, 3);
  return packet;
}

function priceOf(random: Random): number {
  return 10_000 + random.below(50) - random.below(50);
}

function idOf(book: number): string {
  return `B${String(book).padStart(3, '0')}`;
}

function venueOf(traders: number): VenueSettings {
  return {
    tickTables: [{ name: 'ticks', bands: [{ from: 0, tick: 1 }] }],
    books: Array.from({ length: BOOKS }, (_, i) => ({
      id: idOf(i),
      number: i + 1,
      name: idOf(i),
      groups: ['DAY '],
      lot: 1,
      tickTable: 'ticks',
      lowerLimit: 1,
      upperLimit: 1_000_000,
      isShortSellRestricted: false,
    })),
    traders: Array.from({ length: traders }, (_, i) => ({
      user: `T${i}`,
      password: `T${i}`,
      groups: ['DAY '],
      firms: [],
      orderValueMax: 0,
      ordersPerSecond: 0,
      selfTrade: 'off',
      owner: '',
    })),
  };
}

/** What two exchanges in the same state have in common. */
function bytesOf(exchange: Exchange): Buffer {
  return Buffer.concat([...encodeSnapshot(exchange.freeze())]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runRecoveryBench(FULL);
