import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { exampleOf } from '../../src/services.ts';

describe('the line to try', () => {
  const host = '127.0.0.1';
  const dataPath = resolve('data');

  test('is short where everything is as usual', () => {
    assert.equal(exampleOf('lobby', { host, port: 65_433, dataPath }), 'outcry lobby');
    assert.equal(exampleOf('api', { host, port: 7400, dataPath }), 'outcry admin status');
    assert.equal(exampleOf('api', { host, port: 7400, dataPath: undefined }), 'outcry admin status');
  });

  test('says where the server is, if it is elsewhere', () => {
    const far = { host: '::1', port: 8, dataPath: resolve('other', 'folder') };
    assert.equal(exampleOf('lobby', far), 'outcry lobby --host ::1 --port 8');
    assert.equal(exampleOf('api', far), 'outcry admin status --data other/folder');
    assert.equal(
      exampleOf('api', { ...far, dataPath: undefined }),
      'outcry admin status --host ::1 --port 8',
    );
  });
});
