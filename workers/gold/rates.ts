/**
 * All rates that were ever accepted, by day. Pure: `decide` says what happened, `apply` makes it so.
 *
 * A day has its refreshes in order: invented ones, imported ones, fetched ones, each kind by time. The last of them is
 * what a look-up answers, so an import never replaces what was fetched. A refresh in which nothing but the times of rows
 * is new takes the place of the one before it; one that is wholly the same only confirms it.
 *
 * Invariants: `#dates` are those of `#days`, in order; a row that is equal to the one in its place in the
 * refresh before, of the same day, is that object.
 */
import type {
  Found,
  GoldAnswer,
  GoldAnswers,
  GoldCommand,
  GoldNotice,
  GoldRefresh,
  GoldRow,
  Missing,
} from '../../src/protocol/gold.ts';
import { goldDateOf, startOfGoldDate } from '../../src/protocol/gold-dates.ts';
import { IMPORT_SOURCE } from '../../src/protocol/gold-file.ts';
import { medianOf } from './check-rows.ts';
import { nearestName, rowsNamed, Wanted } from './gold-names.ts';

export type GoldEvent =
  | { readonly type: 'refreshed'; readonly refresh: GoldRefresh }
  | { readonly type: 'imported'; readonly refresh: GoldRefresh }
  | { readonly type: 'confirmed'; readonly date: string; readonly source: string; readonly timeMs: number };

/** How things stand when something is asked. */
export interface Now {
  readonly timeMs: number;
  /** The rates of today may have changed since they were fetched. */
  readonly isFailing: boolean;
}

/** What is frozen at once, to be written later. */
export interface FrozenDay {
  readonly date: string;
  readonly refreshes: readonly GoldRefresh[];
  readonly confirmedMs: number;
}

interface Day {
  refreshes: readonly GoldRefresh[];
  /** When the last refresh was last known to be right. */
  confirmedMs: number;
}

const EXAMPLE = 'example';
/** Prices that are further apart in time are not compared. */
const COMPARABLE_MS = 7 * 86_400_000;

export class Rates {
  readonly #days = new Map<string, Day>();
  readonly #dates: string[] = [];
  #refreshes = 0;
  #latest: GoldRefresh | undefined;

  get figures(): Readonly<Record<string, number>> {
    return { dates: this.#dates.length, refreshes: this.#refreshes };
  }

  /** The day of what `latest` answers. */
  get latestDate(): string | undefined {
    return this.#latest?.date;
  }

  get latestRows(): number {
    return this.#latest?.rows.length ?? 0;
  }

  /** When what `latest` answers was last known to be right. */
  get confirmedMs(): number | undefined {
    return this.#latest === undefined ? undefined : this.#days.get(this.#latest.date)?.confirmedMs;
  }

  /** What a new refresh may be compared with: the median of its prices, if it is of late. */
  comparableMedian(timeMs: number): number | undefined {
    const latest = this.#latest;
    if (latest === undefined || rankOf(latest) < RANK_FETCHED || latest.rows.length === 0) return undefined;
    return timeMs - (this.confirmedMs as number) < COMPARABLE_MS ? medianOf(latest.rows) : undefined;
  }

  refreshesOf(date: string): readonly GoldRefresh[] {
    return this.#days.get(date)?.refreshes ?? [];
  }

  /** Of a refresh that was fetched. */
  decide(refresh: GoldRefresh): readonly GoldEvent[] {
    const { date, source, timeMs } = refresh;
    const last = this.refreshesOf(date).at(-1);
    const isSame = last?.source === source && isEqual(last.rows, refresh.rows, isSameRow);
    return [isSame ? { type: 'confirmed', date, source, timeMs } : { type: 'refreshed', refresh }];
  }

  /** Of a source that has said that nothing changed since its rates were taken, which are the latest. */
  confirm(source: string, timeMs: number): readonly GoldEvent[] {
    const date = this.#latest?.source === source ? this.#latest.date : undefined;
    return date === undefined ? [] : [{ type: 'confirmed', date, source, timeMs }];
  }

  /** Nothing if it is there already. */
  decideImport({ date, timeMs, rows }: GoldRefresh): readonly GoldEvent[] {
    const refresh: GoldRefresh = { date, source: IMPORT_SOURCE, timeMs, rows };
    return this.#isKnown(refresh) ? [] : [{ type: 'imported', refresh }];
  }

  apply(event: GoldEvent): void {
    if (event.type === 'confirmed') {
      const day = this.#days.get(event.date);
      if (day === undefined) throw new RangeError(`there are no rates of ${event.date}`);
      day.confirmedMs = event.timeMs;
      return;
    }
    const { refresh } = event;
    if (event.type === 'imported' && this.#isKnown(refresh)) {
      throw new RangeError(`rates of ${refresh.date} were imported twice`);
    }
    this.#add(refresh);
  }

  /** What is other than in the latest rates, if the refresh takes their place. To be asked before it is applied. */
  changesOf(refresh: GoldRefresh): GoldNotice | undefined {
    const latest = this.#latest;
    if (latest !== undefined && isBefore(refresh, latest)) return undefined;
    const known = byName(latest?.rows ?? []);
    const rows: GoldRow[] = [];
    const before: (GoldRow | null)[] = [];
    for (const [name, row] of byName(refresh.rows)) {
      const was = known.get(name) ?? null;
      if (was?.buyVnd === row.buyVnd && was.sellVnd === row.sellVnd) continue;
      rows.push(row);
      before.push(was);
    }
    if (rows.length === 0) return undefined;
    const { date, source, timeMs } = refresh;
    return { type: 'gold-changed', date, source, timeMs, rows, before };
  }

  lookUp(date: string, wanted: string, now: Now): Found {
    const shown = this.#shown(date);
    if (shown === undefined) return { missing: 'date', nearest: this.#nearestDate(date) };
    return answerOf(shown, wanted, this.#answer(shown, now, isFromToday(date, now)));
  }

  /** The latest rates are of now, whatever their day. */
  latest(wanted: string | undefined, now: Now): Found {
    const latest = this.#latest;
    if (latest === undefined) return { missing: 'date', nearest: null };
    const answer = this.#answer(latest, now, true);
    return wanted === undefined ? answer : answerOf(latest, wanted, answer);
  }

  range(query: GoldCommand & { readonly type: 'range' }, now: Now): GoldAnswers['range'] {
    const { from, to, wanted, limit } = query;
    const dates = this.#dates.filter((date) => date >= from && date <= to);
    if (dates.length === 0) return { missing: 'date', nearest: this.#nearestDate(from) };
    const named = new Wanted(wanted);
    const days = dates.flatMap((date): GoldAnswer[] => {
      const shown = this.#shown(date) as GoldRefresh;
      const rows = named.rowsIn(shown.rows);
      return rows.length === 0 ? [] : [{ ...this.#answer(shown, now, isFromToday(date, now)), rows }];
    });
    if (days.length > 0) return { days: days.slice(0, limit), total: days.length };
    return missingType(wanted, this.#shown(dates.at(-1) as string) as GoldRefresh);
  }

  /** Of the latest rates, if no date is named. */
  types(date = this.latestDate): readonly string[] {
    const rows = (date === undefined ? undefined : this.#shown(date))?.rows ?? [];
    return [...new Set(rows.map(({ type }) => type))];
  }

  /** The last ones, newest first. */
  dates(limit: number): GoldAnswers['dates'] {
    return { dates: this.#dates.slice(-limit).reverse(), total: this.#dates.length };
  }

  freeze(): readonly FrozenDay[] {
    return this.#dates.map((date) => ({ date, ...(this.#days.get(date) as Day) }));
  }

  /** Only at the beginning; may be called with the days one part after the other. */
  restore(days: readonly FrozenDay[]): void {
    for (const { date, refreshes, confirmedMs } of days) {
      for (const refresh of refreshes) this.#add(refresh);
      (this.#days.get(date) as Day).confirmedMs = confirmedMs;
    }
  }

  #add(given: GoldRefresh): void {
    const { date } = given;
    const day = this.#days.get(date) ?? this.#open(date);
    const index = day.refreshes.findLastIndex((other) => !isBefore(given, other)) + 1;
    const [previous, next] = [day.refreshes[index - 1], day.refreshes[index]];
    // The clock was set back: what comes behind it says the same.
    if (isRepeated(given, next)) return;
    const refresh = { ...given, rows: withKnownRows(given.rows, previous?.rows ?? []) };
    const replaced = Number(isRepeated(previous, given));
    day.refreshes = day.refreshes.toSpliced(index - replaced, replaced, refresh);
    this.#refreshes += 1 - replaced;
    if (next === undefined) day.confirmedMs = refresh.timeMs;
    if (this.#latest === undefined || !isBefore(refresh, this.#latest)) this.#latest = refresh;
  }

  #open(date: string): Day {
    const day: Day = { refreshes: [], confirmedMs: 0 };
    this.#days.set(date, day);
    const index = this.#dates.findLastIndex((other) => other < date) + 1;
    this.#dates.splice(index, 0, date);
    return day;
  }

  #isKnown({ date, timeMs }: GoldRefresh): boolean {
    return this.refreshesOf(date).some((known) => known.source === IMPORT_SOURCE && known.timeMs === timeMs);
  }

  #shown(date: string): GoldRefresh | undefined {
    return this.#days.get(date)?.refreshes.at(-1);
  }

  #answer(refresh: GoldRefresh, now: Now, isOfNow: boolean): GoldAnswer {
    const { date, source, rows } = refresh;
    const { confirmedMs: timeMs } = this.#days.get(date) as Day;
    const ageMs = Math.max(0, now.timeMs - timeMs);
    return { date, source, rows, timeMs, ageMs, isStale: isOfNow && now.isFailing };
  }

  #nearestDate(date: string): string | null {
    const ms = startOfGoldDate(date);
    const distance = (other: string | undefined) =>
      other === undefined ? Number.POSITIVE_INFINITY : Math.abs(startOfGoldDate(other) - ms);
    const after = this.#dates.findIndex((other) => other > date);
    const [before, next] = after === -1 ? [this.#dates.at(-1)] : [this.#dates[after - 1], this.#dates[after]];
    return (distance(next) < distance(before) ? next : before) ?? null;
  }
}

/** The answer with the rows of that name. */
function answerOf(refresh: GoldRefresh, wanted: string, answer: GoldAnswer): Found {
  const named = rowsNamed(wanted, refresh.rows);
  return named.length > 0 ? { ...answer, rows: named } : missingType(wanted, refresh);
}

function missingType(wanted: string, { rows }: GoldRefresh): Missing {
  return { missing: 'type', nearest: nearestName(wanted, rows) ?? null };
}

/** Only what is of now may be out of date. */
function isFromToday(date: string, now: Now): boolean {
  return date >= goldDateOf(now.timeMs);
}

const RANK_FETCHED = 2;

function rankOf({ source }: GoldRefresh): number {
  if (source === EXAMPLE) return 0;
  return source === IMPORT_SOURCE ? 1 : RANK_FETCHED;
}

/** `after` has nothing that is new but the times of rows. What was imported stays as it was. */
function isRepeated(before: GoldRefresh | undefined, after: GoldRefresh | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  if (before.source !== after.source || after.source === IMPORT_SOURCE) return false;
  return isEqual(before.rows, after.rows, isSamePrice);
}

/** By kind, day and time. */
function isBefore(refresh: GoldRefresh, other: GoldRefresh): boolean {
  const [rank, otherRank] = [rankOf(refresh), rankOf(other)];
  if (rank !== otherRank) return rank < otherRank;
  if (refresh.date !== other.date) return refresh.date < other.date;
  return refresh.timeMs < other.timeMs;
}

/** By what tells a row from others; of rows that nothing tells apart the second is another than the first. */
function byName(rows: readonly GoldRow[]): Map<string, GoldRow> {
  const named = new Map<string, GoldRow>();
  const counts = new Map<string, number>();
  for (const row of rows) {
    const name = [row.company, row.brand, row.type, row.code].join('\n');
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    named.set(`${name}\n${count}`, row);
  }
  return named;
}

/** Each row, or the known one in its place if that is equal. */
function withKnownRows(rows: readonly GoldRow[], known: readonly GoldRow[]): readonly GoldRow[] {
  return rows.map((row, i) => {
    const before = known[i];
    return before !== undefined && isSameRow(before, row) ? before : row;
  });
}

function isEqual(
  left: readonly GoldRow[],
  right: readonly GoldRow[],
  isSame: (left: GoldRow, right: GoldRow) => boolean,
): boolean {
  return left.length === right.length && left.every((row, i) => isSame(row, right[i] as GoldRow));
}

function isSameRow(left: GoldRow, right: GoldRow): boolean {
  return isSamePrice(left, right) && left.updated === right.updated;
}

/** The same but for when the source has looked at it. */
function isSamePrice(left: GoldRow, right: GoldRow): boolean {
  return (
    left.company === right.company &&
    left.brand === right.brand &&
    left.type === right.type &&
    left.code === right.code &&
    left.buy === right.buy &&
    left.sell === right.sell &&
    left.day === right.day &&
    left.id === right.id &&
    left.buyVnd === right.buyVnd &&
    left.sellVnd === right.sellVnd
  );
}
