import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { encodeInbound } from '../../../src/protocol/ouch/messages.ts';
import { runOnTerminal } from '../../clients/cli/outcry-process.ts';
import { runOutcry, type ServerProcess, startOutcry } from '../../support/server-process.ts';
import { TestClient } from '../../support/test-client.ts';
import { until } from '../../support/until.ts';

const LISTENING = /^ouch-raw: listening on 127\.0\.0\.1:(\d+)$/m;

function orderOf(token: number, side: string, priceTenths: number, quantity: number): Uint8Array {
  return encodeInbound({
    type: 'enter',
    token,
    clientReference: 'Lenny',
    side,
    quantity,
    orderbook: 1,
    group: 'DAY',
    priceTenths,
    timeInForce: 99_999,
    firm: 0,
    display: ' ',
    capacity: 'P',
    minimumQuantity: 0,
    classification: '1',
    cashMargin: '1',
  });
}

/** A folder with a config.ini as the original's, but for the port. */
function originalFolder(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'config.ini'), text);
  return folder;
}

async function startServe(t: TestContext, args: readonly string[] = []): Promise<ServerProcess> {
  return startOutcry(t, ['ouch', 'serve', ...args]).listening(LISTENING);
}

describe('outcry ouch serve', () => {
  test('prints the book once a second, one below the other, and ends in order', async (t) => {
    const server = await startServe(t);
    const client = await TestClient.connect(server.port);
    client.send(Buffer.concat([orderOf(1, 'B', 23_000, 100), orderOf(2, 'S', 23_010, 50)]));
    await until(
      'the orders are on two pictures',
      () => (server.stdout.match(/^sell +2301\.0 +50 +1 BTC +day /gm)?.length ?? 0) >= 2,
    );
    const { code, stdout, stderr } = await server.interrupted();
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
    assert.match(stdout, /^best prices +BTC 2300\.0 \/ 2301\.0$/m);
    assert.match(stdout, /^connections +1: ouch-raw 127\.0\.0\.1:\d+$/m);
    assert.match(stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {3}day open, session \w+ {3}2 orders, 0 trades$/m);
    assert.ok(!stdout.includes('\x1b'), 'nothing but text');
    assert.deepEqual(server.files(), [], 'it keeps nothing');
  });

  test('draws in place on a terminal', async () => {
    const screen = await runOnTerminal([
      'ouch',
      'serve',
      '--ouch-port',
      '0',
      '--ouch-raw-port',
      '0',
      '& sleep 2; kill -INT $!; wait $!',
    ]);
    assert.ok(screen.includes('\x1b[H\x1b[J20'), screen);
    assert.ok(screen.includes('no orders\x1b[K\r\n'));
  });

  test('prints every message instead, with debug', async (t) => {
    const server = await startServe(t, ['debug']);
    const client = await TestClient.connect(server.port);
    client.send(orderOf(1, 'B', 23_000, 100));
    await until('the order is printed with its answer', () =>
      server.stdout.includes('< A Order Accepted, 65 bytes'),
    );
    assert.match(
      server.stdout,
      /^\d\d:\d\d:\d\d\.\d{3} raw #1 127\.0\.0\.1:\d+ > O Enter Order, 48 bytes\n +0 +4f +message_type +O\n +1 +00000001 +order_token +1\n +5 +4c656e6e792020202020 +client_reference +Lenny\n/m,
    );
    assert.doesNotMatch(server.stdout, /best prices/);
    const { code } = await server.interrupted();
    assert.equal(code, 0);
  });

  test("takes the host and the port of the original's config.ini", async (t) => {
    const folder = originalFolder(t, '[DEFAULT]\nhost = localhost\nport = 0\n');
    const server = startOutcry(t, ['ouch', 'serve'], { folder, variables: { OUTCRY_OUCH_RAW_PORT: '' } });
    await server.listening(/^ouch-raw: listening on localhost:(\d+)$/m);
    assert.equal((await server.interrupted()).code, 0);
  });

  test('says what is wrong in it', async (t) => {
    const folder = originalFolder(t, '[DEFAULT]\nhost = localhost\nport = http\nhots = x\n');
    const { code, stderr } = await runOutcry(t, ['ouch', 'serve'], { folder });
    assert.equal(code, 2);
    assert.equal(
      stderr,
      [
        'outcry: config.ini [DEFAULT] port: "http", expected a port from 0 to 65535',
        'config.ini [DEFAULT] hots: no such name, the nearest is host',
        '',
      ].join('\n'),
    );
    const other = await runOutcry(t, ['serve', '--memory'], { folder });
    assert.equal(other.code, 2);
    assert.match(other.stderr, /config\.ini \[DEFAULT\]: no such name/);
  });

  test('writes the book as CSV at SIGUSR1', async (t) => {
    const server = await startServe(t);
    const client = await TestClient.connect(server.port);
    client.send(Buffer.concat([orderOf(1, 'B', 23_000, 100), orderOf(2, 'S', 23_010, 50)]));
    await until('the orders are there', () => / 2 orders, /.test(server.stdout));
    server.signal('SIGUSR1');
    const path = join(server.folder, 'book.csv');
    await until('it is written', () => existsSync(path));
    assert.match(
      readFileSync(path, 'utf8'),
      /^side,price,.*\nB,2300\.0,100,BTC,BTC,DAY,99999,[\dT:.-]+Z,\d{18},raw\/1,1\nS,2301\.0,50,BTC,.*,2\n$/,
    );
    await server.interrupted();
    assert.deepEqual(server.files(), ['book.csv']);
  });

  test('ends at once at a second SIGINT, and takes no other word than debug', async (t) => {
    const server = await startServe(t, ['--drain-silent-seconds', '60']);
    const client = await TestClient.connect(server.port);
    await until('the client is there', () => /^connections +1: /m.test(server.stdout));
    server.signal('SIGINT');
    await until('the server waits for the client to close', () => client.hasEnded);
    assert.equal((await server.interrupted()).code, 1);
    const { code, stderr } = await runOutcry(t, ['ouch', 'serve', 'debugg']);
    assert.equal(code, 2);
    assert.equal(stderr, 'outcry: outcry ouch serve takes no "debugg"; there is only debug\n');
  });
});
