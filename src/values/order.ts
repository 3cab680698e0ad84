/** Orders of rows. */

/** For `sort`: by what `keyOf` gives, numbers from the highest down, texts from A to Z. */
export function by<Row>(keyOf: (row: Row) => number | string): (a: Row, b: Row) => number {
  return (a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)];
    if (typeof left === 'number' && typeof right === 'number') return right - left;
    return String(left) < String(right) ? -1 : Number(String(left) > String(right));
  };
}
