import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { RecordingFile } from '../../../../src/protocol/ouch-inputs/recording-file.ts';

function pathFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'recorded.json');
}

function stepsIn(path: string): unknown {
  const { recorded, actions } = JSON.parse(readFileSync(path, 'utf8'));
  assert.equal(recorded, true);
  return actions;
}

describe('the file of a recording', () => {
  test('is a whole document from its beginning on, after each write', (t) => {
    const path = pathFor(t);
    const file = RecordingFile.create(path);
    assert.deepEqual(stepsIn(path), []);
    file.write('{"sleep":1}');
    assert.deepEqual(stepsIn(path), [], 'it is collected');
    file.flush();
    assert.deepEqual(stepsIn(path), [{ sleep: 1 }]);
    file.write('{"sleep":2}');
    file.write('{"sleep":3}');
    file.close();
    assert.deepEqual(stepsIn(path), [{ sleep: 1 }, { sleep: 2 }, { sleep: 3 }]);
    assert.equal(
      readFileSync(path, 'utf8'),
      '{\n"recorded": true,\n"actions": [\n{"sleep":1},\n{"sleep":2},\n{"sleep":3}\n]}\n',
    );
  });

  test('is written as soon as much is collected', (t) => {
    const path = pathFor(t);
    const file = RecordingFile.create(path);
    t.after(() => file.close());
    const line = JSON.stringify({ as: 'x'.repeat(1000) });
    for (let i = 0; i < 100; i++) file.write(line);
    assert.equal((stepsIn(path) as unknown[]).length, 65);
  });

  test('replaces no other one, unless that is wanted', (t) => {
    const path = pathFor(t);
    writeFileSync(path, 'mine');
    assert.throws(() => RecordingFile.create(path), {
      code: 'ERR_FILE_EXISTS',
      message: `${path} is there already`,
    });
    assert.equal(readFileSync(path, 'utf8'), 'mine');
    RecordingFile.create(path, { isReplacing: true }).close();
    assert.deepEqual(stepsIn(path), []);
  });

  test('is an error where none can be made, or nothing written', (t) => {
    const path = join(pathFor(t), 'below', 'recorded.json');
    assert.throws(() => RecordingFile.create(path), {
      code: 'ERR_FILE_IO',
      message: /recorded\.json: ENOENT/,
    });
    if (!existsSync('/dev/full')) return;
    assert.throws(() => RecordingFile.create('/dev/full', { isReplacing: true }), {
      code: 'ERR_FILE_IO',
      message: /\/dev\/full: ENOSPC/,
    });
  });
});
