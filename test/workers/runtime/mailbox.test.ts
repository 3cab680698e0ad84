import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Envelope, LOCAL, MAILBOX_BYTES_MAX, Mailbox, TELL } from '../../../workers/runtime/mailbox.ts';

describe('Mailbox', () => {
  test('is first in, first out, however it grows, wraps and empties', () => {
    const steps = fc.array(fc.record({ isPush: fc.boolean(), times: fc.integer({ min: 1, max: 3000 }) }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(steps, (steps) => {
        const mailbox = new Mailbox();
        const envelope: Envelope = { item: undefined, start: 0, end: 0, origin: LOCAL };
        let [pushed, taken] = [0, 0];
        for (const { isPush, times } of steps) {
          for (let i = 0; i < times; i++) {
            if (isPush) mailbox.push(`${pushed}`, TELL, pushed, pushed++ % 3);
            else if (mailbox.take(envelope)) {
              assert.deepEqual(envelope, { item: `${taken}`, start: TELL, end: taken, origin: taken % 3 });
              taken++;
            } else assert.equal(taken, pushed);
          }
          assert.equal(mailbox.count, pushed - taken);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('is full with so many messages, or with so many bytes, and has room when half of them are gone', () => {
    const mailbox = new Mailbox();
    const envelope: Envelope = { item: undefined, start: 0, end: 0, origin: LOCAL };
    for (let i = 0; i < 4; i++) mailbox.push('message', TELL, 0, LOCAL);
    assert.deepEqual(
      [mailbox.isFull(4), mailbox.isFull(5), mailbox.hasRoom(8), mailbox.hasRoom(7)],
      [true, false, true, false],
    );
    const bytes = new Uint8Array(MAILBOX_BYTES_MAX / 4);
    for (let i = 0; i < 4; i++) mailbox.push(bytes, 0, bytes.length, LOCAL);
    assert.ok(mailbox.isFull(1000));
    for (let i = 0; i < 5; i++) mailbox.take(envelope);
    assert.deepEqual([mailbox.isFull(1000), mailbox.hasRoom(1000)], [false, false]);
    mailbox.take(envelope);
    assert.ok(mailbox.hasRoom(1000));
  });

  test('keeps notices in a lane of their own', () => {
    const mailbox = new Mailbox();
    mailbox.push('message', TELL, 0, LOCAL);
    mailbox.pushNotice('first');
    mailbox.pushNotice('second');
    assert.deepEqual([mailbox.takeNotice(), mailbox.takeNotice()], ['first', 'second']);
    assert.deepEqual([mailbox.hasNotice, mailbox.count], [false, 1]);
  });
});
