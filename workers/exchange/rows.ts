/** Records without objects: rows of 32-bit words in one array, and a record is the place of its row. */

/** No record. */
export const NONE = -1;

/** A longer array that begins with the same words. */
export function grown(words: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(length);
  longer.set(words);
  return longer;
}
