/** Ids of books and groups: four characters as they are on the wire, read as one big-endian number. */

const SPACE = 0x20;

/** A text of up to four characters, padded with spaces. */
export function textNumber(text: string): number {
  let number = 0;
  for (let i = 0; i < 4; i++) number = (number << 8) | (i < text.length ? text.charCodeAt(i) : SPACE);
  return number >>> 0;
}

/** Without its padding. */
export function numberText(number: number): string {
  return String.fromCharCode(
    number >>> 24,
    (number >>> 16) & 255,
    (number >>> 8) & 255,
    number & 255,
  ).trimEnd();
}

/** With spaces in place of the NULs with which some clients pad. */
export function spacePadded(number: number): number {
  if ((number & 0xff) !== 0) return number;
  let padded = number | SPACE;
  if ((number & 0xffff) === 0) padded |= SPACE << 8;
  if ((number & 0xffffff) === 0) padded |= SPACE << 16;
  return padded >>> 0;
}
