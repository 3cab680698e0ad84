import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress } from '../../../src/values/address.ts';
import { DeadLetters } from '../../../workers/runtime/dead-letters.ts';
import { type LogLine, TestHosts } from '../../support/actors.ts';

const A = toAddress('test/a');

function setUp() {
  const lines: LogLine[] = [];
  const letters = new DeadLetters((level, text, fields) => lines.push({ level, text, fields }));
  return { letters, lines };
}

describe('DeadLetters', () => {
  test('are kept with their reason, a picture of the message and the cause', () => {
    const { letters } = setUp();
    letters.add('poison', A, { type: 'order', quantity: 3 }, 7, new Error('too many'));
    letters.add('stopped', A, Buffer.from('some bytes'), 8);
    letters.add('no-actor', A, { text: 'x'.repeat(1000), list: Array(1000).fill(0) }, 9);
    const [poison, stopped, large] = letters.recent;
    assert.deepEqual(poison, {
      reason: 'poison',
      address: A,
      message: "{ type: 'order', quantity: 3 }",
      cause: 'too many',
      atMs: 7,
    });
    assert.equal(stopped?.message, '10 bytes');
    assert.ok((large?.message.length ?? 0) < 300, 'a large message is not kept whole');
  });

  test('show of bytes the length and of secrets nothing, however deep they are', () => {
    const { letters, lines } = setUp();
    const password = Buffer.from('open sesame');
    const messages = [
      password,
      { type: 'sign-in', name: 'ali', password, wantsToken: true },
      { type: 'change', password: 'open sesame', newPassword: 'open sesame too' },
      { asked: { with: { token: 'open sesame', list: [1, { session: 'open sesame' }] } } },
      { a: { b: { c: { d: { password: 'open sesame' } } } } },
      { bytes: password, map: new Map([['password', 'open sesame']]) },
    ];
    for (const message of messages) letters.add('poison', A, message, 0);
    assert.deepEqual(
      letters.recent.map(({ message }) => message),
      [
        '11 bytes',
        "{ type: 'sign-in', name: 'ali', password: …, wantsToken: true }",
        "{ type: 'change', password: …, newPassword: … }",
        '{ asked: { with: { token: …, list: … } } }',
        '{ a: { b: { c: … } } }',
        '{ bytes: 11 bytes, map: [Map] }',
      ],
    );
    assert.doesNotMatch(JSON.stringify(lines), /sesame/);
  });

  test('count what they do not show of a long list', () => {
    const { letters } = setUp();
    letters.add('no-actor', A, { list: Array.from({ length: 1000 }, (_, i) => i) }, 0);
    assert.match(letters.recent[0]?.message ?? '', /\b6, 7,\s+\.{3} 992 more items/);
  });

  test('in a storm are a few lines, yet counted exactly', () => {
    const { letters, lines } = setUp();
    const total = 100_000;
    for (let i = 0; i < total; i++) letters.add('no-actor', A, i, i / 20);
    letters.flush(total / 20 + 1000);
    assert.deepEqual(letters.counts, { 'no-actor': total });
    assert.ok(lines.length <= 11, `${lines.length} lines`);
    const logged = lines.map(({ text }) => Number(/^(\d+) more/.exec(text)?.[1] ?? 1));
    assert.equal(
      logged.reduce((sum, n) => sum + n, 0),
      total,
    );
    assert.ok(letters.recent.length <= 256);
  });

  test('of one reason do not hide those of another', () => {
    const { letters, lines } = setUp();
    for (let i = 0; i < 100; i++) letters.add('no-actor', A, i, 0);
    letters.add('poison', A, 'rare', 0);
    assert.deepEqual(
      lines.map(({ text }) => text),
      [`dead letter for ${A}: no-actor`, `dead letter for ${A}: poison`],
    );
  });

  test('say when the rest of a storm is to be logged, and need no more calls when it is calm', () => {
    const { letters, lines } = setUp();
    letters.add('no-actor', A, 1, 100);
    assert.equal(letters.flush(100), Infinity);
    letters.add('no-actor', A, 2, 200);
    assert.equal(letters.flush(200), 1100);
    assert.equal(letters.flush(1100), Infinity);
    assert.equal(lines.at(-1)?.text, '1 more dead letters: no-actor');
  });

  test('of a host are logged in the turn in which they are due', () => {
    const hosts = new TestHosts();
    hosts.tell(A, 1, 2, 3);
    hosts.nowMs += 1000;
    hosts.system.run(hosts.nowMs);
    assert.equal(hosts.logs.at(-1)?.text, '2 more dead letters: no-actor');
  });
});
