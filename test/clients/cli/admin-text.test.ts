import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  formatActors,
  formatDeadLetters,
  formatSessions,
  formatStatus,
} from '../../../clients/cli/admin-text.ts';
import type { AdminSession, AdminStatus } from '../../../src/protocol/api/operations.ts';

const look = { format: 'simple', width: 80 } as const;
/** In the local time of the test. */
const timeMs = new Date(2026, 10, 21, 10, 0, 0).getTime();

const SESSION: AdminSession = {
  number: 1_000_123,
  connection: 100_123,
  service: 'lobby',
  user: 'Client1',
  address: '[2001:db8:1234:5678:9abc:def0:1234:5678]:50000',
  sinceMs: timeMs,
  untilMs: null,
  reason: '',
  figures: { bytesIn: 123_456, bytesOut: 99_999_999, frames: 1234, ignored: { 'message-too-long': 2 } },
  bytesWaiting: 0,
};

const STATUS: AdminStatus = {
  server: 'outcry/1.2.3',
  pid: 4321,
  startedMs: timeMs,
  uptimeMs: 90_061_000,
  dataFolder: `/srv/${'long/'.repeat(20)}data`,
  hosts: [{ index: 0, bytesInFlight: 1_500_000, trouble: `the disk ${'is very '.repeat(20)}full` }],
  services: [{ name: 'bank', address: '127.0.0.1:50000', open: 12, accepted: 1_234_567, refused: 0 }],
  bank: {
    accounts: 1,
    applied: 10_000_000,
    discarded: { 'line-too-long': 1000, empty: 0, 'not-three-fields': 2, name: 3, type: 4, amount: 5 },
  },
  exchange: {
    state: 'open',
    session: 'MWQTCZ8',
    books: 40,
    halted: 2,
    accounts: 10,
    connected: 1,
    openOrders: 12_345,
    accepted: 100_000,
    rejected: 3,
    trades: 1,
    ignored: { token: 5, 'not-live': 1000 },
  },
  memoryBytes: 131_000_000,
  deadLetters: {},
};

const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

describe('formatStatus', () => {
  test('says the bank in words, and breaks what is too long', () => {
    const text = formatStatus(STATUS, look);
    assert.ok(widest(text) <= 80, text);
    assert.match(text, /^started +2026-11-21 10:00:00, 1 d 1 h ago$/m);
    assert.match(text, /^bank +1 account, 10,000,000 lines applied$/m);
    assert.match(text, /^discarded +1,014 \(line-too-long 1,000, .*, type 4,\n +amount 5\)$/m);
    assert.match(
      text,
      /^exchange +open, session MWQTCZ8, 2 of 40 books halted, 1 trader, 12,345 open\n +orders, 1 trade$/m,
    );
    assert.match(text, /^ignored +1,005 \(token 5, not-live 1,000\)$/m);
    assert.match(text, /^dead letters +none$/m);
    assert.match(text, /^ +0 +1\.5 MB +the disk is very .*…$/m);
  });
});

describe('formatSessions', () => {
  const list = (sessions: readonly AdminSession[], width: number) =>
    formatSessions({ sessions, total: sessions.length }, { ...look, width });

  test('leaves out figures before it cuts an address or a time', () => {
    const text = list([SESSION], 94);
    assert.ok(text.includes(SESSION.address) && text.includes('2026-11-21 10:00:00'), text);
    assert.doesNotMatch(text, / in /);
    assert.match(list([SESSION], 140), /123 kB {2}100\.0 MB +0 B +1,234 +2\n$/);
  });

  test('says when and why a connection has ended', () => {
    const ended = { ...SESSION, address: '127.0.0.1:50000', untilMs: timeMs + 5000, reason: 'it was idle' };
    const text = list([ended], 80);
    assert.ok(widest(text) <= 80, text);
    assert.match(text, /^ *id +service +user +address +until +reason\n/);
    assert.match(text, /2026-11-21 10:00:05 +it was idle\n$/);
  });
});

describe('formatDeadLetters and formatActors', () => {
  test('cut what is long, and let nothing through that moves the cursor', () => {
    const evil = 'a\x1b[2J\x07\nb'.repeat(30);
    const letters = formatDeadLetters(
      {
        counts: { fault: 1 },
        recent: [{ host: 0, timeMs, reason: 'fault', actor: evil, message: evil, cause: evil }],
      },
      look,
    );
    const actors = formatActors(
      {
        actors: [
          {
            address: 'bank/tally',
            host: 0,
            state: 'restarting',
            depth: 65_536,
            handled: 123_456_789,
            rate: 123_456.7,
            restarts: 1,
            lastError: evil,
          },
        ],
        total: 2,
      },
      look,
    );
    for (const text of [letters, actors]) {
      assert.ok(widest(text) <= 80, text);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    }
    assert.match(letters, /^dead letters +1 \(fault 1\)\n\n/);
    assert.match(actors, / 123,457 +123,456,789 +1 +a/);
    assert.match(actors, /\n\n1 of 2 actors; --limit shows more\n$/);
  });
});
