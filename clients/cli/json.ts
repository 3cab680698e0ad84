/** JSON that may be shown on a terminal. */

/** What JSON leaves as it is, though it moves the cursor or turns the direction of writing. */
const UNSEEN = /[\x7f-\x9f\u2028\u2029\p{Bidi_Control}]/gu;

/** One line. */
export function toJson(value: unknown): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value).replace(UNSEEN, escaped)}\n`;
}
