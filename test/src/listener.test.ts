import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { OutcryError } from '../../src/values/errors.ts';
import { TestGateway } from '../support/test-gateway.ts';
import { until } from '../support/until.ts';

describe('Listener', () => {
  let server: TestGateway;

  beforeEach(() => {
    server = new TestGateway();
  });

  afterEach(() => server.close());

  async function echoes(client: Awaited<ReturnType<TestGateway['connect']>>, text: string): Promise<void> {
    client.send(`${text}\n`);
    await client.receives(`${text}\n`);
  }

  test('a service lets in as many connections as its limit, and another when one has gone', async () => {
    const port = await server.listen('echo', { connectionsMax: 2 });
    const first = await server.connect(port);
    const second = await server.connect(port);
    await echoes(second, 'in');
    const third = await server.connect(port);
    await third.isLetGo();
    assert.equal(third.text, '');
    await echoes(first, 'still here');
    first.end();
    await first.closes();
    await echoes(await server.connect(port), 'in its place');
    assert.equal(server.accepted, 3);
    assert.equal(server.gateway.connectionCount, 2);
  });

  test('an address lets in as many connections as its limit, and others are not concerned', async () => {
    const port = await server.listen('echo', { connectionsPerAddressMax: 1 });
    const first = await server.connect(port, { localAddress: '127.0.0.1' });
    await echoes(first, 'in');
    const second = await server.connect(port, { localAddress: '127.0.0.1' });
    await second.isLetGo();
    await echoes(await server.connect(port, { localAddress: '127.0.0.2' }), 'from elsewhere');
    first.end();
    await first.closes();
    await echoes(await server.connect(port, { localAddress: '127.0.0.1' }), 'again');
  });

  test('the limit of one service does not concern another', async () => {
    const full = await server.listen('echo', { connectionsMax: 1 });
    const other = await server.listen('once', { connectionsMax: 1 });
    await echoes(await server.connect(full), 'in');
    await (await server.connect(full)).isLetGo();
    await echoes(await server.connect(other), 'in as well');
  });

  test('refusals are logged at once, then once a second with their number', async () => {
    const port = await server.listen('echo', { connectionsMax: 1 });
    await echoes(await server.connect(port), 'in');
    const refused = await Promise.all(Array.from({ length: 20 }, () => server.connect(port)));
    await Promise.all(refused.map((client) => client.isLetGo()));
    assert.deepEqual(server.logged('warn'), ['refused 1 connection: the service has 1 already']);
    await until('the second is over', () => server.logged('warn').length > 1);
    assert.deepEqual(server.logged('warn')[1], 'refused 19 connections: the service has 1 already');
  });

  test('a port in use is an error with a code, the port and what to do', async () => {
    const port = await server.listen('echo');
    await assert.rejects(server.listen('once', { port }), (error: unknown) => {
      assert.ok(error instanceof OutcryError);
      assert.equal(error.code, 'ERR_CONFIG_PORT');
      assert.deepEqual(error.fields, { service: 'once', host: '127.0.0.1', port });
      assert.equal(
        error.message,
        `once can't listen on 127.0.0.1:${port}: the port is in use; stop what uses it or choose another`,
      );
      return true;
    });
    await echoes(await server.connect(port), 'the first still serves');
  });

  test('an address that the machine does not have is an error that says so', async () => {
    await assert.rejects(server.listen('echo', { host: '192.0.2.1' }), {
      code: 'ERR_CONFIG_PORT',
      message: "echo can't listen on 192.0.2.1:0: this machine does not have that address",
    });
  });
});
