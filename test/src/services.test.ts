import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { decodeClientPacket } from '../../src/protocol/soupbintcp/packets.ts';
import { exampleOf } from '../../src/services.ts';

describe('the line to try', () => {
  const host = '127.0.0.1';
  const dataPath = resolve('data');
  const trader = 'TRADE0 OUTCRY';

  test('is short where everything is as usual', () => {
    assert.equal(exampleOf('lobby', { host, port: 65_433, dataPath, trader }), 'outcry lobby');
    assert.equal(exampleOf('api', { host, port: 7400, dataPath, trader }), 'outcry admin status');
    assert.equal(exampleOf('api', { host, port: 7400, dataPath: undefined, trader }), 'outcry admin status');
  });

  test('says where the server is, if it is elsewhere', () => {
    const far = { host: '::1', port: 8, dataPath: resolve('other', 'folder'), trader };
    assert.equal(exampleOf('lobby', far), 'outcry lobby --host ::1 --port 8');
    assert.equal(exampleOf('api', far), 'outcry admin status --data other/folder');
    assert.equal(
      exampleOf('api', { ...far, dataPath: undefined }),
      'outcry admin status --host ::1 --port 8',
    );
  });

  test('is a login, at the door of traders', () => {
    const line = exampleOf('ouch', { host, port: 31_422, dataPath, trader });
    const printf = execFileSync('sh', ['-c', line.slice(0, line.indexOf('|'))]);
    assert.deepEqual(decodeClientPacket(printf), {
      type: 'login-request',
      user: 'TRADE0',
      password: 'OUTCRY',
      requestedSession: '',
      sequence: 1,
    });
  });
});
