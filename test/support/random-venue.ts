/**
 * A venue on which anything happens, drawn at random: clients that come and go, with orders that are mostly good, halts,
 * ends of days, midnights. What it logs is collected batch by batch.
 */
import assert from 'node:assert/strict';
import { type ClientAddress, ENTRY_HEAD_BYTES } from '../../src/protocol/exchange.ts';
import { CANCEL, DAY, ENTER, IMMEDIATE, LENGTH, LETTER, REPLACE } from '../../src/protocol/ouch/layout.ts';
import type { VenueSettings } from '../../src/protocol/venue.ts';
import { Exchange, type NoticeBody, type Outlet } from '../../workers/exchange/exchange.ts';
import { readEvents } from '../../workers/exchange/exchange-log.ts';
import type { ExchangeState } from '../../workers/exchange/exchange-snapshot.ts';
import { endOfPacket } from '../../workers/exchange/sequenced-stream.ts';
import type { Line } from '../../workers/exchange/trading-account.ts';
import type { Random } from '../../workers/runtime/random.ts';

const HOUR_MS = 3_600_000;
export const START_MS = Date.parse('2026-11-21T10:00:00Z');
const BOOKS = ['BTC', 'ETH', '7203'];
const GROUPS = ['DAY ', 'NGHT'];
const USERS = ['ANN', 'BOB', 'CYD', 'DAN'];

const VENUE: VenueSettings = {
  tickTables: [{ name: 'ticks', bands: [{ from: 0, tick: 1 }] }],
  books: BOOKS.map((id, i) => ({
    id,
    number: i + 1,
    name: id,
    groups: GROUPS,
    lot: 1,
    tickTable: 'ticks',
    lowerLimit: 1,
    upperLimit: 1_000_000,
    isShortSellRestricted: i === 2,
  })),
  traders: USERS.map((user, i) => ({
    user,
    password: 'OUTCRY',
    groups: GROUPS,
    firms: [],
    orderValueMax: 0,
    ordersPerSecond: 0,
    selfTrade: (['decrement-both', 'cancel-oldest', 'cancel-newest', 'off'] as const)[i] ?? 'off',
    owner: i < 2 ? 'house' : '',
  })),
};

export interface LoggedBatch {
  /** Position of the first event. */
  readonly position: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

interface Client {
  readonly address: ClientAddress;
  readonly isRaw: boolean;
  readonly user: string;
  account: number;
  /** Where it came in, and what it has been told since. */
  key: string;
  sequence: number;
  readonly received: Uint8Array[];
  /** The next token, and those that were used. */
  token: number;
  readonly tokens: number[];
}

export class RandomVenue implements Outlet {
  readonly batches: LoggedBatch[] = [];
  /** By account and session: all packets that the log has for it. */
  readonly #told = new Map<string, Buffer[]>();
  #session = 0;
  exchange: Exchange;
  nowMs = START_MS;
  readonly #random: Random;
  readonly #clients: Client[] = [];
  /** Those that are gone and were not checked yet. */
  readonly #checks: Client[] = [];
  /** What is to be done in the next turn. */
  #due: (() => void)[] = [];
  #connections = 0;
  #events = 0;
  /** Bytes that clients got, and the same was in the log. */
  checkedBytes = 0;

  constructor(random: Random) {
    this.#random = random;
    this.exchange = this.#create();
    this.exchange.start(this.nowMs);
    this.#store();
  }

  /** Positions of the last event in the log. */
  get events(): number {
    return this.#events;
  }

  turn(): void {
    const random = this.#random;
    this.nowMs += random.chance(0.02) ? random.below(20 * HOUR_MS) : random.below(1000) / 7;
    this.exchange.begin(this.nowMs);
    const due = this.#due;
    this.#due = [];
    for (const act of due) act();
    for (let i = 1 + random.below(4); i > 0; i--) this.#happen();
    this.exchange.finish();
    this.#store();
  }

  /** As if the process had been killed: another exchange goes on from `state` and the batches behind it. */
  restart(state: ExchangeState | undefined): void {
    this.exchange = this.#create();
    if (state !== undefined) this.exchange.restore(state);
    for (const { position, bytes } of this.batches) {
      if (position > (state?.events ?? 0)) this.exchange.apply(bytes, 0, bytes.length);
    }
    for (const client of this.#clients.splice(0)) this.#check(client);
    this.#due = [];
    this.exchange.start(this.nowMs);
    this.#store();
  }

  tell({ connection }: ClientAddress, notice: NoticeBody): void {
    const client = this.#clients.find(({ address }) => address.connection === connection);
    if (client === undefined) return;
    if (notice.type === 'logged-in') {
      client.account = notice.account;
      client.sequence = notice.sequence;
      client.key = keyOf(notice.account, Number.parseInt(notice.session, 36));
    } else if (notice.type === 'sequenced') {
      client.received.push(notice.bytes);
      if (notice.isPage) this.#due.push(() => this.exchange.pageTaken(client.account, connection));
    } else if (notice.type === 'dismissed' || notice.type === 'session-ended') this.#drop(client);
  }

  /** As the job that reads the journal. */
  readCold(line: Line): void {
    const client = this.#clients.find(({ address }) => address.connection === line.client.connection);
    this.#due.push(() => {
      const isKnown = client !== undefined && !client.isRaw;
      const key = isKnown ? client.key : keyOf(line.account, Number.parseInt(this.exchange.session, 36));
      const from = line.next - 1;
      const packets = this.#toldOf(key).slice(from, from + 1 + this.#random.below(1000));
      this.exchange.coldRead(line, Buffer.concat(packets));
    });
  }

  #drop(client: Client): void {
    this.#clients.splice(this.#clients.indexOf(client), 1);
    // What it got in this turn is not in the log yet.
    this.#checks.push(client);
  }

  /** All that a client has got is what the log has for it. The sessions that a raw client goes through follow no number. */
  #check({ isRaw, key, sequence, received }: Client): void {
    if (isRaw) return;
    const got = Buffer.concat(received);
    const expected = Buffer.concat(this.#toldOf(key).slice(sequence - 1)).subarray(0, got.length);
    assert.ok(got.equals(expected), `what account and session ${key} got is not what the log has`);
    this.checkedBytes += got.length;
  }

  #toldOf(key: string): Buffer[] {
    const known = this.#told.get(key) ?? [];
    this.#told.set(key, known);
    return known;
  }

  #create(): Exchange {
    const options = {
      venue: VENUE,
      day: 'at-start',
      openAtMs: 0,
      closeAtMs: 0,
      openDays: [],
      timeZone: 'Asia/Tokyo',
      ordersMax: 2_000_000,
      ordersPerTraderMax: 2_000_000,
      streamMemoryBytes: this.#random.pick([0, 100_000, 10_000_000]),
      disconnectGraceMs: this.#random.pick([0, 100]),
      isDebugOn: false,
      isRawCancelOnDisconnect: this.#random.chance(0.5),
      isDurable: true,
      secret: this.#random.below(2 ** 31),
    } as const;
    return new Exchange(options, this);
  }

  #store(): void {
    const events = this.exchange.takeLogged();
    if (events === undefined) return;
    this.batches.push({ position: this.#events + 1, count: events.count, bytes: events.bytes.slice() });
    this.#events += events.count;
    const bytes = Buffer.from(events.bytes);
    const count = readEvents(bytes, 0, bytes.length, {
      packets: (account, _, start, end) => {
        const told = this.#toldOf(keyOf(account, this.#session));
        for (let at = start; at < end; ) {
          const next = endOfPacket(bytes, at, end);
          told.push(bytes.subarray(at, next));
          at = next;
        }
      },
      closeAccount: (account) => this.#told.delete(keyOf(account, this.#session)),
      beginSession: (beginMs) => {
        this.#session = beginMs;
      },
    });
    assert.equal(count, events.count);
    for (const client of this.#checks.splice(0)) this.#check(client);
  }

  #happen(): void {
    const random = this.#random;
    const book = { id: random.pick(BOOKS), group: random.pick(GROUPS) };
    const exchange = this.exchange;
    const rare: readonly (readonly [number, () => void])[] = [
      [30, () => this.#come()],
      [20, () => this.#leave()],
      [5, () => exchange.halt(random.chance(0.5) ? book : {})],
      [20, () => exchange.resume(random.chance(0.7) ? {} : book)],
      [3, () => exchange.cancelAll(random.chance(0.5) ? book : {})],
      [4, () => exchange.closeDay()],
      [20, () => exchange.openDay()],
    ];
    if (this.#clients.length < 2) this.#come();
    else {
      // In thousandths.
      let draw = random.below(1000);
      const found = rare.find(([share]) => {
        draw -= share;
        return draw < 0;
      });
      if (found === undefined) this.#talk(random.pick(this.#clients));
      else found[1]();
    }
  }

  #come(): void {
    const random = this.#random;
    const connection = ++this.#connections;
    const address = { address: `ouch/${connection}`, connection };
    const isRaw = this.#random.chance(0.3);
    const user = this.#random.pick(USERS);
    const client: Client = {
      address,
      isRaw,
      user,
      account: 0,
      key: '',
      sequence: 1,
      received: [],
      token: 0,
      tokens: [],
    };
    this.#clients.push(client);
    if (isRaw) this.exchange.logInRaw(address);
    else {
      this.exchange.logIn({
        type: 'log-in',
        user,
        password: 'outcry',
        requestedSession: '',
        sequence: random.pick([0, 1, 1000]),
        form: this.#random.pick(['alpha', 'alpha', 'uint32']),
        client: address,
      });
      // Others under that name, and this one before, have used tokens.
      client.token = (this.exchange.accounts.find(user)?.lastToken ?? -1) + 1;
    }
  }

  #leave(): void {
    const at = this.#random.below(this.#clients.length);
    const client = this.#clients[at] as Client;
    this.#drop(client);
    this.exchange.left(client.account, client.address.connection);
  }

  #talk(client: Client): void {
    const messages = Array.from({ length: 1 + this.#random.below(6) }, () => this.#message(client));
    const packets = messages.map((message) => {
      const packet = Buffer.alloc(3 + message.length, 'U');
      packet.writeUInt16BE(message.length + 1);
      packet.set(message, 3);
      return packet;
    });
    const head = Buffer.alloc(ENTRY_HEAD_BYTES);
    head.writeUInt32LE(client.account);
    head.writeUInt32LE(client.address.connection, 4);
    const bytes = Buffer.concat([head, ...packets]);
    this.exchange.take(bytes, 0, bytes.length);
  }

  #message(client: Client): Buffer {
    const random = this.#random;
    if (client.tokens.length === 0 || random.chance(0.6)) return this.#enter(client);
    const token = random.pick(client.tokens.slice(-20));
    return random.chance(0.5) ? this.#replace(client, token) : cancel(token);
  }

  #enter(client: Client): Buffer {
    const random = this.#random;
    const isNumeric = this.exchange.accounts.list[client.account]?.form === 'uint32';
    const message = Buffer.alloc(LENGTH.enter, ' ');
    message[0] = LETTER.enter;
    message.writeUInt32BE(this.#nextToken(client), ENTER.token);
    message.write(random.pick(['B', 'S', 'T', 'E', 'B', 'S', 'Q']), ENTER.side);
    message.writeUInt32BE(random.below(100), ENTER.quantity);
    if (isNumeric) message.writeUInt32BE(1 + random.below(4), ENTER.orderbook);
    else message.write(random.pick([...BOOKS, 'BTC\0', 'NONE']), ENTER.orderbook, 'latin1');
    message.write(random.pick(['DAY\0', 'DAY ', 'NGHT', 'DAYX']), ENTER.group, 'latin1');
    this.#terms(message, ENTER);
    message.writeUInt32BE(0, ENTER.firm);
    message.write('P', ENTER.capacity);
    message.write('11', ENTER.classification);
    return message;
  }

  #replace(client: Client, token: number): Buffer {
    const message = Buffer.alloc(LENGTH.replace, ' ');
    message[0] = LETTER.replace;
    message.writeUInt32BE(token, REPLACE.existingToken);
    message.writeUInt32BE(this.#nextToken(client), REPLACE.replacementToken);
    message.writeUInt32BE(this.#random.below(120), REPLACE.quantity);
    this.#terms(message, REPLACE);
    return message;
  }

  /** What Enter and Replace have in common. */
  #terms(message: Buffer, at: typeof ENTER | typeof REPLACE): void {
    const random = this.#random;
    const isImmediate = random.chance(0.2);
    message.writeUInt32BE(100 + random.below(10), at.price);
    message.writeUInt32BE(isImmediate ? IMMEDIATE : DAY, at.timeInForce);
    message.write(random.chance(0.1) ? 'P' : ' ', at.display);
    message.writeUInt32BE(random.chance(0.1) ? random.below(20) : 0, at.minimumQuantity);
  }

  #nextToken(client: Client): number {
    if (this.#random.chance(0.05)) return client.token;
    client.token += 1 + this.#random.below(2);
    client.tokens.push(client.token);
    return client.token;
  }
}

function keyOf(account: number, session: number): string {
  return `${account} ${session}`;
}

function cancel(token: number): Buffer {
  const message = Buffer.alloc(LENGTH.cancel);
  message[0] = LETTER.cancel;
  message.writeUInt32BE(token, CANCEL.token);
  return message;
}
