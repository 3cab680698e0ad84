/** What is read from the journal, against what was told: on the store of a server that goes on. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { StreamPart } from '../../../src/protocol/desk.ts';
import { EXCHANGE_ADDRESS } from '../../../src/protocol/exchange.ts';
import { toAddress } from '../../../src/values/address.ts';
import { ExchangeLog } from '../../../workers/exchange/exchange-log.ts';
import { readStream } from '../../../workers/exchange/read-stream.ts';
import { countPackets, SequencedStream, StreamMemory } from '../../../workers/exchange/sequenced-stream.ts';
import { BatchBuilder } from '../../../workers/runtime/journal.ts';
import { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { temporaryFolder } from '../../support/stored-bank.ts';

const OTHER = toAddress('ledger/3');

/** A journal with the events of an exchange that only talks, and with those of somebody else. */
class Talk {
  readonly store: LmdbStore;
  readonly #folder: string;
  readonly #log = new ExchangeLog();
  readonly #builder = new BatchBuilder();
  readonly #memory = new StreamMemory(0);
  readonly streams: SequencedStream[] = [];
  /** By account, the packets of the session. */
  readonly told: Buffer[][] = [];
  #others = 0;

  constructor(t: TestContext, accounts: number) {
    this.#folder = temporaryFolder(t);
    this.store = new LmdbStore({ folder: this.#folder });
    t.after(() => this.store.close());
    for (let account = 0; account < accounts; account++) {
      this.streams.push(new SequencedStream(this.#memory));
      this.told.push([]);
    }
  }

  say(account: number, byte: number, length: number): void {
    const stream = this.streams[account] as SequencedStream;
    const at = stream.begin(length);
    for (let i = 0; i < length; i++) stream.view.setUint8(at + i, byte);
    const head = Buffer.from([0, length + 1, 0x53]);
    this.told[account]?.push(Buffer.concat([head, Buffer.alloc(length, byte)]));
  }

  endTurn(others: number): void {
    for (const [account, stream] of this.streams.entries()) this.#log.packets(account, stream);
    if (others > 0) {
      this.#builder.addValues(OTHER, this.#others + 1, Array<number>(others).fill(1));
      this.#others += others;
    }
    const events = this.#log.take();
    if (events !== undefined) this.#builder.addFlat(EXCHANGE_ADDRESS, this.#log.next - events.count, events);
    if (!this.#builder.isEmpty) this.store.append(this.#builder.take(this.store.last + 1, 0));
  }

  beginSession(beginMs: number): void {
    for (const [account, stream] of this.streams.entries()) {
      this.#log.packets(account, stream);
      stream.clear();
      this.told[account] = [];
    }
    this.#log.beginSession(beginMs);
  }

  read(part: Omit<StreamPart, 'place'>): Promise<Uint8Array> {
    const hosts = [{ folder: this.#folder, index: 0, count: 1, isMade: true, isInUse: true }];
    const stream = this.streams[part.account] as SequencedStream;
    return readStream({ type: 'read-stream', hosts, place: stream.coldAt(part.sequence), ...part });
  }
}

describe('readStream', () => {
  test('gives an account what it was told, byte for byte, from any message on', async (t) => {
    const random = new Random(fuzzSeed());
    for (let run = 0; run < 5; run++) {
      const talk = new Talk(t, 3);
      for (let turn = 0; turn < 200; turn++) {
        if (random.chance(0.01)) talk.beginSession(turn);
        for (let i = random.below(random.chance(0.05) ? 5000 : 30); i > 0; i--) {
          talk.say(random.below(3), random.below(256), 1 + random.below(65));
        }
        talk.endTurn(random.below(3));
      }
      for (let i = 0; i < 100; i++) await checkRead(talk, random);
    }
  });

  test('refuses what the journal has no more, and what there is not yet', async (t) => {
    const talk = new Talk(t, 1);
    for (let turn = 0; turn < 20; turn++) {
      for (let i = 0; i < 1000; i++) talk.say(0, turn, 60);
      talk.endTurn(0);
    }
    assert.equal((await talk.read({ account: 0, sequence: 20_000, bytesMax: 1 })).length, 63);
    const code = 'ERR_STREAM_POSITION';
    await assert.rejects(talk.read({ account: 0, sequence: 20_001, bytesMax: 1 }), { code });
    talk.store.release(talk.store.last, talk.store.journalBytes);
    while (talk.store.trim(500_000));
    await assert.rejects(talk.read({ account: 0, sequence: 1, bytesMax: 1 }), {
      code,
      message: 'the journal that is kept does not have message 1 to account 0',
    });
    assert.equal((await talk.read({ account: 0, sequence: 19_500, bytesMax: 1 })).length, 63);
  });
});

async function checkRead(talk: Talk, random: Random): Promise<void> {
  const account = random.below(3);
  const told = talk.told[account] as Buffer[];
  if (told.length === 0) return;
  const sequence = 1 + random.below(told.length);
  const bytesMax = random.pick([0, random.below(100), 256 * 1024]);
  const read = Buffer.from(await talk.read({ account, sequence, bytesMax }));
  const packets = countPackets(read);
  assert.deepEqual(read, Buffer.concat(told.slice(sequence - 1, sequence - 1 + packets)));
  assert.ok(packets === 1 || read.length <= bytesMax);
  const following = told[sequence - 1 + packets];
  if (following !== undefined)
    assert.ok(read.length + following.length > bytesMax, 'there was room for more');
}
