import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Discard, isUploadId, Upload } from '../../clients/upload.ts';
import { Random } from '../../workers/runtime/random.ts';
import { raggedly } from '../support/bank-client.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';

/** An upload of 100 lines whose header has just been sent. */
function opened(lineCount = 100): Upload {
  const upload = new Upload({ id: 'abc', lineCount });
  upload.open();
  return upload;
}

function reopen(upload: Upload): void {
  upload.close();
  upload.open();
}

function receive(upload: Upload, text: string): string[] {
  return upload.receive(Buffer.from(text, 'latin1')).map(({ line, reason }) => `${line} ${reason}`);
}

function failureAfter(text: string, upload = opened()): string {
  receive(upload, text);
  assert.equal(upload.state, 'failed', JSON.stringify(text));
  return `${upload.failure?.code}: ${upload.failure?.message}`;
}

describe('Upload > opens', () => {
  test('with a header, and waits for the answer before it names a line', () => {
    const upload = new Upload({ id: 'a.B-_9', lineCount: 3 });
    assert.equal(upload.state, 'closed');
    assert.equal(Buffer.from(upload.open()).toString(), 'OUTCRY 1 ACK a.B-_9\n');
    assert.equal(upload.state, 'opening');
    receive(upload, 'OK 0\n');
    assert.deepEqual([upload.state, upload.nextLine, upload.acknowledged], ['sending', 1, 0]);
  });

  test('and goes on behind what the server has', () => {
    const upload = opened();
    receive(upload, 'OK 41\n');
    assert.deepEqual([upload.state, upload.nextLine, upload.acknowledged], ['sending', 42, 41]);
  });

  test('again after a break, and takes no half answer over', () => {
    const upload = opened();
    receive(upload, 'OK 0\nOK 4');
    reopen(upload);
    assert.equal(upload.state, 'opening');
    receive(upload, 'OK 2\n');
    assert.deepEqual([upload.state, upload.nextLine], ['sending', 3]);
  });

  test('again on the same connection after a retry, behind the end of a line that was broken off', () => {
    const upload = opened();
    receive(upload, 'OK 0\nOK 7\nERR 0 retry\n');
    assert.equal(upload.state, 'retry');
    assert.equal(Buffer.from(upload.open()).toString(), '\nOUTCRY 1 ACK abc\n');
    receive(upload, 'OK 7\n');
    assert.deepEqual([upload.state, upload.nextLine], ['sending', 8]);
  });

  test('only over a new connection when a retry comes instead of the first OK', () => {
    const upload = opened();
    receive(upload, 'ERR 0 retry\nOK 0\n');
    assert.equal(upload.state, 'closed');
    assert.equal(Buffer.from(upload.open()).toString(), 'OUTCRY 1 ACK abc\n');
  });

  test('nothing when there are no lines: it is complete', () => {
    assert.equal(new Upload({ id: 'abc', lineCount: 0 }).state, 'complete');
  });

  test('under no id that the protocol does not know', () => {
    const ids = ['', 'a b', 'a/b', 'ä', 'a\n', 'x'.repeat(129)];
    assert.deepEqual(ids.filter(isUploadId), []);
    assert.ok(isUploadId('x'.repeat(128)));
    assert.throws(() => new Upload({ id: 'a b', lineCount: 1 }), RangeError);
  });
});

describe('Upload > acknowledged lines', () => {
  test('grow up to the last one, which completes it', () => {
    const upload = opened();
    receive(upload, 'OK 0\n');
    const reached = [10, 10, 99, 100].map((count) => {
      receive(upload, `OK ${count}\n`);
      return `${upload.acknowledged} ${upload.state}`;
    });
    assert.deepEqual(reached, ['10 sending', '10 sending', '99 sending', '100 complete']);
    upload.close();
    assert.equal(upload.state, 'complete');
  });

  test('that complete it after a break are no earlier upload', () => {
    const upload = opened();
    receive(upload, 'OK 0\n');
    reopen(upload);
    receive(upload, 'OK 100\n');
    assert.equal(upload.state, 'complete');
  });

  test('make it complete for good: nothing that follows can fail it', () => {
    const upload = opened();
    receive(upload, 'OK 0\nOK 100\nOK 3\nERR 0 retry\nERR 0 taken-over\nnonsense\n');
    assert.deepEqual([upload.state, upload.failure], ['complete', undefined]);
  });

  test('are the same however the answers are cut', () => {
    const random = new Random(fuzzSeed());
    const answers = Array.from({ length: 1000 }, (_, i) => `ERR ${i + 1} empty\nOK ${i + 1}\n`);
    const text = Buffer.from(`OK 0\n${answers.join('')}`);
    for (const lengthMax of [1, 2, 7, 100, 100_000]) {
      const upload = opened(1000);
      const discards: Discard[] = [];
      for (const piece of raggedly(text, random, lengthMax)) discards.push(...upload.receive(piece));
      assert.equal(upload.state, 'complete');
      assert.deepEqual(
        discards.map(({ line }) => line),
        Array.from({ length: 1000 }, (_, i) => i + 1),
      );
    }
  });
});

describe('Upload > discarded lines', () => {
  test('are handed out when they are acknowledged, by line', () => {
    const upload = opened();
    assert.deepEqual(receive(upload, 'OK 0\nERR 5 amount\nERR 3 empty\nERR 9 type\n'), []);
    assert.deepEqual(receive(upload, 'OK 5\n'), ['3 empty', '5 amount']);
    assert.deepEqual(receive(upload, 'OK 100\n'), ['9 type']);
  });

  test('are judged anew when the server lost them before they were durable', () => {
    const upload = opened();
    receive(upload, 'OK 0\nERR 3 balance-out-of-range\nERR 5 empty\n');
    reopen(upload);
    assert.deepEqual(receive(upload, 'OK 2\nERR 5 empty\nOK 100\n'), ['5 empty']);
  });

  test('are certain when the break took only their acknowledgement', () => {
    const upload = opened();
    receive(upload, 'OK 0\nERR 3 empty\n');
    reopen(upload);
    assert.deepEqual(receive(upload, 'OK 4\n'), ['3 empty']);
    assert.deepEqual(receive(upload, 'ERR 3 empty\n'), []);
  });

  test('that a break took are known from being told again', () => {
    const upload = opened();
    receive(upload, 'OK 0\n');
    reopen(upload);
    assert.deepEqual(receive(upload, 'OK 4\nERR 3 empty\nERR 4 empty\n'), ['3 empty', '4 empty']);
  });

  test('are told again behind the last acknowledgement, too', () => {
    const upload = opened();
    receive(upload, 'OK 0\n');
    reopen(upload);
    assert.deepEqual(receive(upload, 'OK 100\n'), []);
    assert.deepEqual(receive(upload, 'ERR 100 empty\nERR 3 empty\n'), ['3 empty', '100 empty']);
  });

  test('of an earlier run are handed out once', () => {
    const upload = opened();
    assert.deepEqual(receive(upload, 'OK 50\nERR 7 type\n'), ['7 type']);
    reopen(upload);
    assert.deepEqual(receive(upload, 'OK 50\nERR 7 type\n'), []);
  });

  test('are each handed out once by a server that keeps the last 4096, whatever breaks', () => {
    const seed = fuzzSeed();
    const random = new Random(seed);
    const lineCount = 100_000;
    const upload = new Upload({ id: 'abc', lineCount });
    const seen: number[] = [];
    const take = (text: string) => seen.push(...upload.receive(Buffer.from(text)).map(({ line }) => line));
    for (let durable = 0; upload.state !== 'complete'; ) {
      upload.open();
      const retold = lines(Math.max(1, durable - 4095), durable);
      take(`OK ${durable}\n${retold}`);
      while (upload.state === 'sending' && !random.chance(0.2)) {
        const next = Math.min(lineCount, durable + 1 + random.below(4000));
        take(lines(durable + 1, next));
        if (!random.chance(0.1)) durable = next;
        if (durable !== next || random.chance(0.1)) break;
        take(`OK ${durable}\n`);
      }
      upload.close();
    }
    assert.deepEqual(
      seen,
      Array.from(seen.keys(), (i) => i + 1),
      `seed ${seed}`,
    );
    assert.equal(seen.length, lineCount);
  });
});

/** Every line from `first` to `last` is discarded. */
function lines(first: number, last: number): string {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => `ERR ${first + i} empty\n`).join('');
}

describe('Upload > trouble', () => {
  test('with the store is remembered until there is progress', () => {
    const upload = opened();
    receive(upload, 'OK 0\nERR 0 store no\x1bspace\n');
    assert.deepEqual([upload.state, upload.storeTrouble], ['sending', 'no?space']);
    receive(upload, 'OK 0\n');
    assert.equal(upload.storeTrouble, 'no?space');
    receive(upload, 'OK 1\n');
    assert.equal(upload.storeTrouble, undefined);
  });

  test('with the store may come before the first OK', () => {
    const upload = opened();
    receive(upload, 'ERR 0 store\n');
    assert.deepEqual([upload.state, upload.storeTrouble], ['opening', '']);
  });

  test('that ends the upload has a code and says what it means', () => {
    assert.match(
      failureAfter('OK 100\n'),
      /^ERR_UPLOAD_COMPLETE: all 100 lines were uploaded before; nothing/,
    );
    assert.match(failureAfter('OK 101\n'), /^ERR_UPLOAD_CONFLICT: .* 101 lines .* used for other content/);
    assert.match(
      failureAfter('OK 0\nOK 9\nOK 8\n'),
      /^ERR_UPLOAD_CONFLICT: .* acknowledged 9 .* lost or forgotten/,
    );
    assert.match(failureAfter('OK 0\nERR 0 taken-over\n'), /^ERR_UPLOAD_REFUSED: another connection goes on/);
    assert.match(
      failureAfter('ERR 0 upload-id too odd\n'),
      /^ERR_UPLOAD_REFUSED: .* upload-id abc: too odd$/,
    );
    assert.match(failureAfter('ERR 0 version\n'), /^ERR_UPLOAD_REFUSED: .* version of the protocol$/);
    assert.match(failureAfter('ERR 0 closed-today\n'), /^ERR_UPLOAD_REFUSED: .*\(closed-today\)$/);
  });

  test('is a server that remembers less than before', () => {
    const upload = opened();
    receive(upload, 'OK 50\n');
    reopen(upload);
    assert.match(failureAfter('OK 49\n', upload), /^ERR_UPLOAD_CONFLICT: the server acknowledged 50 /);
  });

  test('is a server that speaks otherwise', () => {
    const answers = [
      'HTTP/1.1 400 Bad Request\r\n',
      'OK\n',
      'OK 1 \n',
      'OK -1\n',
      'OK 01\n',
      'OK 1\r\n',
      'OK 99999999999999999\n',
      'ok 1\n',
      '\n',
      'ERR 1\n',
      'ERR 0 \n',
      'ERR 101 empty\n',
      'OK 0\nERR 101 empty\n',
      'OK 0\nERR 0 retry\nOK 0\n',
      `OK 0\nERR 0 store ${'x'.repeat(5000)}\n`,
    ];
    for (const answer of answers) assert.match(failureAfter(answer), /^ERR_UPLOAD_PROTOCOL: /);
  });

  test('is an answer without an end', () => {
    const upload = opened();
    receive(upload, 'x'.repeat(4096));
    assert.equal(upload.state, 'opening');
    assert.match(failureAfter('x', upload), /it answered "x{60}…"/);
  });

  test('is shown without what would move a cursor', () => {
    assert.match(failureAfter('\x1b[2J\xff\n'), /it answered "\?\[2J\?"/);
  });
});
