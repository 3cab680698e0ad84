/** The store of gold rates, for the commands on a data folder. */
import { type GoldRow, RATES_ADDRESS } from '../../src/protocol/gold.ts';
import { isGoldDate } from '../../src/protocol/gold-dates.ts';
import type { StoredKind } from '../data/stored-kind.ts';
import { valueKind } from '../data/value-kind.ts';
import { GoldActor } from './gold-actor.ts';
import type { GoldEvent } from './rates.ts';

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isDate: Check = (value) => typeof value === 'string' && isGoldDate(value);
const isTime: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isPrice: Check = (value) => Number.isSafeInteger(value) && (value as number) > 0;

const ROW: Readonly<Record<keyof GoldRow, Check>> = {
  company: isText,
  brand: isText,
  type: isText,
  code: isText,
  buy: isText,
  sell: isText,
  updated: isText,
  day: isText,
  id: isText,
  buyVnd: isPrice,
  sellVnd: isPrice,
};

const isRefresh: Check = (value) =>
  hasFields(value, {
    date: isDate,
    source: isText,
    timeMs: isTime,
    rows: (rows) => Array.isArray(rows) && rows.every((row) => hasFields(row, ROW)),
  });

/** What each event has beside its type. */
const EVENTS: Readonly<Record<GoldEvent['type'], Readonly<Record<string, Check>>>> = {
  refreshed: { refresh: isRefresh },
  imported: { refresh: isRefresh },
  confirmed: { date: isDate, source: isText, timeMs: isTime },
};

const rates = valueKind<GoldEvent>({
  address: RATES_ADDRESS,
  name: 'the store of gold rates',
  create: () => new GoldActor({ messageBytesMax: 0, isSignInAsked: false, refreshMs: 0, sources: [] }),
  isEvent(value): value is GoldEvent {
    const { type } = isRecord(value) ? value : {};
    if (typeof type !== 'string' || !Object.hasOwn(EVENTS, type)) return false;
    return hasFields(value, { type: isText, ...EVENTS[type as GoldEvent['type']] });
  },
});

export const STORED_GOLD: readonly StoredKind[] = [rates];

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** It has these and no others. */
function hasFields(value: unknown, fields: Readonly<Record<string, Check>>): boolean {
  if (!isRecord(value) || Object.keys(value).length !== Object.keys(fields).length) return false;
  return Object.entries(fields).every(([name, check]) => check(value[name]));
}
