import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { namesOf, StoredBank, temporaryFolder } from '../../support/stored-bank.ts';

/** All that a reader sees, so that it can be compared. */
function contentOf(store: LmdbStore) {
  const batches = [...store.read(0)].map(({ position, bytes }) => `${position} ${bytes.toString()}`);
  const snapshots = [...store.snapshots()].map(({ address, events, pieces }) => {
    return `${address} ${events} ${Buffer.concat(pieces).toString('hex')}`;
  });
  return { batches, snapshots };
}

describe('LmdbStore, of which somebody only reads', () => {
  test('stays as it was when it was opened, whatever is written and removed', async (t) => {
    const bank = new StoredBank(temporaryFolder(t), 1);
    const [random, names] = [new Random(3), namesOf(new Random(4), 40)];
    for (let i = 0; i < 40; i++) bank.turn(random, names);
    bank.snapshot();
    const folder = bank.hosts[0]?.folder ?? '';
    const reader = new LmdbStore({ folder, isReadOnly: true, isInUse: true });
    const before = contentOf(reader);
    for (let i = 0; i < 40; i++) {
      bank.turn(random, names);
      await new Promise(setImmediate);
    }
    bank.snapshot({ keepBytes: 500 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(contentOf(reader), before);
    assert.equal(reader.last, 40);
    reader.renew();
    const [first] = reader.read(0);
    assert.ok((first?.position ?? 0) > 40, 'it should see what is left of the journal');
    await reader.close();
    await bank.close();
  });

  test('can be opened where nothing was stored yet, and can write nothing', async (t) => {
    const bank = new StoredBank(temporaryFolder(t), 1);
    bank.post('Marc', 1);
    bank.store();
    await bank.close();
    const reader = new LmdbStore({ folder: bank.hosts[0]?.folder ?? '', isReadOnly: true });
    assert.equal(reader.last, 1);
    assert.throws(() => reader.append(new Uint8Array(9)), { code: 'ERR_STORE_WRITE' });
    await reader.close();
  });

  test('says what can not be opened', (t) => {
    const folder = temporaryFolder(t);
    assert.throws(() => new LmdbStore({ folder, isReadOnly: true }), { code: 'ERR_DATA_FOLDER' });
  });
});
