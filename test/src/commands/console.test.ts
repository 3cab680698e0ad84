import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readConsole } from '../../../src/commands/console.ts';
import { FREE_PORTS, OUTCRY } from '../../support/server-process.ts';
import { TestClient } from '../../support/test-client.ts';
import { until } from '../../support/until.ts';

const HINT = 'the console knows -quit; Ctrl-C ends the server';

/** What a console says to `pieces`, that come one by one. */
async function saidTo(...pieces: readonly string[]): Promise<readonly string[]> {
  const input = Object.assign(new PassThrough(), { unref: () => {} });
  const said: string[] = [];
  const typed = readConsole(input, { quit: () => 'gone', say: (line) => said.push(line) });
  for (const piece of pieces) {
    input.write(piece);
    await nextTurn();
  }
  typed.close();
  input.destroy();
  return said;
}

class Shell {
  readonly #child: ChildProcess;
  #output = '';

  /** Runs `words`, whose input and output are pipes. */
  constructor(t: TestContext, words: readonly [string, ...string[]]) {
    const [file, ...args] = words;
    this.#child = spawn(file, args, {
      env: {
        ...process.env,
        ...FREE_PORTS,
        OUTCRY_BANK_PORT: '0',
        OUTCRY_GOLD_PORT: '0',
        OUTCRY_GOLD_PROVIDERS: 'none',
        OUTCRY_LOG_LEVEL: 'warn',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    t.after(() => this.#child.kill('SIGKILL'));
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  end(): void {
    this.#child.stdin?.end();
  }

  /** The first group of `pattern`, once it is there. */
  async says(pattern: RegExp): Promise<string> {
    const found = await until(`${pattern} is said`, () => pattern.exec(this.#output) ?? undefined);
    return found[1] ?? '';
  }
}

const SERVE = ['serve', '--memory'];
const WELCOME = 'Welcome to the gold rate service. Type -signup or -signin, -help for help, -quit to leave.';
const GOLD = /^gold +127\.0\.0\.1:(\d+)/m;

describe('the console', () => {
  test('obeys -quit, however its line comes', async () => {
    assert.deepEqual(await saidTo('-quit\n'), ['gone']);
    assert.deepEqual(await saidTo('-q', 'ui', 't\r', '\n'), ['gone']);
    assert.deepEqual(await saidTo('  -quit \n\n-quit\n-qu'), ['gone', 'gone']);
  });

  test('says what it knows, once for all that comes together', async () => {
    assert.deepEqual(await saidTo('quit\n'), [HINT]);
    assert.deepEqual(await saidTo('y\n'.repeat(1000)), [HINT]);
    assert.deepEqual(await saidTo('\n \n'), []);
  });

  test('keeps little of a line without an end', async () => {
    assert.deepEqual(await saidTo('x'.repeat(100_000), '-quit', '\n', '-quit\n'), [HINT, 'gone']);
  });

  test('lets nothing wait for its input, and survives its failure', async () => {
    let isLetGo = false;
    const input = Object.assign(new PassThrough(), {
      unref: () => {
        isLetGo = true;
      },
    });
    readConsole(input, { quit: () => '', say: () => {} });
    assert.ok(isLetGo);
    input.destroy(new Error('the terminal is gone'));
    await nextTurn();
  });
});

describe('outcry serve', () => {
  test('closes the clients of gold at -quit with a notice, serves others, and goes on', async (t) => {
    const server = new Shell(t, [process.execPath, OUTCRY, ...SERVE]);
    const port = Number(await server.says(GOLD));
    const bank = await TestClient.connect(Number(await server.says(/^bank +127\.0\.0\.1:(\d+)/m)));
    t.after(() => bank.socket.destroy());
    const clients = await Promise.all([1, 2, 3].map(() => TestClient.connect(port)));
    await Promise.all(clients.map((client) => client.receives(WELCOME)));
    server.type('-quit');
    await server.says(/^gold: 3 clients closed$/m);
    for (const client of clients) {
      await until('the client is closed', () => client.hasEnded);
      assert.match(client.text, /The server closes this connection: the server closed all connections\s*$/);
      client.end();
    }
    const next = await TestClient.connect(port);
    await next.receives(WELCOME);
    assert.equal(bank.hasEnded, false);
    next.socket.destroy();
    server.kill('SIGTERM');
    await until('it has ended', () => server.exitCode === 0);
  });

  test('goes on without its input, and ends while its input is open', async (t) => {
    const [closed, open] = [1, 2].map(() => new Shell(t, [process.execPath, OUTCRY, ...SERVE]));
    for (const server of [closed, open]) await server?.says(/^SIGINT or SIGTERM/m);
    closed?.end();
    for (const server of [closed, open]) {
      server?.kill('SIGTERM');
      await until('it has ended', () => server?.exitCode === 0);
    }
  });

  const TERMINAL = '/usr/bin/script';
  test('in the background leaves what is typed to the shell, and is not stopped', {
    skip: !existsSync(TERMINAL) && 'there is no program that makes a terminal',
  }, async (t) => {
    const shell = new Shell(t, [TERMINAL, '-qfec', 'bash --norc -i', '/dev/null']);
    shell.type(`${process.execPath} ${OUTCRY} ${SERVE.join(' ')} &`);
    await shell.says(/^SIGINT or SIGTERM/m);
    shell.type('echo heard by the sh""ell');
    await shell.says(/^heard by the shell/m);
    shell.type('jobs');
    await shell.says(/^\[1\]\S* +Running/m);
    shell.type('kill %1; wait %1; echo ended with $?');
    await shell.says(/^ended with 0/m);
  });
});
