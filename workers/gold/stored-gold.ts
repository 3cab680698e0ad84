/** The store of gold rates, for the commands on a data folder. */
import { type GoldRow, RATES_ADDRESS } from '../../src/protocol/gold.ts';
import { isGoldDate } from '../../src/protocol/gold-dates.ts';
import type { StoredKind } from '../data/stored-kind.ts';
import {
  type Check,
  type FieldChecks,
  hasFields,
  isOneOf,
  isPositive,
  isText,
  isTime,
} from '../data/value-checks.ts';
import { valueKind } from '../data/value-kind.ts';
import { GoldActor } from './gold-actor.ts';
import type { GoldEvent } from './rates.ts';

const isDate: Check = (value) => typeof value === 'string' && isGoldDate(value);

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
  buyVnd: isPositive,
  sellVnd: isPositive,
};

const isRefresh: Check = (value) =>
  hasFields(value, {
    date: isDate,
    source: isText,
    timeMs: isTime,
    rows: (rows) => Array.isArray(rows) && rows.every((row) => hasFields(row, ROW)),
  });

/** What each event has beside its type. */
const EVENTS: Readonly<Record<GoldEvent['type'], FieldChecks>> = {
  refreshed: { refresh: isRefresh },
  imported: { refresh: isRefresh },
  confirmed: { date: isDate, source: isText, timeMs: isTime },
};

const rates = valueKind<GoldEvent>({
  address: RATES_ADDRESS,
  name: 'the store of gold rates',
  create: () => new GoldActor({ messageBytesMax: 0, isSignInAsked: false, refreshMs: 0, sources: [] }),
  isEvent: (value): value is GoldEvent => isOneOf(value, EVENTS),
});

export const STORED_GOLD: readonly StoredKind[] = [rates];
