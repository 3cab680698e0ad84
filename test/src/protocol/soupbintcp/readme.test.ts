/** The page of SoupBinTCP says what the code does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  HEARTBEAT_MS,
  LOGIN_ACCEPTED,
  LOGIN_MS,
  LOGIN_REJECTED,
  LOGIN_REQUEST,
  PACKET,
  PACKET_BYTES,
  SILENCE_MS,
} from '../../../../src/protocol/soupbintcp/packets.ts';
import { named, rowsOf } from '../../../support/page-tables.ts';

const PAGE = readFileSync(
  new URL('../../../../../src/protocol/soupbintcp/README.md', import.meta.url),
  'utf8',
);

describe('the page of SoupBinTCP', () => {
  test('has every packet with its letter and length', () => {
    const rows = rowsOf(PAGE, 'Packets');
    const letters = rows.map(([name = '', letter = '']) => [named(name), named(letter).charCodeAt(0)]);
    assert.deepEqual(Object.fromEntries(letters), PACKET);
    const lengths = rows
      .filter(([, , , bytes]) => bytes !== '')
      .map(([name = '', , , bytes]) => [named(name), Number(bytes)]);
    assert.deepEqual(Object.fromEntries(lengths), PACKET_BYTES);
  });

  test('has every field where it is', () => {
    const listed = rowsOf(PAGE, 'Fields').map(([packet = '', field = '', at, length]) => [
      named(packet),
      named(field),
      Number(at),
      Number(length),
    ]);
    const packets = {
      loginRequest: LOGIN_REQUEST,
      loginAccepted: LOGIN_ACCEPTED,
      loginRejected: LOGIN_REJECTED,
    };
    const known = Object.entries(packets).flatMap(([packet, fields]) =>
      Object.entries(fields).map(([field, { at, length }]) => [packet, field, at, length]),
    );
    assert.deepEqual(listed, known);
  });

  test('has the times of the code', () => {
    assert.deepEqual([HEARTBEAT_MS, SILENCE_MS, LOGIN_MS], [1000, 15_000, 30_000]);
    for (const time of ['every second', 'for 15\n   seconds', 'within 30 seconds'])
      assert.ok(PAGE.includes(time), time);
  });
});
