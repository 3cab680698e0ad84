import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';

const MODULE_URL = new URL('../../src/values/early-signals.js', import.meta.url).href;

/** Signals are a matter of the whole process, so each script runs in one of its own. */
async function runScript(
  script: string,
  command = 'exec "$@"',
): Promise<{ output: string; ending: number | string }> {
  const source = `import { earlySignals, rememberSignals, takeOverSignals } from '${MODULE_URL}';
    const raise = (signal) => process.kill(process.pid, signal);
    const until = async (isTrue) => { while (!isTrue()) await new Promise(setImmediate); };
    ${script}`;
  const node = [process.execPath, '--input-type=module', '--eval', source];
  const child = spawn('sh', ['-c', command, 'sh', ...node], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ending = await new Promise<number | string>((resolve) => {
    child.once('close', (exitCode, signal) => resolve(signal ?? exitCode ?? 'unknown'));
  });
  return { output, ending };
}

describe('early signals', () => {
  test('are replayed in order to whoever takes over, who then gets the later ones', async () => {
    const { output, ending } = await runScript(`
      rememberSignals();
      raise('SIGINT');
      await until(() => earlySignals.length === 1);
      raise('SIGTERM');
      await until(() => earlySignals.length === 2);
      const seen = [];
      takeOverSignals((signal) => seen.push(signal));
      console.log('at once', seen.join(' '), 'left', earlySignals.length);
      raise('SIGINT');
      await until(() => seen.length === 3);
      console.log('later', seen[2]);`);
    assert.equal(output, 'at once SIGINT SIGTERM left 0\nlater SIGINT\n');
    assert.equal(ending, 0);
  });

  test('reach a handler that took over although nobody remembered them before', async () => {
    const { output, ending } = await runScript(`
      const seen = [];
      takeOverSignals((signal) => seen.push(signal));
      raise('SIGTERM');
      await until(() => seen.length === 1);
      console.log(seen[0]);`);
    assert.deepEqual({ output, ending }, { output: 'SIGTERM\n', ending: 0 });
  });

  test('are kept once each when remembering is asked for twice', async () => {
    const { output } = await runScript(`
      rememberSignals();
      rememberSignals();
      raise('SIGINT');
      await until(() => earlySignals.length > 0);
      console.log(earlySignals.join(' '));`);
    assert.equal(output, 'SIGINT\n');
  });

  test('are heard by a process that a shell started with SIGINT ignored', async () => {
    const { output, ending } = await runScript(
      `rememberSignals();
      raise('SIGINT');
      await until(() => earlySignals.length > 0);
      console.log(earlySignals.join(' '));`,
      'trap "" INT; exec "$@"',
    );
    assert.deepEqual({ output, ending }, { output: 'SIGINT\n', ending: 0 });
  });

  test('end a process that asked for nothing', async () => {
    const { ending } = await runScript(`raise('SIGINT'); await until(() => false);`);
    assert.equal(ending, 'SIGINT');
  });

  test('do not keep a process alive that has nothing else to do', async () => {
    const { ending } = await runScript('rememberSignals();');
    assert.equal(ending, 0);
  });
});
