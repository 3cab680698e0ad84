import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { resolveConfig } from '../../src/config.ts';
import { Server } from '../../src/server.ts';
import { send } from '../support/bank-client.ts';
import { temporaryFolder } from '../support/stored-bank.ts';
import { until } from '../support/until.ts';

async function start(t: TestContext, dataFolder?: string): Promise<{ server: Server; port: number }> {
  const flags = { 'bank-port': '0', 'server-hosts': '2', 'data-snapshot-bytes': '20000' };
  const server = await Server.start({
    services: ['bank'],
    config: resolveConfig({ file: null, environment: {}, flags }),
    log: pino({ level: 'silent' }),
    dataFolder,
    onFatal: (error) => assert.fail(error),
  });
  t.after(() => server.stop());
  return { server, port: server.services[0]?.port ?? 0 };
}

const MARC = Buffer.from('Marc');

async function applied(server: Server, count: number): Promise<void> {
  await until('the lines are applied', async () => (await server.bank.totals()).applied === count);
}

describe('Server.statement', () => {
  test('answers from what is durable, now and as it was, while lines come in', async (t) => {
    const { server, port } = await start(t, temporaryFolder(t));
    await send(port, ['Marc credit $5\nMarc debit $2\n']);
    await applied(server, 2);
    const first = await server.bank.statement(MARC);
    assert.deepEqual(
      first.entries.map(({ position, cents, balance }) => [position, cents, balance]),
      [
        [2, 500, 500],
        [3, -200, 300],
      ],
    );
    assert.deepEqual([first.balance, first.position, first.firstKept], [300, 3, 1]);
    const others = Array.from({ length: 20_000 }, (_, i) => `n${i % 50} credit $1\n`).join('');
    await send(port, [others, 'Marc credit $1\n']);
    const during = await Promise.all(
      Array.from({ length: 8 }, () => server.bank.statement(MARC, { at: 3, last: 1 })),
    );
    for (const { balance, entries } of during) assert.deepEqual([balance, entries.length], [300, 1]);
    await applied(server, 20_003);
    assert.equal((await server.bank.statement(MARC)).balance, 400);
    assert.equal((await server.bank.statement(MARC, { at: 2 })).balance, 500);
    await assert.rejects(server.bank.statement(Buffer.from('Nobody')), { code: 'ERR_STATEMENT_ACCOUNT' });
    await assert.rejects(server.bank.statement(MARC, { at: 1e9 }), { code: 'ERR_STATEMENT_POSITION' });
    // It goes on storing what comes.
    await send(port, ['Marc credit $1\n']);
    await applied(server, 20_004);
    assert.equal((await server.bank.statement(MARC)).balance, 500);
  });

  test('has nothing to say where accounts are kept in memory only', async (t) => {
    const { server } = await start(t);
    await assert.rejects(server.bank.statement(MARC), { code: 'ERR_DATA_FOLDER' });
  });
});
