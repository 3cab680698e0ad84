import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LOBBY_HELP, parseCommand } from '../../../clients/cli/lobby-commands.ts';

const parse = (line: string) => parseCommand(line, 'Client1');

describe('parseCommand', () => {
  test('knows its words alone, in capitals or not, and behind the name that the server cuts off', () => {
    for (const line of ['status', ' STATUS ', 'Client1: status', 'Client1:status']) {
      assert.deepEqual(parse(line), { type: 'status' }, line);
    }
    assert.deepEqual(parse('Bye'), { type: 'bye' });
    assert.deepEqual(parse('help'), { type: 'help' });
    assert.deepEqual(parse('  '), { type: 'nothing' });
  });

  test('hands everything else to the server, without the name', () => {
    for (const text of ['list', 'say hi', 'byebye', 'status now', 'getting', 'Client2: get a']) {
      assert.deepEqual(parse(text), { type: 'line', text }, text);
    }
    assert.deepEqual(parse('Client1: Client1: get a'), { type: 'line', text: 'Client1: get a' });
  });

  test('takes names with blanks in quotes', () => {
    assert.deepEqual(parse('get a.txt'), { type: 'get', name: 'a.txt', as: undefined });
    assert.deepEqual(parse('GET "a b.txt" c.txt'), { type: 'get', name: 'a b.txt', as: 'c.txt' });
    assert.deepEqual(parse(`put '../it "is" it'`), { type: 'put', file: '../it "is" it' });
  });

  test('says how a file is asked for', () => {
    for (const line of ['get', 'get a b c']) {
      assert.deepEqual(parse(line), { type: 'wrong', usage: 'get NAME [AS]' });
    }
    for (const line of ['put', 'put a b'])
      assert.deepEqual(parse(line), { type: 'wrong', usage: 'put FILE' });
  });
});

test('the help fits eighty columns', () => {
  assert.ok(Math.max(...LOBBY_HELP.map((line) => line.length)) <= 80);
});
