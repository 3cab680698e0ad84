/** Checks of values that are to be events, as far as that can be seen without a state. */

export type Check = (value: unknown) => boolean;
/** For each field of an object. */
export type FieldChecks = Readonly<Record<string, Check>>;

export const isText: Check = (value) => typeof value === 'string';
export const isTime: Check = (value) => typeof value === 'number' && Number.isFinite(value);
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const isPositive: Check = (value) => isCount(value) && value !== 0;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** It has these and no others. */
export function hasFields(value: unknown, fields: FieldChecks): boolean {
  if (!isRecord(value) || Object.keys(value).length !== Object.keys(fields).length) return false;
  return Object.entries(fields).every(([name, check]) => check(value[name]));
}

/** It is one of these types, with the fields of that type beside it and no others. */
export function isOneOf(value: unknown, types: Readonly<Record<string, FieldChecks>>): boolean {
  const { type } = isRecord(value) ? value : {};
  if (typeof type !== 'string' || !Object.hasOwn(types, type)) return false;
  return hasFields(value, { type: isText, ...types[type] });
}
