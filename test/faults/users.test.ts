/** Users who are signed in while the threads of their sessions, or of their directory, die by an exception nobody catches. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Client, connect } from '../../clients/index.ts';
import { QUICK } from '../support/api-client.ts';
import { DurableBank } from '../support/durable-bank.ts';
import { isReplaced, kill, startServer } from '../support/mortal-hosts.ts';
import { until } from '../support/until.ts';

const HOSTS = 3;
const CLIENTS = 4;
/** Asked again while a host is being replaced. */
const LOST = /^ERR_(HOST_LOST|ASK_NO_ACTOR|ASK_STOPPED|CONNECTION_LOST|API_LIMIT)$/;

/** Of what is not repeated by itself. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  let answer: { readonly value: T } | undefined;
  await until('it is answered', async () => {
    try {
      answer = { value: await ask() };
    } catch (error) {
      assert.match((error as { code: string }).code, LOST);
    }
    return answer !== undefined;
  });
  return (answer as { readonly value: T } | undefined)?.value as T;
}

describe('users > a host that dies', () => {
  test('signs nobody out, and whoever logs out everywhere afterwards reaches all', async (t) => {
    const bank = await DurableBank.create(t);
    const started = await startServer(t, bank, { 'users-scrypt-cost': '16384' });
    const clients: Client[] = [];
    let told = 0;
    for (let i = 0; i < CLIENTS; i++) {
      const client = await connect({ port: bank.apiPort, reconnect: QUICK });
      t.after(() => client.close({ timeoutMs: 0 }));
      client.on('notice', ({ name }) => {
        if (name === 'signed-out') told++;
      });
      clients.push(client);
    }
    const [first, ...others] = clients as [Client, ...Client[]];
    const { user } = await first.users.signUp('Ann', 'secret');
    for (const client of others) await client.users.signIn('ann', 'secret');
    const openCount = async () => {
      const sessions = await insist(() => first.users.sessions());
      return sessions.filter(({ isOpen }) => isOpen).length;
    };
    for (let host = 0; host < HOSTS; host++) {
      kill(started, host);
      await isReplaced(started, host + 1);
      for (const client of clients) assert.deepEqual(await insist(() => client.users.me()), user);
      await until('the directory knows all sessions again', async () => (await openCount()) === CLIENTS);
    }
    assert.equal(told, 0);
    assert.ok((await first.users.signOutEverywhere()) >= CLIENTS);
    await until('all are told', () => told === CLIENTS);
    for (const client of clients) assert.equal(await client.users.me(), null);
    assert.deepEqual(started.fatal, []);
  });
});
