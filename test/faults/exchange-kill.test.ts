/**
 * An exchange that is killed again and again while traders trade: nobody misses a message or gets another one in its
 * place, however long ago it was, and no trade is known to one side only. KILLS says how many kills.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Random } from '../../workers/runtime/random.ts';
import { kill } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { runOutcry, type ServerProcess, startOutcry } from '../support/server-process.ts';
import { SoupbinTrader } from '../support/soupbin-trader.ts';
import { temporaryFolder } from '../support/stored-bank.ts';
import { until } from '../support/until.ts';

const { KILLS: kills = '3' } = process.env;
const PORTS = ['--bank-port', '0', '--ouch-port', '0', '--ouch-raw-port', '0'];
/** Small, so that snapshots are written and what was told is in the journal alone. */
const LIMITS = [
  '--data-snapshot-bytes',
  '100000',
  '--data-history-bytes',
  '0',
  '--exchange-stream-memory-bytes',
  String(1024 * 1024),
];
const MESSAGES_MAX = 4000;
const BURST_MAX = 40;

async function start(t: TestContext, folder: string, random: Random): Promise<ServerProcess> {
  const hosts = ['--server-hosts', String(1 + random.below(3))];
  const server = startOutcry(t, ['serve', ...PORTS, ...LIMITS, ...hosts, '--data', folder]);
  return server.listening(/^ouch +127\.0\.0\.1:(\d+) /m);
}

/** The executions of both sides of each match are there, and say the same. */
function checkMatches(traders: readonly SoupbinTrader[]): number {
  const sides = new Map<bigint, string[]>();
  for (const message of traders.flatMap(({ messages }) => messages)) {
    if (message.type !== 'executed') continue;
    const { matchNumber, quantity, priceTenths, liquidity } = message;
    sides.set(matchNumber, [...(sides.get(matchNumber) ?? []), `${liquidity} ${quantity} at ${priceTenths}`]);
  }
  for (const [match, [one = '', other = '', third]] of sides) {
    assert.equal(third, undefined, `match ${match} was told three times`);
    assert.deepEqual([one[0], other[0]].sort(), ['A', 'R'], `match ${match} has not both sides`);
    assert.equal(one.slice(1), other.slice(1), `match ${match} is told in two ways`);
  }
  return sides.size;
}

describe('outcry serve > killed while traders trade', () => {
  test('goes on with every stream where it was, and has all of it to the first message', async (t) => {
    const random = new Random(fuzzSeed());
    const folder = join(temporaryFolder(t), 'data');
    const traders = ['TRADE0', 'TRADE1', 'TRADE2'].map((user) => new SoupbinTrader(user));
    t.after(() => {
      for (const trader of traders) trader.close();
    });
    const told = () => traders.reduce((sum, trader) => sum + trader.told.length, 0);
    for (let i = 0; i < Number(kills); i++) {
      const server = await start(t, folder, random);
      for (const trader of traders) {
        const next = trader.told.length + 1;
        assert.equal((await trader.logIn(server.port)).sequence, next);
      }
      const enough = told() + random.below(MESSAGES_MAX);
      await until('the traders trade', () => {
        for (const trader of traders) trader.trade(random, random.below(BURST_MAX));
        return told() > enough;
      });
      await kill(server);
      await until('the connections are closed', () => traders.every(({ isClosed }) => isClosed));
    }
    const server = await start(t, folder, random);
    const again = traders.map(({ user }) => new SoupbinTrader(user));
    for (const [i, trader] of again.entries()) {
      const probe = new SoupbinTrader(trader.user);
      const { sequence: last } = await probe.logIn(server.port, 0);
      await trader.logIn(server.port, 1);
      await until('all is told again', () => trader.told.length >= last);
      const known = (traders[i] as SoupbinTrader).told;
      assert.ok(Buffer.concat(trader.told.slice(0, known.length)).equals(Buffer.concat(known)));
      probe.close();
    }
    const figures = { messages: told(), matches: checkMatches(again) };
    for (const trader of again) trader.close();
    assert.ok(figures.matches > 0);
    assert.equal((await server.interrupted()).code, 0);
    const verified = await runOutcry(t, ['data', 'verify', folder]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    t.diagnostic(`${kills} kills, ${figures.messages} messages, ${figures.matches} matches`);
  });
});
