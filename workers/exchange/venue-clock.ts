/**
 * The time of the current turn, and the numbers of the day, as messages have them. A number is the date on which the
 * day began, as eight digits, and ten digits of a counter: a number of 64 bits, of which the counter is held.
 */
import type { Wide } from '../../src/protocol/ouch/flat.ts';
import type { SessionState } from './exchange-snapshot.ts';
import type { ZoneTime } from './trading-day.ts';

const WORD = 0x1_0000_0000;
const COUNTER_DIGITS = 10;
const NS_PER_MS = 1e6;

export class VenueClock {
  readonly zone: ZoneTime;
  /**
   * Of the turn, in milliseconds since 1970. It never goes back, nor does it stand still: where the date is set back it
   * waits for it at half its speed.
   */
  nowMs = 0;
  /** When an account was told something last. */
  toldMs = 0;
  /** From which the timestamps of messages count. */
  midnightMs = 0;
  /** Nanoseconds since midnight. */
  readonly time: Mutable<Wide> = { high: 0, low: 0 };
  /** Of the day, 20260731; 0 before the first one. */
  date = 0;
  /** The last ones that were given; from 1 on each date. */
  orders = 0;
  matches = 0;
  /** The last order number or match number that was asked for. */
  readonly number: Mutable<Wide> = { high: 0, low: 0 };
  #dateMs = 0;
  #baseHigh = 0;
  #baseLow = 0;

  constructor(zone: ZoneTime) {
    this.zone = zone;
  }

  /** True if another day of the calendar has begun. */
  set(timeMs: number): boolean {
    const passedMs = Math.max(0, timeMs - this.#dateMs);
    this.#dateMs = timeMs;
    this.nowMs = Math.max(timeMs, this.nowMs + passedMs / 2);
    const midnightMs = this.zone.midnightMs(this.nowMs);
    const ns = Math.floor((this.nowMs - midnightMs) * NS_PER_MS);
    this.time.high = Math.floor(ns / WORD);
    this.time.low = ns >>> 0;
    if (midnightMs === this.midnightMs) return false;
    this.midnightMs = midnightMs;
    return true;
  }

  /** Goes on with what was stored. */
  restore({ date, orders, matches, midnightMs, toldMs }: SessionState): void {
    this.nowMs = toldMs;
    this.#dateMs = toldMs;
    this.toldMs = toldMs;
    this.beginDay(date);
    this.orders = orders;
    this.matches = matches;
    this.midnightMs = midnightMs;
  }

  /** Numbers are those of this date; a new one begins them anew. */
  beginDay(date: number): void {
    if (date === this.date) return;
    this.date = date;
    const base = BigInt(date) * 10n ** BigInt(COUNTER_DIGITS);
    this.#baseHigh = Number(base >> 32n);
    this.#baseLow = Number(base & 0xffffffffn);
    this.orders = 0;
    this.matches = 0;
  }

  /** Valid until the next call. */
  numberOf(counter: number): Wide {
    const low = this.#baseLow + counter;
    this.number.high = low < WORD ? this.#baseHigh : this.#baseHigh + 1;
    this.number.low = low >>> 0;
    return this.number;
  }

  /** Of a number of this day, given its lower half. */
  counterOf(low: number): number {
    return (low - this.#baseLow) >>> 0;
  }
}

/** A number of a day, decimal. */
export function numberTextOf(date: number, counter: number): string {
  return `${date}${String(counter).padStart(COUNTER_DIGITS, '0')}`;
}

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };
