import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressKey } from '../../../workers/users/attempts.ts';
import { withoutPort } from '../../../workers/users/sign-in.ts';

describe('addressKey', () => {
  test('is the address of IPv4, however it is written', () => {
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '10.0.0.1:5000', '::ffff:10.0.0.1:5000']) {
      assert.equal(addressKey(address), '10.0.0.1');
    }
  });

  test('is the network of IPv6', () => {
    const same = ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::', '2001:db8:1:2::9:1'];
    assert.deepEqual([...new Set(same.map(addressKey))], ['2001:db8:1:2::/64']);
    assert.equal(addressKey('2001:db8::1'), '2001:db8:0:0::/64');
    assert.equal(addressKey('::1'), '0:0:0:0::/64');
  });

  test('is one for all who are in this process', () => {
    assert.equal(addressKey('in-process'), 'in-process');
  });
});

describe('withoutPort', () => {
  test('leaves the address of a connection', () => {
    assert.deepEqual(['127.0.0.1:5000', '::1:5000', '::ffff:127.0.0.1:5000', 'in-process'].map(withoutPort), [
      '127.0.0.1',
      '::1',
      '::ffff:127.0.0.1',
      'in-process',
    ]);
  });
});
