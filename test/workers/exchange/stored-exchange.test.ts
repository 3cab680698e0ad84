/** What is stored of an exchange, as the commands on a data folder see it. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { StoredHost } from '../../../src/protocol/data-jobs.ts';
import { EXCHANGE_ADDRESS } from '../../../src/protocol/exchange.ts';
import { hostStats } from '../../../workers/data/stats.ts';
import { verifyHost } from '../../../workers/data/verify.ts';
import { EXCHANGE_EVENT } from '../../../workers/exchange/exchange-log.ts';
import { encodeSnapshot } from '../../../workers/exchange/exchange-snapshot.ts';
import { BatchBuilder, readBatch } from '../../../workers/runtime/journal.ts';
import { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { exported, imported } from '../../support/data-jobs.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { RandomVenue } from '../../support/random-venue.ts';
import { hostsIn, nobody, temporaryFolder } from '../../support/stored-bank.ts';

const TURNS = 300;

interface StoredOptions {
  readonly random?: Random;
  /** Of the journal only what follows the snapshot is kept. */
  readonly isTrimmed?: boolean;
  /** Changes the events of a batch before they are stored. */
  readonly meddle?: (bytes: Uint8Array, position: number) => void;
}

/** The host of an exchange on which much has happened, with a snapshot of the half of it. */
async function exchangeIn(
  t: TestContext,
  { random = new Random(5), isTrimmed = false, meddle }: StoredOptions = {},
): Promise<{ host: StoredHost; venue: RandomVenue }> {
  const [host] = hostsIn(temporaryFolder(t), 1) as [StoredHost];
  const store = new LmdbStore({ folder: host.folder });
  const venue = new RandomVenue(random);
  const builder = new BatchBuilder();
  let stored = 0;
  for (let turn = 1; turn <= TURNS; turn++) {
    venue.turn();
    for (const { position, count, bytes } of venue.batches.slice(stored)) {
      meddle?.(bytes, position);
      builder.addFlat(EXCHANGE_ADDRESS, position, { bytes, count });
      store.append(builder.take(store.last + 1, venue.nowMs));
    }
    stored = venue.batches.length;
    if (turn !== TURNS / 2) continue;
    let index = 0;
    for (const piece of encodeSnapshot(venue.exchange.freeze())) {
      store.putSnapshotPiece(EXCHANGE_ADDRESS, index++, piece);
    }
    store.commitSnapshot({ address: EXCHANGE_ADDRESS, events: venue.events, batch: store.last }, index);
    store.release(store.last + 1, store.journalBytes);
    while (store.trim(isTrimmed ? 0 : Number.POSITIVE_INFINITY));
  }
  await store.close();
  return { host, venue };
}

async function problemsIn(host: StoredHost): Promise<string[]> {
  const { findings } = await verifyHost({ type: 'verify', host, progress: nobody() });
  return findings.map(({ problem }) => problem);
}

async function figuresIn(host: StoredHost): Promise<Record<string, unknown>> {
  const { actors } = await hostStats({ type: 'stats', host, progress: nobody() });
  return Object.fromEntries(actors.map(({ address, events, figures }) => [address, { events, figures }]));
}

async function importedTo(t: TestContext, text: string): Promise<StoredHost> {
  const [host] = hostsIn(temporaryFolder(t), 1) as [StoredHost];
  await imported(text, [host.folder]);
  return host;
}

/** The bytes of all events that are stored. */
async function eventsIn({ folder }: StoredHost): Promise<Buffer> {
  const store = new LmdbStore({ folder, isReadOnly: true });
  const batches = [...store.read(0)].map(({ position, bytes }) => readBatch(bytes, position));
  const segments = batches.flatMap((batch) => batch.segments);
  const events = segments.map(({ bytes, start, end }) => bytes.slice(start, end));
  await store.close();
  return Buffer.concat(events);
}

interface DescribedMessage {
  readonly type?: string;
  readonly orderNumber?: string;
}

interface DescribedEvent {
  readonly type: string;
  readonly messages?: readonly DescribedMessage[];
}

describe('what is stored of an exchange', () => {
  for (const isTrimmed of [false, true]) {
    const what = isTrimmed ? 'whose history was trimmed' : 'with its whole history';
    test(`is verified, counted, exported and imported, ${what}`, async (t) => {
      const { host, venue } = await exchangeIn(t, { random: new Random(fuzzSeed()), isTrimmed });
      assert.deepEqual(await problemsIn(host), []);
      const { accounts, openOrders, accepted, trades } = venue.exchange.figures();
      const figures = { traders: accounts, 'open orders': openOrders, accepted, trades };
      assert.deepEqual(await figuresIn(host), { [EXCHANGE_ADDRESS]: { events: venue.events, figures } });
      const text = await exported([host]);
      const other = await importedTo(t, text);
      assert.equal(await exported([other]), text);
      assert.deepEqual(await problemsIn(other), []);
      assert.deepEqual(await figuresIn(other), await figuresIn(host));
      const bytes = await eventsIn(other);
      // What the snapshot stands for is not imported again.
      assert.ok((await eventsIn(host)).subarray(-bytes.length).equals(bytes));
      if (!isTrimmed) assert.equal((await eventsIn(host)).length, bytes.length);
    });
  }

  test('reads as what it is', async (t) => {
    const { host } = await exchangeIn(t);
    const lines = (await exported([host])).trim().split('\n').slice(1, -1);
    const events = lines.map((line) => (JSON.parse(line) as { event: DescribedEvent }).event);
    assert.deepEqual(events.slice(0, 6), [
      { type: 'midnight', timeMs: Date.parse('2026-11-20T15:00:00Z') },
      { type: 'listBook', id: 'BTC', number: 1 },
      { type: 'listBook', id: 'ETH', number: 2 },
      { type: 'listBook', id: '7203', number: 3 },
      { type: 'beginSession', beginMs: Date.parse('2026-11-21T10:00:00Z') },
      { type: 'openDay', date: 20261121 },
    ]);
    const messages = events.flatMap((event) => event.messages ?? []);
    const types = new Set(messages.map(({ type }) => type));
    for (const type of ['accepted', 'executed', 'canceled', 'replaced', 'rejected', 'system-event']) {
      assert.ok(types.has(type), `there is no message ${type}`);
    }
    const accepted = messages.find(({ type }) => type === 'accepted');
    assert.match(String(accepted?.orderNumber), /^20261121\d{10}$/);
    assert.ok(types.has(undefined), 'no client has padded with NULs');
  });

  test('is not taken for sound when one of its messages was changed', async (t) => {
    let changed = 0;
    const { host } = await exchangeIn(t, {
      meddle: (bytes, position) => {
        // The first event of a batch is of packets, of which the first is an Accepted: another token.
        const isPackets = ((bytes[0] as number) & 15) === EXCHANGE_EVENT.packets;
        if (changed > 0 || !isPackets || bytes[11] !== 0x41 || bytes[11 + 62] !== 0x4c) return;
        changed = position;
        bytes[11 + 12] = (bytes[11 + 12] as number) ^ 0x80;
      },
    });
    assert.ok(changed > 0);
    assert.ok((await problemsIn(host)).length > 0);
  });

  test('is imported only if it can have been', async (t) => {
    const time = '2026-11-21T10:00:00.000Z';
    const line = (position: number, event: unknown) => ({ actor: EXCHANGE_ADDRESS, position, time, event });
    const open = { type: 'openAccount', account: 0, name: 'TRADE1', form: 'alpha', isRaw: false };
    const rejected = { type: 'rejected', timestampNs: '1', token: 1, reason: 'R' };
    const executed = {
      type: 'executed',
      timestampNs: '1',
      token: 1,
      quantity: 1,
      priceTenths: 1,
      liquidity: 'A',
      matchNumber: '1',
    };
    const packets = (message: unknown) => ({ type: 'packets', account: 0, messages: [message] });
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [packets(executed), /line 3: account 0 has no open order 1/],
      [packets({ ...rejected, token: -1 }), /line 3: token of Order Rejected is -1/],
      [packets({ ...rejected, timestampNs: 1 }), /line 3: timestampNs is a whole number in quotes, not 1/],
      [packets({ hex: '4a0' }), /line 3: a message in hex has pairs of digits/],
      [
        packets({ hex: '4a00' }),
        /line 3: an account is not told a message of type 74, or not of that length/,
      ],
      [packets('A'), /line 3: a message is an object/],
      [{ type: 'packets', account: 0, messages: [] }, /line 3: messages are an array, not empty/],
      [{ ...packets(rejected), account: 1 }, /line 3: account 1 is not open/],
      [open, /line 3: account 0 was open before/],
      [{ ...open, account: 1, name: '' }, /line 3: the name of an account/],
      [{ ...open, account: 1, form: 'text' }, /line 3: no form of ids is called "text"/],
      [{ type: 'halt', id: 'TOOLONG', group: 'DAY' }, /line 3: id is 1 to 4 characters, not "TOOLONG"/],
      [{ type: 'beginSession', beginMs: 'now' }, /line 3: beginMs is a number, not "now"/],
      [{ type: 'beginSession', beginMs: 0 }, /line 3: a session begins after the one before it/],
      [{ type: 'openDay', date: 1.5 }, /line 3: date is a whole number/],
      [{ type: 'dividend' }, /line 3: an exchange has no event of the type "dividend"/],
    ];
    for (const [event, message] of cases) {
      const lines = [{ outcry: 1 }, line(1, open), line(2, event), { end: 2 }];
      const text = lines.map((each) => `${JSON.stringify(each)}\n`).join('');
      await assert.rejects(importedTo(t, text), { code: 'ERR_IMPORT', message });
    }
  });
});
