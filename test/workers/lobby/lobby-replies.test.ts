import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FILES_LISTED } from '../../../src/protocol/desk.ts';
import type { ConnectionRecord } from '../../../src/protocol/registry.ts';
import { filesText, formatLocalTime, saidText, statusText } from '../../../workers/lobby/lobby-replies.ts';

const SINCE_MS = new Date(2025, 1, 10, 23, 46, 52).getTime() + 48.084;

function record(number: number, untilMs: number | null): ConnectionRecord {
  return {
    number,
    connection: number,
    service: 'lobby',
    address: '127.0.0.1:58596',
    user: `Client${number}`,
    sinceMs: SINCE_MS,
    untilMs,
    reason: '',
    figures: { bytesIn: 0, bytesOut: 0, frames: 0, ignored: {} },
  };
}

describe('the replies of the lobby', () => {
  test('have times in the form of the original, with all six digits', () => {
    assert.equal(formatLocalTime(SINCE_MS), '2025-02-10 23:46:52.048084');
    assert.equal(formatLocalTime(new Date(2025, 0, 2, 3, 4, 5).getTime()), '2025-01-02 03:04:05.000000');
    const almost = new Date(2025, 11, 31, 23, 59, 59).getTime() + 999.9999;
    assert.equal(formatLocalTime(almost), '2026-01-01 00:00:00.000000');
  });

  test('have a status as the original does, with the server as the address', () => {
    const connections = [record(1, null), record(2, SINCE_MS + 1000)];
    assert.equal(
      statusText({ connections, total: 2 }, '127.0.0.1:65432'),
      "\nClient Name: Client1\nClient Address: ('127.0.0.1', 65432)\n" +
        'Client Connection Time: 2025-02-10 23:46:52.048084\nClient Disconnect Time: None\n--------------------\n' +
        "\nClient Name: Client2\nClient Address: ('127.0.0.1', 65432)\n" +
        'Client Connection Time: 2025-02-10 23:46:52.048084\n' +
        'Client Disconnect Time: 2025-02-10 23:46:53.048084\n--------------------\n',
    );
    const text = statusText({ connections: [record(1, null)], total: 1200 }, '::1:65432');
    assert.match(text, /^\n\(1,199 earlier clients are left out\)\n\nClient Name: Client1\n/);
    assert.match(text, /\('::1', 65432\)/);
  });

  test('list files as the original does, and show when there are more', () => {
    const files = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ name: `${i}.txt`, size: 0, modifiedMs: 0 }));
    assert.equal(filesText(files(2)), '\nFiles: 0.txt | 1.txt | ');
    assert.equal(filesText([]), '\nFiles: ');
    assert.match(filesText(files(FILES_LISTED)), / \| …$/);
  });

  test('count who has heard', () => {
    assert.deepEqual([0, 1, 2].map(saidText), ['Nobody else is here', 'Said to 1 other', 'Said to 2 others']);
  });
});
