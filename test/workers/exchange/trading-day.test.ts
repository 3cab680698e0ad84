/** The venue's time, its calendar, and the days that it makes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ExchangeState } from '../../../workers/exchange/exchange-snapshot.ts';
import { openingAt, ZoneTime } from '../../../workers/exchange/trading-day.ts';
import { NOON_MS, optionsOf, packetsIn, TestVenue } from '../../support/venues.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('the time of a zone', () => {
  test('has its midnight, and its date', () => {
    const tokyo = new ZoneTime('Asia/Tokyo');
    assert.equal(tokyo.midnightMs(NOON_MS), NOON_MS - 12 * HOUR_MS);
    assert.equal(tokyo.midnightMs(NOON_MS + 12 * HOUR_MS - 1), NOON_MS - 12 * HOUR_MS);
    assert.equal(tokyo.midnightMs(NOON_MS + 12 * HOUR_MS), NOON_MS + 12 * HOUR_MS);
    assert.equal(tokyo.midnightMs(NOON_MS), NOON_MS - 12 * HOUR_MS, 'it may be asked for earlier times too');
    assert.equal(tokyo.dateNumber(NOON_MS), 20260731);
    assert.equal(tokyo.dateNumber(NOON_MS + 12 * HOUR_MS), 20260801);
  });

  test('follows the change of clocks', () => {
    const berlin = new ZoneTime('Europe/Berlin');
    // On 29 March 2026 clocks jump from 2:00 to 3:00, on 25 October they go back from 3:00 to 2:00.
    const spring = Date.UTC(2026, 2, 28, 23);
    assert.equal(berlin.midnightMs(spring + 10 * HOUR_MS), spring);
    assert.equal(berlin.midnightMs(spring + 23 * HOUR_MS), spring + 23 * HOUR_MS);
    const autumn = Date.UTC(2026, 9, 24, 22);
    assert.equal(berlin.midnightMs(autumn + 24 * HOUR_MS), autumn);
    assert.equal(berlin.midnightMs(autumn + 25 * HOUR_MS), autumn + 25 * HOUR_MS);
    assert.equal(berlin.toTimeMs(Date.UTC(2026, 2, 29, 2, 30)), Date.UTC(2026, 2, 29, 1, 30));
    assert.equal(
      berlin.toTimeMs(Date.UTC(2026, 9, 25, 2, 30)),
      Date.UTC(2026, 9, 25, 0, 30),
      'the first one',
    );
  });

  test('has a midnight where clocks skip it', () => {
    // In Santiago clocks jump from 0:00 to 1:00 on 6 September 2026.
    const santiago = new ZoneTime('America/Santiago');
    const begin = Date.UTC(2026, 8, 6, 4);
    assert.equal(santiago.midnightMs(begin + HOUR_MS), begin);
    assert.equal(santiago.dateNumber(begin), 20260906);
  });
});

describe('the calendar', () => {
  const zone = new ZoneTime('Asia/Tokyo');
  const weekdays = {
    openAtMs: 8 * HOUR_MS,
    closeAtMs: 16 * HOUR_MS,
    openDays: [1, 2, 3, 4, 5],
    timeZone: '',
  };
  /** Friday, midnight. */
  const FRIDAY_MS = NOON_MS - 12 * HOUR_MS;

  test('has the opening that is now, or the next one', () => {
    const friday = { openMs: FRIDAY_MS + 8 * HOUR_MS, closeMs: FRIDAY_MS + 16 * HOUR_MS };
    const monday = { openMs: friday.openMs + 3 * DAY_MS, closeMs: friday.closeMs + 3 * DAY_MS };
    for (const hour of [0, 7.9, 8, 12, 15.9]) {
      assert.deepEqual(openingAt(FRIDAY_MS + hour * HOUR_MS, weekdays, zone), friday, `${hour}`);
    }
    for (const hour of [16, 23, 30, 70]) {
      assert.deepEqual(openingAt(FRIDAY_MS + hour * HOUR_MS, weekdays, zone), monday, `${hour}`);
    }
  });

  test('may go on past midnight', () => {
    const night = { ...weekdays, openAtMs: 16.5 * HOUR_MS, closeAtMs: 6 * HOUR_MS };
    const opening = { openMs: FRIDAY_MS + 16.5 * HOUR_MS, closeMs: FRIDAY_MS + 30 * HOUR_MS };
    for (const hour of [6, 16.5, 24, 29.9]) {
      assert.deepEqual(openingAt(FRIDAY_MS + hour * HOUR_MS, night, zone), opening, `${hour}`);
    }
  });

  test('without days has none', () => {
    assert.equal(openingAt(NOON_MS, { ...weekdays, openDays: [] }, zone), undefined);
  });
});

describe('a venue with a calendar', () => {
  const options = optionsOf({ day: 'calendar' });

  function venueAt(timeMs: number, stored?: ExchangeState): TestVenue {
    return new TestVenue(options, (exchange) => stored && exchange.restore(stored), timeMs);
  }

  test('is open when it is made within an opening, and not before', () => {
    assert.equal(venueAt(NOON_MS).exchange.state, 'open');
    const early = venueAt(NOON_MS - 5 * HOUR_MS);
    assert.equal(early.exchange.state, 'before-open');
    assert.equal(early.exchange.dueMs, NOON_MS - 4 * HOUR_MS);
    early.advance(HOUR_MS);
    assert.equal(early.exchange.state, 'open');
    assert.equal(early.exchange.dueMs, NOON_MS + 4 * HOUR_MS);
  });

  test('closes, and opens again on the next day, in a new session', () => {
    const venue = venueAt(NOON_MS);
    const { session } = venue.exchange;
    venue.advance(4 * HOUR_MS);
    assert.equal(venue.exchange.state, 'before-open');
    assert.notEqual(venue.exchange.session, session);
    // Friday evening: the next is on Monday.
    assert.equal(venue.exchange.dueMs, NOON_MS + 3 * DAY_MS - 4 * HOUR_MS);
    const next = venue.exchange.session;
    venue.advance(3 * DAY_MS - 8 * HOUR_MS);
    assert.equal(venue.exchange.state, 'open');
    assert.equal(venue.exchange.session, next);
  });

  test('that was closed by hand stays closed for this opening', () => {
    const venue = venueAt(NOON_MS);
    venue.turn((exchange) => exchange.closeDay());
    venue.advance(HOUR_MS);
    assert.equal(venue.exchange.state, 'before-open');
    const again = venueAt(venue.nowMs, venue.exchange.freeze());
    assert.equal(again.exchange.state, 'before-open', 'a new start does not open it');
    venue.advance(3 * DAY_MS - HOUR_MS);
    assert.equal(venue.exchange.state, 'open');
  });

  test('that was down over its close begins the next day anew', () => {
    const venue = venueAt(NOON_MS);
    const { session } = venue.exchange;
    venue.logIn('ALICE').enter(1);
    const again = venueAt(NOON_MS + 3 * DAY_MS, venue.exchange.freeze());
    assert.equal(again.exchange.state, 'open');
    assert.notEqual(again.exchange.session, session);
    assert.equal(again.exchange.figures().openOrders, 0);
    assert.deepEqual(again.logIn('ALICE').news(), ['S S']);
  });

  test('that was down for days does not close what it has just begun', () => {
    const venue = venueAt(NOON_MS);
    venue.advance(4 * HOUR_MS);
    // Never open on Monday; on Tuesday at noon it comes back.
    const again = venueAt(NOON_MS + 4 * DAY_MS, venue.exchange.freeze());
    assert.equal(again.exchange.state, 'open');
    assert.equal(again.exchange.dueMs, NOON_MS + 4 * DAY_MS + 4 * HOUR_MS);
    again.advance(1);
    assert.equal(again.exchange.state, 'open');
  });
});

test('a venue without a calendar has nothing due, from its start on and after another one', () => {
  const venue = new TestVenue();
  assert.equal(venue.exchange.dueMs, Number.POSITIVE_INFINITY);
  const again = new TestVenue(optionsOf(), (exchange) => exchange.restore(venue.exchange.freeze()));
  assert.equal(again.exchange.dueMs, Number.POSITIVE_INFINITY);
});

describe('numbers and times', () => {
  const orderNumber = (packet: Buffer | undefined) => packet?.readBigUInt64BE(3 + 50);

  test('are of the date on which the day began, and go on over midnight', () => {
    const venue = new TestVenue();
    const alice = venue.logIn('ALICE');
    alice.enter(1);
    venue.advance(12 * HOUR_MS + 1);
    alice.enter(2);
    const [, first, second] = packetsIn(alice.received);
    assert.equal(orderNumber(first), 202607310000000001n);
    assert.equal(orderNumber(second), 202607310000000002n);
    assert.equal(first?.readBigUInt64BE(4), BigInt(12 * HOUR_MS) * 1_000_000n);
    assert.equal(second?.readBigUInt64BE(4), 1_000_000n, 'timestamps begin anew at midnight');
  });

  test('of a second day on one date go on, and on another date begin anew', () => {
    const venue = new TestVenue();
    venue.logIn('ALICE').enter(1);
    const cycle = () => {
      venue.turn((exchange) => exchange.closeDay());
      venue.turn((exchange) => exchange.openDay());
      const alice = venue.logIn('ALICE');
      alice.enter(1);
      return orderNumber(packetsIn(alice.received).at(-1));
    };
    assert.equal(cycle(), 202607310000000002n);
    venue.advance(DAY_MS);
    assert.equal(cycle(), 202608010000000001n);
  });

  test('never go back, and wait for a date that was set back at half their speed', () => {
    const venue = new TestVenue();
    const alice = venue.logIn('ALICE');
    const timeOfLast = () =>
      Number((packetsIn(alice.received).at(-1) ?? assert.fail()).readBigUInt64BE(4)) / 1e6;
    venue.nowMs -= 1000;
    alice.enter(1);
    assert.equal(timeOfLast(), 12 * HOUR_MS);
    venue.advance(600);
    alice.enter(2);
    assert.equal(timeOfLast(), 12 * HOUR_MS + 300);
    venue.advance(1600);
    alice.enter(3);
    assert.equal(timeOfLast(), 12 * HOUR_MS + 1200);
  });
});
