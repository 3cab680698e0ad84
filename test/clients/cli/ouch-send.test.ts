import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectExchange } from '../../../clients/index.ts';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { until } from '../../support/until.ts';
import { runOutcry, startOutcry, waitForEnd } from './outcry-process.ts';

let server: OutcryServer;

before(async () => {
  server = await createServer();
});
after(() => server.close());

const BUY = ['--side', 'B', '--quantity', '100', '--book', 'BTC', '--price', '2300.0'];

function argumentsWith(flags: readonly string[]): readonly string[] {
  return ['ouch', 'send', '--port', String(server.port('ouch')), ...BUY, ...flags];
}

function send(...flags: readonly string[]) {
  return runOutcry(argumentsWith(flags));
}

describe('outcry ouch send', () => {
  test('enters an order, and cancels it at the end', async () => {
    const { exitCode, stdout, stderr } = await send();
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(
      stdout,
      /^> O (\d+): buy 100 BTC at 2300\.0, day\n< A \1: accepted, live, order \d+\n· 100 open, and canceled now: .*\n< C \1: 100 canceled, U .*\n$/,
    );
  });

  test('sends what it is told to, by number where books are numbers', async () => {
    await using numbers = await createServer({ settings: { ouch: { orderbook_form: 'uint32' } } });
    const port = String(numbers.port('ouch'));
    const { stdout } = await send(
      '--port',
      port,
      '--form',
      'uint32',
      '--book',
      'ETH',
      '--post-only',
      '--user',
      'TRADE7',
    );
    assert.match(stdout, /^> O 1: buy 100 .* at 2300\.0, day, post-only\n< A 1: accepted, live/);
    const wrong = await send('--port', port, '--form', 'uint32', '--book', 'GOLD');
    assert.deepEqual([wrong.exitCode, wrong.stdout], [2, '']);
    assert.match(wrong.stderr, /^outcry: orderbook_id is "GOLD"; expected a whole number/);
  });

  test('exits 1 when the order is rejected, and says why', async () => {
    const { exitCode, stdout, stderr } = await send('--quantity', '0', '--user', 'TRADE1');
    assert.equal(exitCode, 1);
    assert.match(stdout, /^> O 1: .*\n< J 1: rejected, Z .*\n$/);
    assert.equal(stderr, 'outcry: the exchange did not take order 1: invalid quantity (Z)\n');
  });

  test('takes a token, which must be one that was not used', async () => {
    const first = await send('--token', '7', '--user', 'TRADE2', '--immediate');
    assert.match(
      first.stdout,
      /^> O 7: buy 100 BTC at 2300\.0, immediate\n< A 7: accepted, dead, order \d+\n$/,
    );
    assert.equal(first.exitCode, 0);
    const again = await send('--token', '7', '--user', 'TRADE2');
    assert.deepEqual([again.exitCode, again.stdout], [1, '']);
    assert.match(again.stderr, /^outcry: token is 7; expected 8, the next one of this session, or a greater/);
  });

  test('waits for executions, and no longer than it takes', async () => {
    await using seller = await connectExchange({
      port: server.port('ouch'),
      user: 'TRADE3',
      password: 'OUTCRY',
    });
    const child = startOutcry(argumentsWith(['--wait', '3600', '--price', '888', '--user', 'TRADE4']));
    let said = '';
    child.stdout.on('data', (text: Buffer) => {
      said += text;
    });
    const ended = waitForEnd(child);
    await until('it is accepted', () => said.includes('< A 1'));
    seller.enter({ side: 'S', quantity: 100, orderbook: 'BTC', price: '888.0', isImmediate: true });
    const { exitCode, stdout } = await ended;
    assert.equal(exitCode, 0);
    assert.match(stdout, /\n< A 1: .*\n< E 1: .*100.*888\.0.*\n$/);
  });

  test('stays until it is interrupted', async () => {
    const child = startOutcry(argumentsWith(['--stay', '--user', 'TRADE5']));
    let said = '';
    child.stdout.on('data', (text: Buffer) => {
      said += text;
    });
    const ended = waitForEnd(child);
    await until('it is accepted', () => said.includes('< A 1'));
    child.kill('SIGINT');
    const { exitCode, stdout } = await ended;
    assert.equal(exitCode, 0);
    assert.match(stdout, /\n< C 1: 100 canceled, U .*\n$/);
  });

  test('exits 2 for what can not be sent, and sends nothing', async () => {
    const wrong: readonly (readonly [flags: readonly string[], why: RegExp])[] = [
      [['--price', '2300.55'], /^outcry: price is "2300\.55"; expected at most one decimal/],
      [['--quantity', '4294967296'], /^outcry: quantity is "4294967296"; expected a whole number from 0/],
      [['--reference', 'eleven long'], /^outcry: client_reference is "eleven long"; expected at most 10/],
      [['--side', 'Q'], /^outcry: option '--side <side>' argument 'Q' is invalid/],
      [['--immediate', '--post-only'], /^outcry: an order is either --immediate or --post-only\n$/],
      [['--wait', 'long'], /^outcry: --wait expects seconds from 0 to \d+, not "long"\n$/],
      [['now'], /^outcry: outcry ouch send takes no argument "now"/],
    ];
    for (const [flags, why] of wrong) {
      const { exitCode, stdout, stderr } = await send('--port', '1', ...flags);
      assert.deepEqual([exitCode, stdout], [2, '']);
      assert.match(stderr, why);
    }
    const { exitCode, stderr } = await runOutcry(['ouch', 'send', '--side', 'B']);
    assert.equal(exitCode, 2);
    assert.match(stderr, /^outcry: required option '--quantity <n>' not specified/);
  });

  test('exits 1 when there is no exchange, or it does not let the user in', async () => {
    const nobody = await send('--port', '1');
    assert.equal(nobody.exitCode, 1);
    assert.match(nobody.stderr, /^outcry: nobody listens on 127\.0\.0\.1:1/);
    const stranger = await send('--password', 'wrong');
    assert.equal(stranger.exitCode, 1);
    assert.match(stranger.stderr, /^outcry: .* refused the login: user or password are wrong\n$/);
  });
});
