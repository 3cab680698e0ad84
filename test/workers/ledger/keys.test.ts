import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type PostOutcome, REQUEST_TRANSACTIONS_MAX } from '../../../src/protocol/bank.ts';
import {
  fingerprintOf,
  fingerprintOfAll,
  KEYS_KEPT,
  Keys,
  REFUSALS_KEPT,
  type RememberedKey,
} from '../../../workers/ledger/keys.ts';
import { LedgerLog, readEvents } from '../../../workers/ledger/ledger-log.ts';
import { LedgerScan } from '../../../workers/ledger/ledger-scan.ts';
import type { LedgerShard } from '../../../workers/ledger/ledger-shard.ts';
import { decodeSnapshot, encodeSnapshot } from '../../../workers/ledger/ledger-snapshot.ts';
import { StatementScan } from '../../../workers/ledger/statement.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { applyEvents, ask, createShard, postingsOf, stateOf, takeEvents } from '../../support/shards.ts';

const NO_EVENT = () => assert.fail('there is another event');
const ONLY_KEYS = {
  posting: NO_EVENT,
  openAccount: NO_EVENT,
  openUpload: NO_EVENT,
  mark: NO_EVENT,
  discard: NO_EVENT,
  forgetUpload: NO_EVENT,
};

const rememberedKey = fc.record(
  {
    key: fc.stringMatching(/^[\x20-\x7e]{1,128}$/),
    fingerprint: fc.maxSafeNat(),
    refused: fc.array(fc.nat({ max: 16 * REQUEST_TRANSACTIONS_MAX - 1 }), { maxLength: 40 }),
  },
  { noNullPrototype: true },
);

function keyOf(i: number, refusals = 0): RememberedKey {
  return { key: `key-${i}`, fingerprint: i, refused: Array.from({ length: refusals }, (_, at) => at * 16) };
}

describe('Keys', () => {
  const seed = fuzzSeed();

  test(`remember the last ${KEYS_KEPT}, and forget the first first`, () => {
    const keys = new Keys();
    const total = 3 * KEYS_KEPT;
    for (let i = 0; i < total; i++) {
      keys.add(keyOf(i));
      if (i >= KEYS_KEPT) assert.equal(keys.find(`key-${i - KEYS_KEPT}`), undefined);
      assert.ok(keys.find(`key-${Math.max(0, i - KEYS_KEPT + 1)}`) !== undefined);
    }
    assert.equal(keys.count, KEYS_KEPT);
    assert.deepEqual(
      keys.store(),
      Array.from({ length: KEYS_KEPT }, (_, i) => keyOf(total - KEYS_KEPT + i)),
    );
  });

  test('forget the first earlier where much was refused', () => {
    const keys = new Keys();
    const each = REQUEST_TRANSACTIONS_MAX;
    const fitting = Math.floor(REFUSALS_KEPT / each);
    for (let i = 0; i < fitting; i++) keys.add(keyOf(i, each));
    assert.equal(keys.count, fitting);
    keys.add(keyOf(fitting, each));
    assert.equal(keys.count, fitting);
    assert.equal(keys.find('key-0'), undefined);
    assert.deepEqual(keys.find(`key-${fitting}`), keyOf(fitting, each));
    for (let i = 1; i <= KEYS_KEPT; i++) keys.add(keyOf(fitting + i));
    assert.equal(keys.count, KEYS_KEPT, 'what is forgotten makes room');
  });

  test('are restored in their order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(rememberedKey, { selector: ({ key }) => key }), (remembered) => {
        const keys = new Keys();
        keys.restore(remembered);
        assert.deepEqual(keys.store(), remembered);
        for (const each of remembered) assert.deepEqual(keys.find(each.key), each);
        assert.equal(keys.find('not one of them \x7f'), undefined);
      }),
      { seed, numRuns: 100 },
    );
  });
});

describe('fingerprintOf', () => {
  const postings = postingsOf([
    ['Marc', 250],
    ['caf\xc3\xa9', -7],
  ]);

  test('is what it always was', () => {
    assert.equal(fingerprintOf(postings), 4_301_426_042_729_942);
  });

  test('has 53 bits, and is another if any bit is', () => {
    const seen = new Set([fingerprintOf(postings)]);
    for (let bit = 0; bit < postings.length * 8; bit++) {
      const changed = postings.slice();
      (changed[bit >> 3] as number) ^= 1 << (bit & 7);
      seen.add(fingerprintOf(changed));
    }
    assert.equal(seen.size, postings.length * 8 + 1);
    assert.ok([...seen].every((each) => Number.isSafeInteger(each) && each >= 0));
    assert.ok(Math.max(...seen) > 2 ** 52);
  });

  test('is of the bytes alone, wherever they are', () => {
    const buffer = new Uint8Array(postings.length + 3);
    buffer.set(postings, 3);
    assert.equal(fingerprintOf(buffer.subarray(3)), fingerprintOf(postings));
  });
});

describe('the event of a key', () => {
  const written = { key: 'Key-5', fingerprint: 1.5 * 2 ** 52, refused: [3 * 16 + 8, 70_000 * 2] };

  function eventsOf(...keys: readonly RememberedKey[]): Uint8Array {
    const log = new LedgerLog();
    for (const key of keys) log.key(key);
    return log.take()?.bytes.slice() ?? new Uint8Array(0);
  }

  test('is laid out as the table says', () => {
    const hex = [
      '07000000', // kind 7, further kind 0
      '05000000', // letters of the key
      '02000000', // refused transactions
      '0000000000003843',
      '38000000',
      'e0220200',
      '4b65792d', // Key-
      '35000000', // 5
    ];
    assert.equal(Buffer.from(eventsOf(written)).toString('hex'), hex.join(''));
  });

  test('is the same whatever was written before', () => {
    const log = new LedgerLog();
    log.key({ ...written, key: '\x7e'.repeat(64) });
    log.take();
    log.key(written);
    assert.deepEqual(log.take()?.bytes, eventsOf(written));
  });

  test('is read as it was written, and takes no more room than it needs', () => {
    fc.assert(
      fc.property(fc.array(rememberedKey, { maxLength: 20 }), (keys) => {
        const bytes = eventsOf(...keys);
        const read: RememberedKey[] = [];
        readEvents(bytes, 0, bytes.length, { ...ONLY_KEYS, key: (key) => read.push(key) });
        assert.deepEqual(read, keys);
        const scan = new LedgerScan(0);
        scan.take(bytes, 0, bytes.length);
        assert.equal(scan.events, keys.length);
      }),
      { seed: fuzzSeed(), numRuns: 200 },
    );
  });

  test('of another further kind is taken for none that is known', () => {
    const words = Uint8Array.from(Buffer.from('0f0000000500000002000000', 'hex'));
    const says = { name: 'RangeError', message: /no event of a ledger has the head 15$/ };
    assert.throws(() => readEvents(words, 0, words.length, { ...ONLY_KEYS, key: NO_EVENT }), says);
    assert.throws(() => new LedgerScan(0).take(words, 0, words.length), says);
    const options = { name: Buffer.from('Marc'), snapshot: undefined, last: 1, at: Infinity };
    assert.throws(() => new StatementScan(options).take(words, 0, words.length, 1, 0), says);
  });

  const impossible: readonly { readonly what: string; readonly key: RememberedKey }[] = [
    { what: 'without a letter', key: { ...written, key: '' } },
    { what: 'with too many letters', key: { ...written, key: 'k'.repeat(129) } },
    { what: 'with a letter that is none', key: { ...written, key: 'a\n' } },
    { what: 'with half a fingerprint', key: { ...written, fingerprint: 0.5 } },
    {
      what: 'with more refusals than a request has transactions',
      key: { ...written, refused: new Array<number>(REQUEST_TRANSACTIONS_MAX + 1).fill(0) },
    },
  ];
  for (const { what, key } of impossible) {
    test(`is found to be impossible ${what}`, () => {
      const bytes = eventsOf(written, key);
      assert.throws(() => new LedgerScan(0).take(bytes, 0, bytes.length), /^RangeError: event 2 of them: /);
    });
  }

  test('is found to have no end', () => {
    const bytes = eventsOf(written);
    const cut = bytes.slice(0, -4);
    assert.throws(() => new LedgerScan(0).take(cut, 0, cut.length), RangeError);
  });
});

describe('a snapshot with keys', () => {
  const ledger = {
    postings: 0,
    names: new Int32Array(0),
    lengths: new Uint8Array(0),
    balances: new Float64Array(0),
  };
  const uploads = { next: 0, uploads: [] };

  test('has pieces of at most a megabyte, and gives the same keys again', () => {
    const keys = [
      ...Array.from({ length: 40_000 }, (_, i) => keyOf(i)),
      ...Array.from({ length: 100 }, (_, i) => keyOf(50_000 + i, REQUEST_TRANSACTIONS_MAX)),
      keyOf(60_000),
    ];
    const pieces = [...encodeSnapshot({ ledger, uploads, keys })];
    assert.ok(pieces.length > 5);
    assert.ok(pieces.every(({ length }) => length > 0 && length <= 1024 * 1024));
    assert.deepEqual(decodeSnapshot(pieces).keys, keys);
  });

  test('is refused if its keys are not as many as it says, or more follows', () => {
    const pieces = [...encodeSnapshot({ ledger, uploads, keys: [keyOf(1), keyOf(2)] })];
    const [head = new Uint8Array(0), body = new Uint8Array(0)] = pieces;
    for (const wrong of [body.subarray(0, body.length / 2), Buffer.concat([body, body]), body.subarray(4)]) {
      assert.throws(() => decodeSnapshot([head, wrong]), RangeError);
    }
    assert.throws(() => decodeSnapshot([head]), RangeError);
  });

  test('was one without keys before there were any, and is the same today', () => {
    const old = [
      'de0004a8706f7374696e677302a96e616d65576f72647302a86163636f756e747302a775706c6f616473de0002a46e65787401' +
        'a775706c6f61647391de0004a26964a66d6f6e646179a66e756d62657200a46d61726bcd0fa0a8646973636172647391cd0115',
      '4d6172635a6f6500',
      '0403',
      '0000000000406f400000000000001cc0',
    ];
    const shard = createShard();
    shard.restore(old.map((hex) => Buffer.from(hex, 'hex')));
    assert.equal(ask(shard, { type: 'balance', name: Buffer.from('Marc') }), 250);
    assert.equal(stateOf(shard).toString('hex'), old.join(''));
  });
});

describe('a ledger shard that is asked to post', () => {
  const marc = postingsOf([['Marc', 5]]);
  const post = (shard: ReturnType<typeof createShard>, key: string, postings = marc) =>
    ask<PostOutcome>(shard, { type: 'post', key, postings });

  test('stores a key behind its postings, in the same events', () => {
    const shard = createShard();
    post(shard, 'k');
    const events = takeEvents(shard) ?? assert.fail('there are no events');
    const kinds: string[] = [];
    readEvents(events, 0, events.length - 8, {
      ...ONLY_KEYS,
      openAccount: () => kinds.push('openAccount'),
      posting: () => kinds.push('posting'),
      key: ({ key, fingerprint }) => {
        kinds.push(`key ${key}`);
        assert.equal(fingerprint, fingerprintOf(marc));
      },
    });
    assert.deepEqual(kinds, ['openAccount', 'posting', 'key k']);
    post(shard, 'k');
    post(shard, 'k', postingsOf([['Marc', 6]]));
    assert.equal(takeEvents(shard), undefined, 'what posts nothing has no events');
  });

  test('posts again what comes with a key that it has forgotten, and so does what is recovered', () => {
    const shard = createShard();
    const events: Buffer[] = [];
    for (let i = 0; i <= KEYS_KEPT; i++) {
      post(shard, `key-${i}`);
      if (i % 10_000 === 0) events.push(takeEvents(shard) ?? assert.fail('there are no events'));
    }
    events.push(takeEvents(shard) ?? assert.fail('there are no events'));
    const replayed = createShard();
    for (const each of events) applyEvents(replayed, each);
    const restored = createShard();
    restored.restore([...shard.snapshot()]);
    const balance = 5 * (KEYS_KEPT + 1);
    for (const each of [shard, replayed, restored]) {
      assert.equal(each.figures.keys, KEYS_KEPT);
      post(each, 'key-1');
      assert.equal(ask(each, { type: 'balance', name: Buffer.from('Marc') }), balance);
      post(each, 'key-0');
      assert.equal(ask(each, { type: 'balance', name: Buffer.from('Marc') }), balance + 5);
    }
    assert.ok(stateOf(replayed).equals(stateOf(shard)) && stateOf(restored).equals(stateOf(shard)));
  });

  test('keeps no more refusals than a request may have transactions, and answers so', () => {
    const shard = createShard({ accountsMax: 0 });
    const postings = postingsOf(Array.from({ length: REQUEST_TRANSACTIONS_MAX + 5 }, () => ['Marc', 5]));
    const outcome = post(shard, 'k', postings);
    assert.equal(outcome.type === 'posted' && outcome.refused.length, REQUEST_TRANSACTIONS_MAX);
    assert.deepEqual(post(shard, 'k', postings), outcome);
    const events = takeEvents(shard) ?? assert.fail('there are no events');
    new LedgerScan(0).take(events, 0, events.length - 8);
  });

  test('tells transactions of another place in the request apart', () => {
    const shard = createShard();
    post(
      shard,
      'k',
      postingsOf([
        ['Marc', 5],
        ['Zoe', 1],
      ]),
    );
    assert.deepEqual(
      post(
        shard,
        'k',
        postingsOf([
          ['Zoe', 1],
          ['Marc', 5],
        ]),
      ),
      { type: 'key-conflict' },
    );
  });
});

describe('a key at its home', () => {
  const claim = (shard: LedgerShard, key: string, fingerprint: number) =>
    ask<PostOutcome>(shard, { type: 'claim-key', key, fingerprint });
  const free = { type: 'posted', refused: [] };

  test('stands for one request, which may come again', () => {
    const shard = createShard();
    assert.deepEqual(claim(shard, 'k', 7), free);
    assert.deepEqual(claim(shard, 'k', 7), free);
    assert.deepEqual(claim(shard, 'k', 8), { type: 'key-conflict' });
    assert.deepEqual(claim(shard, 'l', 8), free);
  });

  test('is not what the shard has posted under it', () => {
    const shard = createShard();
    claim(shard, 'k', 7);
    const postings = postingsOf([['Marc', 5]]);
    assert.deepEqual(ask(shard, { type: 'post', key: 'k', postings }), free);
    assert.deepEqual(claim(shard, 'k', 7), free);
  });

  test('is remembered when the shard is restored from its events', () => {
    const shard = createShard();
    claim(shard, 'k', 7);
    const restored = createShard();
    applyEvents(restored, takeEvents(shard) ?? assert.fail('it has no event'));
    assert.deepEqual(claim(restored, 'k', 8), { type: 'key-conflict' });
  });

  test('is known by all of a request', () => {
    const [a, b] = [postingsOf([['Marc', 5]]), postingsOf([['Marc', 6]])];
    const all = [[a], [a, undefined], [undefined, a], [b], [a, b]].map(fingerprintOfAll);
    assert.equal(new Set(all).size, all.length);
  });
});
