/** Data folders with a bank in them, written with real shards straight into the stores, as hosts do. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { manifestText } from '../../src/data-folder.ts';
import {
  DISCARD_REASONS,
  LEDGER_ADDRESSES,
  type LedgerCommand,
  type PostOutcome,
  TALLY_ADDRESS,
} from '../../src/protocol/bank.ts';
import type { StoredHost } from '../../src/protocol/data-jobs.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { MINOR_UNITS_MAX } from '../../src/values/money.ts';
import { ApiPostings } from '../../workers/ledger/api-postings.ts';
import { shardOf } from '../../workers/ledger/bank-lines.ts';
import { BankTally } from '../../workers/ledger/bank-tally.ts';
import { hashName, POSTING } from '../../workers/ledger/ledger.ts';
import { LedgerShard } from '../../workers/ledger/ledger-shard.ts';
import type { Context } from '../../workers/runtime/actor.ts';
import { ActorRef } from '../../workers/runtime/actor-ref.ts';
import { BatchBuilder } from '../../workers/runtime/journal.ts';
import { LmdbStore } from '../../workers/runtime/lmdb-store.ts';
import type { Random } from '../../workers/runtime/random.ts';

/** One posting as it should be found again. */
export interface Posted {
  readonly shard: Address;
  /** Of the posting itself; one that opens the account has the event before it too. */
  readonly position: number;
  readonly timeMs: number;
  readonly cents: number;
  readonly balance: number;
}

interface StoredShard {
  readonly address: Address;
  readonly shard: LedgerShard;
  events: number;
}

/** A request with its answer, which comes again if the request does. */
interface Request {
  readonly key: string;
  readonly transactions: readonly (readonly [Uint8Array, number])[];
  readonly outcomes: readonly PostOutcome[];
}

/** No message leaves a shard of these. */
const CONTEXT = { reply() {}, tell() {}, refer() {} } as unknown as Context<LedgerCommand>;

export class StoredBank {
  readonly folder: string;
  readonly stores: readonly LmdbStore[];
  /** By name, in Latin-1. */
  readonly postings = new Map<string, Posted[]>();
  readonly #shards: readonly StoredShard[];
  readonly #tally = new BankTally();
  #tallyEvents = 0;
  readonly #builders: readonly BatchBuilder[];
  readonly #uploads: string[] = [];
  readonly #api = new ApiPostings();
  readonly #requests: Request[] = [];
  #timeMs = Date.parse('2026-11-21T10:00:00Z');

  constructor(folder: string, hosts: number) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'outcry.json'),
      manifestText({ version: 1, generation: 1, hosts, isComplete: true }),
    );
    this.stores = Array.from(
      { length: hosts },
      (_, host) => new LmdbStore({ folder: join(folder, '1', String(host)) }),
    );
    this.#builders = this.stores.map(() => new BatchBuilder());
    this.#shards = LEDGER_ADDRESSES.map((address, shard) => ({
      address,
      shard: new LedgerShard({
        shard,
        accountsMax: 1_000_000,
        uploadsMax: 1000,
        hashKey: [1, 2],
        tally: new ActorRef(TALLY_ADDRESS, 0),
        isDurable: true,
      }),
      events: 0,
    }));
  }

  get hosts(): StoredHost[] {
    return hostsIn(this.folder, this.stores.length);
  }

  /** The file of a host's environment. */
  file(host: number): string {
    return join(this.folder, '1', String(host), 'data.mdb');
  }

  hostOf(address: Address): number {
    return hostIndexOf(address, this.stores.length);
  }

  shardOf(name: string): Address {
    return (this.#shards[shardIndexOf(name)] as StoredShard).address;
  }

  /** Applied in the turn that ends with the next `store`. */
  post(name: string, cents: number): void {
    const target = this.#shards[shardIndexOf(name)] as StoredShard;
    const view = viewOf(name);
    const outcome = target.shard.post(view, 0, name.length, hashName(view, 0, name.length), cents);
    if (outcome !== POSTING.applied) throw new Error(`${name} was refused`);
    this.#notePosted(target, name, cents);
  }

  /** A request of the api with a key, to all shards that it concerns. Names are in Latin-1. */
  request(key: string, named: readonly (readonly [string, number])[]): void {
    const transactions = named.map(([name, cents]) => [Buffer.from(name, 'latin1'), cents] as const);
    const outcomes = this.#askToPost(key, transactions);
    const refused = outcomes.flatMap((outcome) => (outcome.type === 'posted' ? outcome.refused : []));
    const isRefused = (index: number) => refused.some(([at]) => at === index);
    for (const [index, [name, cents]] of named.entries()) {
      if (!isRefused(index)) this.#notePosted(this.#shards[shardIndexOf(name)] as StoredShard, name, cents);
    }
    for (const target of new Set(named.map(([name]) => this.#shards[shardIndexOf(name)] as StoredShard)))
      target.events++;
    this.#requests.push({ key, transactions, outcomes });
  }

  /** An earlier request comes again, which changes nothing. */
  requestAgain(random: Random): void {
    if (this.#requests.length === 0) return;
    const { key, transactions, outcomes } = random.pick(this.#requests);
    assert.deepEqual(this.#askToPost(key, transactions), outcomes);
  }

  openUpload(id: string): void {
    this.#uploads.push(id);
    for (const target of this.#shards) {
      target.shard.receive({ type: 'open-upload', id }, CONTEXT);
      target.events++;
    }
  }

  forgetUpload(id: string): void {
    this.#uploads.splice(this.#uploads.indexOf(id), 1);
    for (const target of this.#shards) {
      target.shard.receive({ type: 'forget-upload', id }, CONTEXT);
      target.events++;
    }
  }

  /** What is random in a server's life: postings to `names`, uploads, discards, requests that may come again. */
  turn(random: Random, names: readonly string[]): void {
    const count = 1 + random.below(20);
    for (let i = 0; i < count; i++) {
      const cents = random.chance(0.05) ? random.below(2 ** 31) * 1000 : random.below(20_001);
      this.post(random.pick(names), random.chance(0.5) ? cents : -cents);
    }
    if (random.chance(0.1)) this.openUpload(`upload-${random.below(10)}-${this.#timeMs}`);
    if (random.chance(0.05) && this.#uploads.length > 0) this.forgetUpload(random.pick(this.#uploads));
    if (random.chance(0.2)) this.discard(random);
    if (random.chance(0.3)) this.#drawRequest(random, names);
    if (random.chance(0.1)) this.requestAgain(random);
    this.store();
  }

  discard(random: Random): void {
    const reason = random.pick(DISCARD_REASONS);
    const event = { type: 'discarded', counts: { [reason]: 1 + random.below(3) } } as const;
    this.#tally.apply(event);
    this.#builders[this.hostOf(TALLY_ADDRESS)]?.addValues(TALLY_ADDRESS, ++this.#tallyEvents, [event]);
  }

  /** Ends the turn. */
  store(): void {
    for (const { address, shard, events } of this.#shards) {
      const flat = shard.takeFlat();
      if (flat !== undefined)
        this.#builders[this.hostOf(address)]?.addFlat(address, events - flat.count + 1, flat);
    }
    this.#builders.forEach((builder, host) => {
      const store = this.stores[host] as LmdbStore;
      if (!builder.isEmpty) store.append(builder.take(store.last + 1, this.#timeMs));
    });
    this.#timeMs += 7;
  }

  /** Writes the snapshots of all actors; with `keepBytes` of the journal before them. */
  snapshot({ keepBytes = Number.POSITIVE_INFINITY } = {}): void {
    for (const { address, shard, events } of this.#shards)
      this.#putSnapshot(address, events, shard.snapshot());
    this.#putSnapshot(TALLY_ADDRESS, this.#tallyEvents, this.#tally.snapshot());
    for (const store of this.stores) {
      store.release(store.last + 1, store.journalBytes);
      while (store.trim(keepBytes));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.stores.map((store) => store.close()));
  }

  /** By shard that it concerns. */
  #askToPost(key: string, transactions: Request['transactions']): PostOutcome[] {
    return this.#api.take(transactions).flatMap((postings, shard) => {
      if (postings === undefined) return [];
      const outcomes: PostOutcome[] = [];
      const reply = (outcome: unknown) => outcomes.push(outcome as PostOutcome);
      const context = { ...CONTEXT, reply } as unknown as Context<LedgerCommand>;
      this.#shards[shard]?.shard.receive({ type: 'post', key, postings }, context);
      return outcomes;
    });
  }

  #drawRequest(random: Random, names: readonly string[]): void {
    const named = Array.from({ length: 1 + random.below(5) }, () => {
      const name = random.pick(names);
      const balance = this.postings.get(name)?.at(-1)?.balance ?? 0;
      const isTooMuch = balance > 0 && random.chance(0.2);
      return [name, isTooMuch ? MINOR_UNITS_MAX : random.below(1000)] as const;
    });
    this.request(`key ${this.#requests.length}`, named);
  }

  /** It has the next position of its shard, behind the event that opens the account. */
  #notePosted(target: StoredShard, name: string, cents: number): void {
    const earlier = this.postings.get(name) ?? [];
    this.postings.set(name, earlier);
    target.events += earlier.length === 0 ? 2 : 1;
    const balance = (earlier.at(-1)?.balance ?? 0) + cents;
    earlier.push({ shard: target.address, position: target.events, timeMs: this.#timeMs, cents, balance });
  }

  #putSnapshot(address: Address, events: number, pieces: Iterable<Uint8Array>): void {
    if (events === 0) return;
    const store = this.stores[this.hostOf(address)] as LmdbStore;
    let index = 0;
    for (const piece of pieces) store.putSnapshotPiece(address, index++, piece);
    store.commitSnapshot({ address, events, batch: store.last }, index);
  }
}

export function hostsIn(folder: string, count: number, isInUse = false): StoredHost[] {
  return Array.from({ length: count }, (_, index) => {
    return { folder: join(folder, '1', String(index)), index, count, isMade: true, isInUse };
  });
}

/** Names of all kinds: short and long, of a whole number of words, not UTF-8, with characters that JSON escapes. */
export function namesOf(random: Random, count: number): string[] {
  const names = new Set(['Marc', '\xff\xfe', 'caf\xc3\xa9', '"\\', '\0\x1b', 'x'.repeat(64)]);
  while (names.size < count) {
    const length = 1 + random.below(12);
    names.add(Array.from({ length }, () => String.fromCharCode(0x21 + random.below(0x5e))).join(''));
  }
  return [...names];
}

/** A folder that goes away with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-data-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A port on which nobody listens. */
export function nobody(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  return port2;
}

function shardIndexOf(name: string): number {
  return shardOf(hashName(viewOf(name), 0, name.length));
}

function viewOf(name: string): DataView {
  const bytes = new Uint8Array(name.length + 4);
  bytes.set(Buffer.from(name, 'latin1'));
  return new DataView(bytes.buffer);
}
