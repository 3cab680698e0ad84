/** The venue's time: what day it is there, when its midnight was, and when the calendar opens and closes it. */
import type { ExchangeSettings } from '../../src/protocol/host-task.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export type CalendarSettings = Pick<ExchangeSettings, 'openAtMs' | 'closeAtMs' | 'openDays' | 'timeZone'>;

/** When a day begins and when it ends. */
export interface Opening {
  readonly openMs: number;
  readonly closeMs: number;
}

/** Times of a zone. Wall clock times are milliseconds as if the zone were UTC. */
export class ZoneTime {
  readonly #format: Intl.DateTimeFormat;
  /** The last midnight that was asked for, and until when it is the last one. */
  #midnightMs = 0;
  #untilMs = 0;

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  }

  /** The beginning of the day that `timeMs` is in. */
  midnightMs(timeMs: number): number {
    if (timeMs < this.#midnightMs || timeMs >= this.#untilMs) {
      const wall = floorToDay(this.#wallOf(timeMs));
      this.#midnightMs = this.toTimeMs(wall);
      this.#untilMs = this.toTimeMs(wall + DAY_MS);
    }
    return this.#midnightMs;
  }

  /** 20260731. */
  dateNumber(timeMs: number): number {
    const date = new Date(this.#wallOf(timeMs));
    return date.getUTCFullYear() * 10_000 + (date.getUTCMonth() + 1) * 100 + date.getUTCDate();
  }

  /** The first moment at which the zone's clocks show this, or more where they skip it. */
  toTimeMs(wallMs: number): number {
    // Within a day of a change of clocks one of the two offsets is in force.
    const candidates = [wallMs - DAY_MS, wallMs + DAY_MS].map((near) => wallMs - (this.#wallOf(near) - near));
    const exact = candidates.filter((timeMs) => this.#wallOf(timeMs) === wallMs);
    if (exact.length > 0) return Math.min(...exact);
    // Skipped: the clocks jump over it in the hour before the later of the two.
    const latest = Math.max(...candidates);
    return this.#wallOf(latest - HOUR_MS) >= wallMs ? latest - HOUR_MS : latest;
  }

  wallMidnight(timeMs: number): number {
    return floorToDay(this.#wallOf(timeMs));
  }

  #wallOf(timeMs: number): number {
    const whole = Math.floor(timeMs / 1000) * 1000;
    const parts = this.#format.formatToParts(whole);
    const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
    return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  }
}

/** The opening that `timeMs` is in, or the next one; undefined if the calendar has no days. */
export function openingAt(timeMs: number, calendar: CalendarSettings, zone: ZoneTime): Opening | undefined {
  const { openAtMs, closeAtMs, openDays } = calendar;
  const lengthMs = closeAtMs > openAtMs ? closeAtMs - openAtMs : closeAtMs + DAY_MS - openAtMs;
  const today = zone.wallMidnight(timeMs);
  // Yesterday's opening may go on past midnight.
  for (let day = -1; day <= 7; day++) {
    const wall = today + day * DAY_MS;
    if (!openDays.includes(new Date(wall).getUTCDay())) continue;
    const opening = {
      openMs: zone.toTimeMs(wall + openAtMs),
      closeMs: zone.toTimeMs(wall + openAtMs + lengthMs),
    };
    if (timeMs < opening.closeMs) return opening;
  }
  return undefined;
}

function floorToDay(wallMs: number): number {
  return Math.floor(wallMs / DAY_MS) * DAY_MS;
}
