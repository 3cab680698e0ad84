import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  credentials,
  credentialsOfFile,
  NAME_CHARACTERS_MAX,
  PASSWORD_BYTES_MAX,
  passwordBytes,
  userKey,
  userName,
} from '../../../src/values/user-name.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const textOf = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

describe('userName', () => {
  test('takes 1 to 32 printable characters, in any script', () => {
    for (const name of ['a', 'khtn', 'Nguyễn', '王', '😀', 'a,b', '-quit', 'x'.repeat(NAME_CHARACTERS_MAX)]) {
      assert.equal(userName(name), name);
    }
    assert.equal(userName('😀'.repeat(NAME_CHARACTERS_MAX)), '😀'.repeat(NAME_CHARACTERS_MAX));
    assert.equal(userName('x'.repeat(NAME_CHARACTERS_MAX + 1)), undefined);
    assert.equal(userName(''), undefined);
  });

  test('is normalised before it is measured', () => {
    assert.equal(userName('Nguye\u0302\u0303n'), 'Nguyễn');
    assert.equal(userName('e\u0301'.repeat(NAME_CHARACTERS_MAX)), 'é'.repeat(NAME_CHARACTERS_MAX));
  });

  test('refuses white space, what is not printed, and what was no text', () => {
    const wrong = [
      ...['a b', 'a\tb', 'a\u00a0b', 'a\u3000b', ' a', 'a\n'],
      ...['a\0', 'a\u001b[31m', 'a\u007f', 'a\u200bb', 'a\u202eb', '\ufeffa', 'a\u{e0041}'],
      ...['\u3164', 'a\ufe0f', 'a\u034fb', 'a\u{e0100}', '\u2800'],
      ...['a\ufffd', 'a\ud800', '\udc00a', 'a\ue000', 'a\u0378'],
    ];
    for (const name of wrong) assert.equal(userName(name), undefined, JSON.stringify(name));
  });
});

describe('userKey', () => {
  test('makes names one that differ only in case', () => {
    assert.equal(userKey('KHTN'), userKey('khtn'));
    assert.equal(userKey('ĐẶNG'), userKey('đặng'));
    assert.equal(userKey('ΟΔΟΣ'), userKey('οδος'));
    assert.equal(userKey('οδοσ'), userKey('οδος'));
    assert.notEqual(userKey('dang'), userKey('đặng'));
  });

  test('is the same of a name, of its capitals, of its small letters and of itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const name = userName(text);
        fc.pre(name !== undefined);
        const key = userKey(name);
        assert.equal(userKey(name.toUpperCase()), key);
        assert.equal(userKey(name.toLowerCase()), key);
        assert.equal(userKey(key), key);
      }),
      { seed: fuzzSeed() },
    );
  });
});

describe('passwordBytes', () => {
  test('are the UTF-8 of the normalised text, spaces and all', () => {
    assert.equal(textOf(passwordBytes('daihoc tphcm ')), 'daihoc tphcm ');
    assert.equal(textOf(passwordBytes('e\u0301')), 'é');
    assert.equal(passwordBytes(' ')?.length, 1);
  });

  test('are 1 to 1,024', () => {
    assert.equal(passwordBytes('é'.repeat(PASSWORD_BYTES_MAX / 2))?.length, PASSWORD_BYTES_MAX);
    assert.equal(passwordBytes(`${'é'.repeat(PASSWORD_BYTES_MAX / 2)}x`), undefined);
    assert.equal(passwordBytes(''), undefined);
  });

  test('are none of what can not stand on a line, or is half a character', () => {
    for (const text of ['a\nb', 'a\r', '\0', 'a\ud800b']) assert.equal(passwordBytes(text), undefined);
  });
});

describe('credentials', () => {
  test('are divided by the first space; the others are the password’s', () => {
    assert.deepEqual(credentials('khtn daihoc tphcm'), { name: 'khtn', password: 'daihoc tphcm' });
    assert.deepEqual(credentials('khtn  x '), { name: 'khtn', password: ' x ' });
    assert.deepEqual(credentials('a,b c'), { name: 'a,b', password: 'c' });
  });

  test('are none without a name or without a password', () => {
    for (const line of ['', 'khtn', 'khtn ', ' x', ' ']) assert.equal(credentials(line), undefined, line);
  });

  test('in a file may be divided by a comma or a tab, and have blanks around', () => {
    const khtn = { name: 'khtn', password: 'daihoc' };
    for (const line of [
      'khtn daihoc',
      'khtn,daihoc',
      'khtn\tdaihoc',
      '\ufeffkhtn, daihoc\r',
      '  khtn   daihoc  ',
    ]) {
      assert.deepEqual(credentialsOfFile(line), khtn, line);
    }
    assert.deepEqual(credentialsOfFile('khtn dai hoc,tphcm'), { name: 'khtn', password: 'dai hoc,tphcm' });
    assert.deepEqual(credentialsOfFile('khtn,dai hoc'), { name: 'khtn', password: 'dai hoc' });
    for (const line of ['', '\r', 'khtn', 'khtn,', ',daihoc', 'khtn, \r']) {
      assert.equal(credentialsOfFile(line), undefined, line);
    }
  });
});
