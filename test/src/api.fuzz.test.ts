/**
 * A hundred thousand inputs that no honest client sends, over real sockets. FUZZ_INPUTS in the environment says how many;
 * each connection sends some that are only refused, and at its end one that is no frame.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer } from '../../src/create-server.ts';
import { type ClientFrame, encodeFrame, FRAME } from '../../src/protocol/api/frames.ts';
import { OPERATIONS } from '../../src/protocol/api/operations.ts';
import { Random } from '../../workers/runtime/random.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { collectGarbage } from '../support/garbage.ts';
import { randomValue } from '../support/random-values.ts';
import { ApiClient } from '../support/raw-api-client.ts';
import { TestClient } from '../support/test-client.ts';

const { FUZZ_INPUTS: givenInputs = '100000' } = process.env;
const INPUTS = Number(givenInputs);
const AT_ONCE = 64;
const FRAME_BYTES = 65_536;
const MIB = 1024 * 1024;
/** The memory is compared from here on: by then all code is loaded and all buffers have grown. */
const WARM = 0.4;

const OPERATION_NAMES = Object.keys(OPERATIONS);
const framed = (value: unknown): Uint8Array => encodeFrame(value as ClientFrame);

/** Bytes with a head that says how many. */
function bodied(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

class Fuzzer {
  readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  bytes(most: number): Uint8Array {
    return Uint8Array.from({ length: 1 + this.random.below(most) }, () => this.random.below(256));
  }

  /** A request that is refused, or answered without any change. */
  request(id: number): Uint8Array {
    const { random } = this;
    const operation = random.chance(0.2) ? String(randomValue(random, 1)) : random.pick(OPERATION_NAMES);
    const params = operation === 'bank.post' ? this.#wrongPost() : this.#params();
    const timeoutMs = random.pick([1e-9, 0.5, 1, 1000, 1e308, Number.POSITIVE_INFINITY]);
    const key = random.pick([null, null, '', 'a key', 'ä', '\n', 'x'.repeat(500)]);
    return framed([FRAME.request, id, operation, params, timeoutMs, key]);
  }

  #params(): unknown {
    const { random } = this;
    if (random.chance(0.3)) return randomValue(random, 10);
    const account = random.chance(0.5) ? randomValue(random, 3) : 'Marc';
    return random.pick([{}, null, { account }, { account, last: randomValue(random, 2) }, { name: account }]);
  }

  /** One of its transactions is none, so nothing of it may be posted. */
  #wrongPost(): unknown {
    const { random } = this;
    const transactions: unknown[] = Array.from({ length: 1 + random.below(20) }, () => ['Fuzz', 1]);
    const wrong = [
      randomValue(random, 1),
      ['Fuzz'],
      ['Fuzz', 1, 1],
      ['Fuzz', 0.5],
      ['Fuzz', 2n ** 63n - 1n],
      ['', 1],
      ['a b', 1],
      ['x'.repeat(65), 1],
      [Uint8Array.of(9), 1],
      [{ length: 4 }, 1],
      [['Fuzz'], 1],
    ];
    transactions[random.below(transactions.length)] = random.pick(wrong);
    return { transactions };
  }

  /** What is ignored, or answered by no request. */
  stray(): Uint8Array {
    const { random } = this;
    const id = 1_000_000 + random.below(1000);
    return framed(
      random.pick([
        [FRAME.heartbeat],
        [FRAME.heartbeat, randomValue(random, 4)],
        [FRAME.credit, id, 1 + random.below(2 ** 31)],
        [FRAME.items, id, [randomValue(random, 5)]],
        [FRAME.end, id],
      ]),
    );
  }

  /** What hardly ever is a frame. */
  garbage(): Uint8Array {
    const { random } = this;
    const kind = random.below(8);
    if (kind === 0) return this.bytes(200);
    if (kind === 1) return bodied(this.bytes(200));
    if (kind === 2) return framed(randomValue(random, 12));
    if (kind === 3)
      return framed([
        random.below(12),
        ...Array.from({ length: random.below(7) }, () => randomValue(random, 4)),
      ]);
    if (kind === 4) return this.#flipped(this.#valid());
    if (kind === 5) {
      const valid = this.#valid();
      return valid.subarray(0, random.below(valid.length));
    }
    if (kind === 6) return this.#deep();
    return this.#oversized();
  }

  #valid(): Uint8Array {
    const { random } = this;
    const id = 5000 + random.below(100);
    return framed(
      random.pick([
        [FRAME.hello, { protocol: 1, name: 'again' }],
        [FRAME.request, id, 'bank.balance', { account: 'Marc' }, 1000, null],
        [FRAME.request, id, 'bank.statement', { account: 'Marc', last: 5, at: 2 ** 40 }, 1000, null],
        [FRAME.request, id, 'bank.balances', {}, 1000, 'key'],
        [FRAME.request, id, 'admin.kick', { connection: 1, reason: 'x' }, 1000, null],
        [FRAME.credit, id, 77],
        [FRAME.items, id, ['x', Uint8Array.of(1, 2, 3)]],
        [FRAME.end, id],
      ]),
    );
  }

  #flipped(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i <= this.random.below(4); i++) {
      const at = this.random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << this.random.below(8));
    }
    return bytes;
  }

  #deep(): Uint8Array {
    const [head = 0, ...key] = this.random.pick([[0x91], [0x81, 0xa0], [0xdd, 0, 0, 0, 1], [0x9f]]);
    const unit = Uint8Array.of(head, ...key);
    const depth = 10 + this.random.below(this.random.chance(0.05) ? 10_000 : 20);
    return bodied(Buffer.concat(Array.from({ length: depth }, () => unit)));
  }

  #oversized(): Uint8Array {
    const { random } = this;
    const claimed = random.pick([FRAME_BYTES + 1, 2 ** 24, 2 ** 31, 2 ** 32 - 1]);
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, claimed);
    const array = Uint8Array.of(random.pick([0xdd, 0xdf, 0xdb, 0xc6]), 255, 255, 255, 255);
    return random.chance(0.5)
      ? Buffer.concat([head, this.bytes(100)])
      : bodied(Buffer.concat([array, this.bytes(100)]));
  }

  /** In a few pieces of any length. */
  cut(bytes: Uint8Array): Uint8Array[] {
    const points = Array.from({ length: this.random.below(5) }, () => this.random.below(bytes.length + 1));
    const cuts = [0, ...points, bytes.length].sort((a, b) => a - b);
    return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end));
  }
}

describe('the api > anything that is sent to it', () => {
  test('harms nobody, posts nothing, fails no actor, and leaves nothing behind', {
    timeout: 240_000,
  }, async (t) => {
    const server = await createServer({
      services: ['bank', 'api'],
      settings: { server: { hosts: 2 }, api: { frame_bytes_max: FRAME_BYTES } },
    });
    t.after(() => server.close());
    const port = server.port('api');
    const fuzzer = new Fuzzer(fuzzSeed());
    const { random } = fuzzer;
    let inputs = 0;
    let connections = 0;
    let asked = 0;
    let rssWarm: number | undefined;

    /** One connection with its inputs; what is asked for in earnest comes ahead of them. */
    const attack = async (): Promise<void> => {
      const client = new ApiClient(TestClient.open(port));
      connections++;
      const parts: Uint8Array[] = [];
      const isGreeting = random.chance(0.9);
      const isReset = random.chance(0.1);
      if (isGreeting) {
        parts.push(framed([FRAME.hello, { protocol: 1, name: String(randomValue(random, 1)) }]));
        if (!isReset && random.chance(0.1)) {
          parts.push(framed([FRAME.request, 1, 'bank.post', { transactions: [['Asked', 1]] }, 60_000, null]));
          asked++;
        }
        for (let id = 2 + random.below(5), last = id + random.below(50); id < last; id++) {
          parts.push(random.chance(0.8) ? fuzzer.request(id) : fuzzer.stray());
          inputs++;
        }
      }
      parts.push(fuzzer.garbage());
      inputs++;
      for (const piece of fuzzer.cut(Buffer.concat(parts))) {
        client.tcp.send(piece);
        if (random.chance(0.3)) await nextTurn();
      }
      if (isReset) client.tcp.socket.once('connect', () => client.tcp.reset());
      else client.tcp.end();
      if (isReset && !client.tcp.socket.connecting) client.tcp.reset();
      await client.tcp.closes();
      if (isGreeting && !isReset) assert.equal(client.frames[0]?.[0], FRAME.hello);
    };

    const steady = await ApiClient.connect(port, { token: server.operatorToken });
    while (inputs < INPUTS) {
      await Promise.all(Array.from({ length: AT_ONCE }, attack));
      // The next client is served, and so is one that was there all the time.
      const next = await ApiClient.connect(port);
      assert.deepEqual(await next.ask('bank.balance', { account: 'Fuzz' }), { cents: null });
      next.drop();
      await steady.ask('bank.balance', { account: 'Asked' });
      steady.frames.length = 0;
      if (rssWarm === undefined && inputs > WARM * INPUTS) {
        collectGarbage();
        rssWarm = process.memoryUsage.rss();
      }
    }
    collectGarbage();
    const grown = (process.memoryUsage.rss() - (rssWarm ?? 0)) / MIB;
    t.diagnostic(`${inputs} inputs over ${connections} connections; memory grew by ${grown.toFixed(1)} MiB`);
    assert.deepEqual(await steady.ask('bank.balance', { account: 'Asked' }), { cents: asked });
    const { bank } = (await steady.ask('admin.status')) as { bank: object };
    assert.deepEqual(bank, { accounts: 1, applied: asked, discarded: {} });
    const { counts, recent } = (await steady.ask('admin.dead-letters')) as {
      counts: { readonly poison?: number };
      recent: unknown;
    };
    assert.equal(counts.poison, undefined, JSON.stringify(recent));
    const { total } = (await steady.ask('admin.actors', { filter: 'api/', overMs: 1 })) as { total: number };
    assert.equal(total, 1, 'no session is left but the one that asks');
    assert.ok(grown < 100, `memory grew by ${grown} MiB`);
    steady.drop();
  });
});
