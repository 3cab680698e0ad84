import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { readFirstLine, readSecret } from '../../../clients/cli/hidden-input.ts';

function open() {
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { columns: 80, rows: 24 });
  return { input, output, look: () => String(output.read() ?? '') };
}

describe('readSecret', () => {
  test('shows the prompt and nothing of what is typed', async () => {
    const { input, output, look } = open();
    const secret = readSecret('Password: ', input, output);
    input.write('da\x7faihoc tphcm\r');
    assert.equal(await secret, 'daihoc tphcm');
    assert.equal(look(), 'Password: \n');
    assert.equal(output.listenerCount('resize'), 0);
  });

  test('takes one line, and the next one is another secret', async () => {
    const { input, output } = open();
    const first = readSecret('Password: ', input, output);
    input.write('one\r');
    assert.equal(await first, 'one');
    const second = readSecret('Again: ', input, output);
    input.write('two\r');
    assert.equal(await second, 'two');
  });

  test('is given up with Ctrl-C, Ctrl-D and the end of the input', async () => {
    for (const keys of ['half\x03', '\x04', undefined]) {
      const { input, output, look } = open();
      const secret = readSecret('Password: ', input, output);
      if (keys === undefined) input.end();
      else input.write(keys);
      await assert.rejects(secret, { code: 'ERR_INPUT', message: 'nothing was typed; nothing is done' });
      assert.equal(look(), 'Password: \n');
    }
  });
});

describe('readFirstLine', () => {
  test('is the first line, without its end', async () => {
    for (const text of ['daihoc tphcm\r\nmore\n', 'daihoc tphcm\n', 'daihoc tphcm']) {
      const { input } = open();
      input.end(text);
      assert.equal(await readFirstLine(input), 'daihoc tphcm');
    }
  });

  test('waits for no more than that', async () => {
    const { input } = open();
    input.write('daihoc tphcm\n');
    assert.equal(await readFirstLine(input), 'daihoc tphcm');
  });

  test('says that there is none', async () => {
    const { input } = open();
    input.end();
    await assert.rejects(readFirstLine(input), { code: 'ERR_INPUT' });
  });
});
