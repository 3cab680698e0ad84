import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MAIN_FILE, runOutcry, startOutcry, waitForEnd } from './outcry-process.ts';

const DIST_FOLDER = fileURLToPath(new URL('../../..', import.meta.url));
const PACKAGE_FILE = new URL('../../../../package.json', import.meta.url);

describe('outcry', () => {
  test('lists every command for --help', async () => {
    const { exitCode, stdout, stderr } = await runOutcry(['--help']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^usage: outcry COMMAND/);
    assert.match(stdout, /^ {2}serve {2,}\S/m);
    assert.match(stdout, /^ {2}bank serve {2,}\S/m);
    assert.match(stdout, /^ {2}bank send {2,}\S/m);
    assert.equal(stderr, '');
  });

  test('lists only the commands of a group for its --help', async () => {
    const { exitCode, stdout } = await runOutcry(['bank', '--help']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^ {2}bank send /m);
    assert.doesNotMatch(stdout, /^ {2}serve /m);
  });

  test('shows the list on standard error and exits 2 when no command is given', async () => {
    for (const words of [[], ['bank']]) {
      const { exitCode, stdout, stderr } = await runOutcry(words);
      assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
      assert.match(stderr, /^usage: outcry /);
    }
  });

  test('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { version: string };
    const { exitCode, stdout } = await runOutcry(['--version']);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: `${version}\n` });
  });

  test('names the nearest command when a word is misspelt', async () => {
    const { exitCode, stdout, stderr } = await runOutcry(['bank', 'sned', '5000', 'input.txt']);
    assert.deepEqual(
      { exitCode, stdout, stderr },
      {
        exitCode: 2,
        stdout: '',
        stderr:
          'outcry: unknown command "bank sned"; did you mean "outcry bank send"? outcry --help lists all commands\n',
      },
    );
  });

  test('points to the list of commands beside its guess', async () => {
    const { exitCode, stderr } = await runOutcry(['sevre', '--port', '5000']);
    assert.equal(exitCode, 2);
    assert.equal(
      stderr,
      'outcry: unknown command "sevre"; did you mean "outcry serve"? outcry --help lists all commands\n',
    );
  });

  test('refuses an unknown option', async () => {
    const { exitCode, stderr } = await runOutcry(['--colour']);
    assert.equal(exitCode, 2);
    assert.equal(stderr, 'outcry: unknown option "--colour"; outcry --help lists the commands\n');
  });

  test('ends without a word when nobody reads its output', async () => {
    const child = startOutcry(['--help']);
    child.stdout.destroy();
    const { exitCode, stderr } = await waitForEnd(child);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  });

  test('says in one line that its output can not be written', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [MAIN_FILE, '--help'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    assert.ok(child.stderr);
    const [[exitCode], stderr] = await Promise.all([once(child, 'close'), text(child.stderr)]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^outcry: the output can not be written: ENOSPC.*\n$/);
  });
});

/** The entry beside a server command that does on request what real ones do rarely. */
const SERVER_MODULE = `
import { OutcryError } from '../values/errors.js';
import { earlySignals, takeOverSignals } from '../values/early-signals.js';

process.kill(process.pid, 'SIGINT');
while (earlySignals.length === 0) await new Promise(setImmediate);

const acts = {
  stop: () => new Promise((resolve) => takeOverSignals((signal) => {
    console.log('stopped in order by', signal);
    resolve(0);
  })),
  talk: () => new Promise((resolve) => {
    process.stdout.on('error', () => {
      console.error('goes on');
      resolve(0);
    });
    process.stdout.write('hello');
  }),
  misconfigure: async () => { throw new OutcryError('ERR_CONFIG_PORT', 'port 80 is taken'); },
  fail: async () => { throw new Error('an accident'); },
};
export const run = ([act]) => acts[act]();
`;

describe('outcry with a server command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-main-'));
  const mainFile = join(folder, 'clients/cli/main.js');

  before(() => {
    for (const part of ['clients/cli', 'src/values']) {
      cpSync(join(DIST_FOLDER, part), join(folder, part), { recursive: true });
    }
    mkdirSync(join(folder, 'src/commands'), { recursive: true });
    writeFileSync(join(folder, 'src/commands/serve.js'), SERVER_MODULE);
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  });
  after(() => rmSync(folder, { recursive: true }));

  test('hands it the signals that came while it was loading', async () => {
    const { exitCode, stdout } = await waitForEnd(startOutcry(['serve', 'stop'], mainFile));
    assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'stopped in order by SIGINT\n' });
  });

  test('lets it go on when nobody reads its output', async () => {
    const child = startOutcry(['serve', 'talk'], mainFile);
    child.stdout.destroy();
    const { exitCode, stderr } = await waitForEnd(child);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: 'goes on\n' });
  });

  test('prints one line and exits 2 when its configuration is wrong', async () => {
    const { exitCode, stderr } = await waitForEnd(startOutcry(['serve', 'misconfigure'], mainFile));
    assert.deepEqual({ exitCode, stderr }, { exitCode: 2, stderr: 'outcry: port 80 is taken\n' });
  });

  test('prints one line and exits 1 when it fails unexpectedly', async () => {
    const { exitCode, stderr } = await waitForEnd(startOutcry(['serve', 'fail'], mainFile));
    assert.deepEqual({ exitCode, stderr }, { exitCode: 1, stderr: 'outcry: an accident\n' });
  });
});
