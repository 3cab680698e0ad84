import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LobbyRequest, parseRequest, withoutPrefix } from '../../../workers/lobby/lobby-requests.ts';

describe('parseRequest', () => {
  for (const [text, request] of [
    ['status', { type: 'status' }],
    [' LIST ', { type: 'list' }],
    ['Help', { type: 'help' }],
    ['bye', { type: 'bye' }],
    ['bye bye', { type: 'echo', text: 'bye bye' }],
    ['list of things', { type: 'echo', text: 'list of things' }],
    ['Hello', { type: 'echo', text: 'Hello' }],
    ['', { type: 'echo', text: '' }],
    ['  two  words ', { type: 'echo', text: '  two  words ' }],
    ['a\x1b[2Jb\u202ec\0', { type: 'echo', text: 'abc' }],
    ['say hello  you', { type: 'say', text: 'hello  you' }],
    ['SAY a\x07b', { type: 'say', text: 'ab' }],
    ['say', { type: 'wrong', usage: 'say TEXT' }],
    ['saying', { type: 'echo', text: 'saying' }],
    ['get a b.txt', { type: 'get', name: 'a b.txt' }],
    ['get a\0b', { type: 'get', name: 'a\0b' }],
    ['get ', { type: 'wrong', usage: 'get NAME' }],
    ['getting', { type: 'echo', text: 'getting' }],
    ['put a b.txt 12', { type: 'put', name: 'a b.txt', size: 12 }],
    ['put 1 2', { type: 'put', name: '1', size: 2 }],
    ['put a.txt', { type: 'wrong', usage: 'put NAME SIZE, in bytes' }],
    ['put 12', { type: 'wrong', usage: 'put NAME SIZE, in bytes' }],
    ['put a -1', { type: 'wrong', usage: 'put NAME SIZE, in bytes' }],
    ['put a 1e3', { type: 'wrong', usage: 'put NAME SIZE, in bytes' }],
    ['put a 99999999999999999', { type: 'wrong', usage: 'put NAME SIZE, in bytes' }],
  ] satisfies [string, LobbyRequest][]) {
    test(`takes ${JSON.stringify(text)} as ${request.type}`, () => {
      assert.deepEqual(parseRequest(text), request);
    });
  }
});

describe('withoutPrefix', () => {
  test('cuts off the name that the original client puts before each message, and no other', () => {
    const prefix = 'Client1:';
    assert.equal(withoutPrefix('Client1: Hello', prefix), 'Hello');
    assert.equal(withoutPrefix('Client1: ', prefix), '');
    assert.equal(withoutPrefix('Client1:  x', prefix), ' x');
    assert.equal(withoutPrefix('Client1: Client1: x', prefix), 'Client1: x');
    for (const message of ['Client11: Hello', 'Client2: Hello', 'client1: Hello', 'Client1 Hello', 'x']) {
      assert.equal(withoutPrefix(message, prefix), message);
    }
  });
});
