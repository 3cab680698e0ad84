/** Bank money: integer cents in a number, always within the safe integers. */
declare const brand: unique symbol;
export type MinorUnits = number & { readonly [brand]: 'MinorUnits' };

/** 9,007,199,254,740,991 cents: the largest balance and the largest amount of one transaction. */
export const MINOR_UNITS_MAX = Number.MAX_SAFE_INTEGER as MinorUnits;

export function toMinorUnits(cents: number): MinorUnits {
  if (!Number.isSafeInteger(cents)) throw new RangeError(`money is whole cents within ±2^53, not ${cents}`);
  return cents as MinorUnits;
}

/** `-521649` is `$-5216.49`. */
export function formatMoney(cents: MinorUnits): string {
  const magnitude = Math.abs(cents);
  const dollars = Math.floor(magnitude / 100);
  return `$${cents < 0 ? '-' : ''}${dollars}.${String(magnitude % 100).padStart(2, '0')}`;
}
