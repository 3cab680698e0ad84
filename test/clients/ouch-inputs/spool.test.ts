import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { Spool } from '../../../clients/ouch-inputs/spool.ts';

describe('Spool', () => {
  test('names the folder that has no room for it', async () => {
    const full = await open('/dev/full', 'r+');
    try {
      const spool = new Spool(full, 0, () => {});
      await assert.rejects(spool.append(Buffer.alloc(10)), {
        code: 'ERR_FILE_IO',
        message: new RegExp(`^what is to be sent can not be kept in ${tmpdir()}: ENOSPC`),
      });
    } finally {
      await full.close();
    }
  });
});
