import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseGoldFile } from '../../../src/protocol/gold-file.ts';
import { writeGoldDay } from '../../../workers/gold/day-file.ts';
import { goldRefresh, goldRow } from '../../support/gold-rows.ts';
import { temporaryFolder } from '../../support/stored-bank.ts';

const DATE = '2025-01-02';
const REFRESH = goldRefresh(`${DATE} 09:00:00`, [goldRow('SJC', 82_500_000, { day: '20250102' })]);
const IS_ROOT = process.getuid?.() === 0;

describe('writeGoldDay', () => {
  test('makes the folder and the file of the day, which reads as the course’s', async (t) => {
    const folder = join(temporaryFolder(t), 'gold');
    const job = { type: 'write-gold-day', folder, date: DATE } as const;
    await writeGoldDay({ ...job, refreshes: [REFRESH] });
    assert.deepEqual(readdirSync(folder), [`${DATE}.json`]);
    const later = goldRefresh(`${DATE} 09:30:00`);
    await writeGoldDay({ ...job, refreshes: [REFRESH, later] });
    const refreshes = parseGoldFile(readFileSync(join(folder, `${DATE}.json`), 'utf8'));
    assert.deepEqual(
      refreshes.map(({ timeMs }) => timeMs),
      [REFRESH.timeMs, later.timeMs],
    );
    assert.deepEqual(refreshes[0]?.rows, REFRESH.rows);
  });

  test('leaves the file that is there if it can not be written whole', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, `${DATE}.json`), 'the file before');
    // What is to become the file can not be made.
    mkdirSync(join(folder, `.${DATE}.json.part`));
    await assert.rejects(writeGoldDay({ type: 'write-gold-day', folder, date: DATE, refreshes: [REFRESH] }), {
      code: 'ERR_FILE_IO',
      message: /^can't write 2025-01-02\.json: EISDIR/,
    });
    assert.equal(readFileSync(join(folder, `${DATE}.json`), 'utf8'), 'the file before');
  });

  test('says that the folder can not be written', {
    skip: IS_ROOT && 'root may write anywhere',
  }, async (t) => {
    const folder = temporaryFolder(t);
    chmodSync(folder, 0o500);
    await assert.rejects(writeGoldDay({ type: 'write-gold-day', folder, date: DATE, refreshes: [] }), {
      code: 'ERR_FILE_IO',
    });
    chmodSync(folder, 0o700);
  });

  test('writes nowhere else, whatever the day is called', async (t) => {
    const folder = temporaryFolder(t);
    for (const date of ['../outside', '2025-02-30', '']) {
      await assert.rejects(writeGoldDay({ type: 'write-gold-day', folder, date, refreshes: [] }), {
        code: 'ERR_FILE_NAME',
      });
    }
    assert.deepEqual(readdirSync(folder), []);
  });
});
