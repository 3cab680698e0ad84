import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createServer } from '../../src/create-server.ts';
import { createOperatorToken, removeOperatorFile, writeOperatorFile } from '../../src/operator-token.ts';

const CONTENT = { host: '127.0.0.1', port: 7400, token: 'the token' };

describe('the operator file', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outcry-operator-'));
    path = join(folder, 'operator.json');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  test('is read by its own user only, whatever was there before', async () => {
    writeFileSync(path, 'old', { mode: 0o666 });
    await writeOperatorFile(folder, CONTENT);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), CONTENT);
    await removeOperatorFile(folder);
    await removeOperatorFile(folder);
    assert.equal(existsSync(path), false);
  });

  test('is not written through a link that somebody has put in its place', async () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'theirs');
    symlinkSync(other, path);
    await writeOperatorFile(folder, CONTENT);
    assert.equal(readFileSync(other, 'utf8'), 'theirs');
  });

  test('has a token that is another one at each start, and is gone with the server', async () => {
    const tokens = new Set<string>();
    for (let i = 0; i < 2; i++) {
      const server = await createServer({ services: ['api'], store: { folder } });
      const { port, token } = JSON.parse(readFileSync(path, 'utf8')) as typeof CONTENT;
      assert.deepEqual([port, token], [server.port('api'), server.operatorToken]);
      tokens.add(token);
      await server.close();
      assert.equal(existsSync(path), false);
    }
    assert.equal(tokens.size, 2);
    assert.match(createOperatorToken(), /^[\w-]{32}$/);
  });
});
