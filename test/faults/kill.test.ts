/**
 * A durable bank that is killed again and again while clients upload files: in the end every line has counted once.
 * KILLS in the environment says how many kills each test makes; without it they are few.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../workers/runtime/random.ts';
import { bankInputs } from '../support/bank-inputs.ts';
import { BankModel } from '../support/bank-model.ts';
import { DurableBank, kill } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const { KILLS: givenKills } = process.env;
const CLIENTS = 2;
/** Small, so that snapshots are written and the journal is trimmed all the time. */
const LIMITS = ['--data-snapshot-bytes', '150000', '--data-history-bytes', '60000'];
const STARTING_MS = 500;
const TAKEN_BYTES = 4_000_000;

/** A client that uploads one set of files after the other until it is told to stop. */
class Load {
  readonly model = new BankModel();
  readonly #bank: DurableBank;
  readonly #name: string;
  readonly #seed: number;
  readonly #done: Promise<void>;
  #isStopping = false;
  /** Connections that broke in the middle of an upload, as clients have said. */
  broken = 0;
  bytes = 0;

  constructor(bank: DurableBank, name: string, seed: number) {
    this.#bank = bank;
    this.#name = name;
    this.#seed = seed;
    this.#done = this.#run();
    // Looked at by `stop`, which may come later than the failure.
    this.#done.catch(() => {});
  }

  /** Resolves when all files that were begun are uploaded. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    for (let round = 0; !this.#isStopping; round++) await this.#uploadSet(round);
  }

  async #uploadSet(round: number): Promise<void> {
    const { files, model } = bankInputs({
      seed: this.#seed + round,
      files: 2,
      lines: 30_000,
      isLastLineOpen: round % 2 === 1,
    });
    const paths = files.map((content, i) => {
      const path = join(this.#bank.folder, `${this.#name}-${round}-${i}.txt`);
      writeFileSync(path, content);
      this.bytes += content.length;
      return path;
    });
    const exit = await this.#bank.upload(paths);
    assert.equal(exit.code, 0, exit.stderr);
    assert.deepEqual(discardsIn(exit.stderr), model.discards);
    this.broken += exit.stderr.match(/; [1-9]\d* of \d+ lines are durable, trying again/g)?.length ?? 0;
    this.model.add(model);
  }
}

/** What a client has said of its discarded lines at its end. */
function discardsIn(stderr: string): Record<string, number> {
  const [, list = ''] = /^discarded: (.*)$/m.exec(stderr) ?? [];
  return Object.fromEntries(
    [...list.matchAll(/([a-z-]+) (\d+)/g)].map(([, reason, count]) => [reason, Number(count)]),
  );
}

interface KillingOptions {
  /** How often it is killed unless KILLS says. */
  readonly kills: number;
  readonly seed: number;
  /** Flags for the next start. */
  readonly flags: (random: Random) => readonly string[];
}

async function survivesKills(t: TestContext, options: KillingOptions): Promise<void> {
  const { seed, flags } = options;
  const kills = givenKills ?? options.kills;
  const random = new Random(seed);
  const bank = await DurableBank.create(t);
  const loads = Array.from({ length: CLIENTS }, (_, i) => new Load(bank, `client${i}`, seed + i * 1000));
  for (let i = 0; i < Number(kills); i++) {
    await kill(await startForAWhile(bank, random, [...LIMITS, ...flags(random)]));
  }
  const server = await bank.start([...LIMITS, ...flags(random)]);
  await Promise.all(loads.map((load) => load.stop()));
  const expected = new BankModel();
  for (const { model } of loads) expected.add(model);
  assert.equal(await bank.report(server), expected.report());
  assert.equal((await server.interrupted()).code, 0);
  const sum = (of: (load: Load) => number) => loads.reduce((total, load) => total + of(load), 0);
  const megabytes = (sum(({ bytes }) => bytes) / 1e6).toFixed(1);
  const broken = sum((load) => load.broken);
  t.diagnostic(`${kills} kills, ${megabytes} MB uploaded, broken ${broken} times in the middle of a file`);
}

/** Most get to take in something; one in four is not even ready when its time is over. */
async function startForAWhile(
  bank: DurableBank,
  random: Random,
  flags: readonly string[],
): Promise<ServerProcess> {
  if (random.chance(0.25)) {
    const server = bank.spawn(flags);
    await delay(random.below(STARTING_MS));
    return server;
  }
  const server = await bank.start(flags);
  const bytes = server.bytesRead() + random.below(TAKEN_BYTES);
  await until('the clients send', () => server.bytesRead() >= bytes);
  return server;
}

describe('outcry serve > killed when it has acknowledged a line', () => {
  for (const hosts of [1, 3]) {
    test(`knows that line when it is back, with ${hosts} hosts`, async (t) => {
      const bank = await DurableBank.create(t);
      const flags = ['--server-hosts', String(hosts)];
      const first = await bank.start(flags);
      const before = await TestClient.connect(bank.port);
      before.send('OUTCRY 1 ACK one\nMarc credit $2\n');
      await before.receives('OK 1\n');
      await kill(first);
      const server = await bank.start(flags);
      const after = await TestClient.connect(bank.port);
      after.send('OUTCRY 1 ACK one\n');
      await after.receives('\n');
      assert.equal(after.text, 'OK 1\n');
      assert.equal(await bank.report(server), 'Marc $2.00\n');
    });
  }
});

describe('outcry serve > killed under load and started again', () => {
  for (const hosts of givenKills === undefined ? [2] : [1, 2, 3]) {
    test(`has taken every uploaded line once, with ${hosts} hosts`, async (t) => {
      await survivesKills(t, { kills: 1, seed: fuzzSeed(), flags: () => ['--server-hosts', String(hosts)] });
    });
  }

  test('has taken every uploaded line once, with another number of hosts at each start', async (t) => {
    await survivesKills(t, {
      kills: 4,
      seed: fuzzSeed(),
      flags: (random) => ['--server-hosts', String(1 + random.below(3))],
    });
  });
});
