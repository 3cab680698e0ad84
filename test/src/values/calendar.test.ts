import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTimeZone, parseDays, parseTimeOfDay } from '../../../src/values/calendar.ts';

describe('calendar', () => {
  test('reads a time of day as milliseconds since midnight', () => {
    assert.deepEqual(
      ['00:00', '08:20', '08:20:30', '23:59:59'].map(parseTimeOfDay),
      [0, 30_000_000, 30_030_000, 86_399_000],
    );
  });

  test('reads no time that there is not', () => {
    for (const text of ['', '24:00', '12:60', '1:00', '12:00:61', '12:00 ', '12']) {
      assert.equal(parseTimeOfDay(text), undefined, text);
    }
  });

  test('reads days in any order and case, each once', () => {
    assert.deepEqual(parseDays('fri mon,  Sun mon'), [0, 1, 5]);
    assert.equal(parseDays('mon tues'), undefined);
    assert.equal(parseDays('  '), undefined);
  });

  test('knows time zones by name, and offsets not', () => {
    assert.deepEqual(['Asia/Tokyo', 'utc', 'Europe/Vienna', 'Mars/Base', '+09:00', ''].map(isTimeZone), [
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
