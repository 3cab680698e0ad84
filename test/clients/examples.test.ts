/** The examples do what they say, each as a program of its own against a server. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Client, connect, connectExchange } from '../../clients/index.ts';
import { createServer, type OutcryServer } from '../../src/create-server.ts';
import { GoldStub, STUB_ROWS, type StubRow } from '../support/gold-stubs.ts';
import { until } from '../support/until.ts';

const EXAMPLES = fileURLToPath(new URL('../../clients/examples', import.meta.url));

/** An example that runs, and what it has printed. */
class Program {
  readonly child: ChildProcessWithoutNullStreams;
  output = '';
  errors = '';

  constructor(
    name: string,
    args: readonly string[],
    options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
  ) {
    const { cwd, env } = options;
    this.child = spawn(process.execPath, [join(EXAMPLES, `${name}.js`), ...args], {
      cwd,
      env: { ...process.env, ...env },
    });
    this.child.stdout.on('data', (chunk) => {
      this.output += chunk;
    });
    this.child.stderr.on('data', (chunk) => {
      this.errors += chunk;
    });
  }

  /** Its exit code. */
  async end(): Promise<number> {
    const [code] = await once(this.child, 'close');
    return code as number;
  }
}

/** A source of gold rates that answers when it is let to. */
class HeldSource {
  readonly #server = createHttpServer((_, response) => void this.#answer(response));
  readonly #stub: GoldStub;
  readonly #released: Promise<void>;
  release = () => {};

  private constructor(stub: GoldStub) {
    this.#stub = stub;
    this.#released = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  /** Ends with the test. */
  static async start(t: TestContext): Promise<HeldSource> {
    const source = new HeldSource(await GoldStub.start(t, 'tygia'));
    source.#server.listen(0, '127.0.0.1');
    await once(source.#server, 'listening');
    t.after(() => {
      source.#server.closeAllConnections();
      source.#server.close();
    });
    return source;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async #answer(response: ServerResponse): Promise<void> {
    await this.#released;
    response.end(await (await fetch(this.#stub.url)).text());
  }
}

describe('examples', () => {
  let folder: string;
  let server: OutcryServer;
  let client: Client;
  let port: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outcry-examples-'));
    await mkdir(join(folder, 'served'));
    server = await createServer({
      settings: { lobby: { files_folder: join(folder, 'served'), is_put_allowed: true } },
    });
    port = String(server.port('api'));
    client = await connect({ server });
  });

  after(async () => {
    await client.close();
    await server.close();
    await rm(folder, { recursive: true });
  });

  test('post-transactions posts what it reads, and names what is refused', async () => {
    const program = new Program('post-transactions', [port]);
    program.child.stdin.end('Marc credit 2.50\nMarc debit 1\nMarc credit 1.234\nMarc gift 1\n');
    assert.equal(await program.end(), 0, program.errors);
    assert.equal(program.output, '2 posted, 2 refused\n');
    assert.equal(program.errors, 'line 3: amount\nline 4: type\n');
    assert.equal(await client.bank.balance('Marc'), 150);
  });

  test('export-balances writes every account', async () => {
    await client.bank.credit('Ann', '0.05');
    await client.bank.debit('"Bob"', '1234.5');
    const program = new Program('export-balances', [port]);
    assert.equal(await program.end(), 0, program.errors);
    const [head, ...rows] = program.output.trimEnd().split('\n');
    assert.equal(head, 'account,balance');
    const others = rows.filter((row) => !row.startsWith('"Marc"'));
    assert.deepEqual(others.sort(), ['"""Bob""",-1234.50', '"Ann",0.05']);
  });

  test('lobby-chat shows who is there and what others say, and says what it reads', async () => {
    const heard = client.lobby.messages();
    const next = heard.next();
    const program = new Program('lobby-chat', [port, 'Ann']);
    await until('somebody listens', async () => (await client.lobby.say('hello')) > 0);
    await until('it was shown', () => /: hello\n/.test(program.output));
    program.child.stdin.end('good morning\n');
    assert.equal(await program.end(), 0, program.errors);
    const { from, text } = (await next).value ?? {};
    assert.deepEqual([from, text], ['Ann', 'good morning']);
    await heard.return();
  });

  test('transfer-files puts, lists and gets files', async () => {
    const path = join(folder, 'prices.csv');
    await writeFile(path, 'AAPL,123.45\n'.repeat(50_000));
    const away = join(folder, 'away');
    await mkdir(away);
    for (const args of [['put', path], ['get', 'prices.csv'], []]) {
      const program = new Program('transfer-files', [port, ...args], { cwd: away });
      assert.equal(await program.end(), 0, program.errors);
      assert.match(program.output, /prices\.csv\n$/);
    }
    assert.deepEqual(await readdir(away), ['prices.csv']);
    assert.ok((await readFile(join(away, 'prices.csv'))).equals(await readFile(path)));
  });

  test('watch-market shows prices and trades until it is interrupted', async () => {
    using seller = await client.exchange.signIn({ user: 'TRADE0', password: 'OUTCRY' });
    using buyer = await client.exchange.signIn({ user: 'TRADE1', password: 'OUTCRY' });
    const program = new Program('watch-market', [port, 'BTC', 'ETH']);
    await until('it has begun', () => program.output.split('\n').length > 8);
    await seller.enter({ side: 'sell', book: 'BTC', price: '2300.0', quantity: 100 });
    await buyer.enter({ side: 'buy', book: 'DOGE', price: '1.0', quantity: 1 });
    await buyer.enter({ side: 'buy', book: 'BTC', price: '2300.5', quantity: 60 });
    await buyer.enter({ side: 'buy', book: 'BTC', price: '2299.9', quantity: 30 });
    const told = [
      'BTC DAY  – | 2300.0 × 100',
      'BTC DAY  60 bought at 2300.0',
      'BTC DAY  – | 2300.0 × 40',
      'BTC DAY  30 × 2299.9 | 2300.0 × 40',
    ];
    await until('it has shown all', () => program.output.endsWith(`\n${told.join('\n')}\n`));
    program.child.kill('SIGINT');
    assert.equal(await program.end(), 0, program.errors);
  });

  test('gold-rates signs in and shows what the rates are and become, until it is interrupted', async (t) => {
    const source = await HeldSource.start(t);
    const own = await createServer({
      settings: { gold: { providers: 'tygia', tygia_url: source.url } },
      services: ['api'],
    });
    t.after(() => own.close());
    const operator = await connect({ server: own, token: own.operatorToken });
    t.after(() => operator.close());
    await operator.admin.addUser('khtn', 'daihoc tphcm');
    const { buyVnd, sellVnd, ...names } = STUB_ROWS[0] as StubRow;
    const texts = { ...names, code: '', buy: '81,500.00', sell: '83,500.00', updated: '', day: '', id: '' };
    const row = { ...texts, buyVnd: buyVnd - 1_000_000, sellVnd: sellVnd - 1_000_000 };
    await operator.gold.import([{ date: '2025-01-02', source: 'import', timeMs: 1, rows: [row] }]);
    const env = { OUTCRY_PASSWORD: 'daihoc tphcm' };
    const program = new Program('gold-rates', [String(own.port('api')), 'KHTN', 'ho chi minh'], { env });
    const before = '81,500,000 | 83,500,000 VND/lượng';
    const first = `2025-01-02 from import, not the newest\nSJC Hồ Chí Minh  ${before}\n`;
    await until('the rates are shown', () => program.output === first);
    // The hello, the sign-in, the question, the watch, and the credit when that is open.
    await until('it watches', async () => {
      const { sessions } = await operator.admin.sessions({ user: 'khtn' });
      return sessions[0]?.figures.frames === 5;
    });
    source.release();
    const change = `SJC Hồ Chí Minh  ${before} → 82,500,000 | 84,500,000 VND/lượng\n`;
    await until('the change is shown', () => program.output === first + change);
    program.child.kill('SIGINT');
    assert.equal(await program.end(), 0, program.errors);
  });

  test('enter-orders prints what becomes of the orders that it reads, and cancels what is open', async () => {
    const traders = { port: server.port('ouch'), password: 'OUTCRY' };
    await using other = await connectExchange({ ...traders, user: 'TRADE9' });
    const selling = other.enter({ side: 'S', quantity: 30, orderbook: 'BTC', price: '2300.0' });
    await selling.accepted;
    const env = { OUTCRY_PASSWORD: 'OUTCRY' };
    const program = new Program('enter-orders', [String(traders.port), 'TRADE8'], { env });
    const lines = ['buy 100 BTC 2300.0', 'sell 10 BTC 9000.5', 'buy 5 NONE 1 immediate', 'hello', 'cancel 2'];
    program.child.stdin.end(`${lines.join('\n')}\n`);
    assert.equal(await program.end(), 0, program.errors);
    assert.equal(program.errors, 'not understood: hello\n');
    const of = (token: number) => program.output.split('\n').filter((line) => line.startsWith(`${token} `));
    assert.deepEqual(of(1).sort(), [
      '1 70 canceled: asked for by the user',
      '1 accepted',
      '1 canceled, 30 traded',
      '1 traded 30 at 2300.0',
    ]);
    assert.deepEqual(of(2).sort(), [
      '2 10 canceled: asked for by the user',
      '2 accepted',
      '2 canceled, 0 traded',
    ]);
    assert.deepEqual(of(3), ['3 the exchange did not take order 3: unknown order book (S)']);
    assert.equal((await selling.done).state, 'filled');
  });

  test('admin-dashboard shows how the server is doing until it is interrupted', async () => {
    const env = { OUTCRY_ADMIN_TOKEN: server.operatorToken };
    const program = new Program('admin-dashboard', [port], { env });
    await until('a line is there', () =>
      /^\d+ connections, \d+ accounts, 0 transactions\/s, \d+ MB\n/.test(program.output),
    );
    program.child.kill('SIGINT');
    assert.equal(await program.end(), 0, program.errors);
  });

  test('admin-dashboard is for operators', async () => {
    const program = new Program('admin-dashboard', [port], { env: { OUTCRY_ADMIN_TOKEN: '' } });
    assert.notEqual(await program.end(), 0);
    assert.match(program.errors, /ERR_API_DENIED/);
  });
});
