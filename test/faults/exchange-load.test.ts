/**
 * An exchange that is killed while traders send orders as fast as they can: whatever anybody was told is still so, and
 * whoever comes back knows what the server knows. TRADERS and ORDERS in the environment say how many traders there are and
 * how many messages each of them sends, KILLS how many kills; without them they are few.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { DurableBank, kill } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { checkVenue, connectTraders, settleAll, writeVenue } from '../support/live-venue.ts';
import { until } from '../support/until.ts';

const { TRADERS: givenTraders = '8', ORDERS: givenOrders = '400', KILLS: givenKills = '1' } = process.env;
const TRADERS = Number(givenTraders);
const ORDERS = Number(givenOrders);
const KILLS = Number(givenKills);
const LIMIT_MS = 600_000;
/** Small, so that snapshots are written and the journal is trimmed all the time. */
const LIMITS = ['--data-snapshot-bytes', '150000', '--data-history-bytes', '60000'];

async function survivesKills(t: TestContext, flags: readonly string[]): Promise<{ readonly open: number }> {
  const bank = await DurableBank.create(t);
  writeVenue(bank, TRADERS);
  const all = [...LIMITS, ...flags];
  let server = await bank.start(all);
  const startedMs = performance.now();
  const traders = connectTraders(t, bank, TRADERS, { seed: fuzzSeed() });
  for (const trader of traders) trader.trade(ORDERS);
  for (let i = 1; i <= KILLS; i++) {
    const left = ORDERS * TRADERS * (1 - i / (KILLS + 1));
    const sum = () => traders.reduce((total, trader) => total + trader.left, 0);
    await until('the orders go on', () => sum() <= left, LIMIT_MS);
    await kill(server);
    server = await bank.start(all);
  }
  await settleAll(traders, LIMIT_MS);
  const told = traders.reduce((sum, { trader }) => sum + (trader.session?.messages.count ?? 0), 0);
  const { open, trades } = await checkVenue(traders, bank);
  const tradedMs = performance.now() - startedMs;
  await Promise.all(traders.map((trader) => trader.readAgain(LIMIT_MS)));
  const readMs = performance.now() - startedMs - tradedMs;
  assert.ok(traders.every(({ breaks }) => breaks >= KILLS));
  t.diagnostic(
    `${TRADERS} traders, ${TRADERS * ORDERS} messages, ${KILLS} kills: ${told} messages back, ${trades} trades, ` +
      `${open} orders open; ${Math.round(tradedMs)} ms, and ${Math.round(readMs)} ms to read all again`,
  );
  return { open };
}

describe('an exchange that is killed under load', () => {
  test('withdraws the orders of all who were connected, and nobody has missed anything', async (t) => {
    await survivesKills(t, ['--server-hosts', '2']);
  });

  test('keeps the orders of those who come back in time', async (t) => {
    const { open } = await survivesKills(t, [
      '--server-hosts',
      '3',
      '--ouch-disconnect-grace-seconds',
      '600',
    ]);
    assert.ok(open > 0);
  });
});
