import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { describe, test } from 'node:test';
import type { ScryptParameters } from '../../../src/protocol/users.ts';
import { checkPassword, hashPassword } from '../../../workers/users/passwords.ts';
import { bytesOf } from '../../support/users-hosts.ts';

const TODAY: ScryptParameters = { N: 16_384, r: 8, p: 1 };
const CHEAP: ScryptParameters = { N: 1024, r: 8, p: 1 };

function hashed(text: string, parameters = TODAY) {
  return hashPassword({ type: 'hash-password', password: bytesOf(text), parameters });
}

function checked(text: string, stored: ReturnType<typeof hashed>['made'], parameters = TODAY) {
  return checkPassword({ type: 'check-password', password: bytesOf(text), stored, parameters });
}

describe('hashPassword', () => {
  test('is scrypt of the password, with the salt and the parameters that stand beside it', () => {
    const { made } = hashed('mật khẩu');
    assert.deepEqual(made.parameters, TODAY);
    assert.equal(made.salt.length, 16);
    assert.deepEqual(made.hash, scryptSync(bytesOf('mật khẩu'), made.salt, 32, TODAY));
  });

  test('has another salt, so another hash, and another token each time', () => {
    const [first, second] = [hashed('x', CHEAP), hashed('x', CHEAP)];
    assert.notDeepEqual(first.made.salt, second.made.salt);
    assert.notDeepEqual(first.made.hash, second.made.hash);
    assert.equal(first.token.length, 32);
    assert.notDeepEqual(first.token, second.token);
  });
});

describe('checkPassword', () => {
  test('knows the right password from all others', () => {
    const { made } = hashed('right', CHEAP);
    const texts = ['right', 'Right', 'right ', 'righ', ''];
    assert.deepEqual(
      texts.map((text) => checked(text, made, CHEAP).isRight),
      [true, false, false, false, false],
    );
  });

  test('nothing fits what an unknown name is checked against', () => {
    const nobody = { parameters: CHEAP, salt: new Uint8Array(16), hash: new Uint8Array(32) };
    const { isRight, token } = checked('x', nobody, CHEAP);
    assert.deepEqual([isRight, token.length], [false, 32]);
  });

  test('makes the hash anew where it costs less than today, for the right password alone', () => {
    const { made } = hashed('right', CHEAP);
    assert.equal(checked('wrong', made).renewed, undefined);
    const { renewed } = checked('right', made);
    assert.deepEqual(renewed?.parameters, TODAY);
    assert.ok(renewed !== undefined && checked('right', renewed).isRight);
    assert.notDeepEqual(renewed.salt, made.salt);
    assert.equal(checked('right', renewed).renewed, undefined);
    assert.equal(checked('right', renewed, CHEAP).renewed, undefined, 'nor where it costs more');
  });

  test('takes parameters that need more memory than Node gives by itself', () => {
    const costly: ScryptParameters = { N: 65_536, r: 8, p: 1 };
    assert.ok(checked('x', hashed('x', costly).made, costly).isRight);
  });
});
