/** Prices are whole tenths of a yen on the wire, and decimal text for people. */
import { OutcryError } from '../../values/errors.ts';

const DECIMAL = /^(\d{1,9})(?:\.(\d))?$/;
const TENTHS_MAX = 0xffffffff;

/** `2300.0` and `2300` are 23000. Throws ERR_OUCH_MESSAGE if it is no price of the wire. */
export function toTenths(price: string): number {
  const [, whole, tenth = '0'] = DECIMAL.exec(price) ?? [];
  const tenths = whole === undefined ? Number.NaN : Number(whole + tenth);
  if (tenths <= TENTHS_MAX) return tenths;
  const message = `a price is ${JSON.stringify(price)}; expected decimal text with at most one decimal, up to 429496729.5`;
  throw new OutcryError('ERR_OUCH_MESSAGE', message, { fields: { field: 'price' } });
}

/** 23000 is `2300.0`. */
export function formatTenths(tenths: number): string {
  return `${Math.floor(tenths / 10)}.${tenths % 10}`;
}
