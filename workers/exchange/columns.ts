/** Records without objects: each field is a typed array, a column, and a record is the same index in all of them. */

export type Column = Uint8Array | Int32Array | Uint32Array | Float64Array;

/** No record. */
export const NONE = -1;

/** A longer column that begins with the same values. */
export function grown<T extends Column>(column: T, length: number): T {
  const Type = column.constructor as new (length: number) => T;
  const longer = new Type(length);
  longer.set(column);
  return longer;
}
