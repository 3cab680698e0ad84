/**
 * Text from outside as it may go to a terminal: one line, in which nothing moves the cursor, changes a colour or turns
 * the direction of writing.
 *
 * Invariant: no control character is left, whatever was put in or nested; what begins like a sequence and never ends
 * loses its introducer and is shown.
 */

/** The sequences of ECMA-48: with parameters, with a text that is ended, and the short ones. */
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])\P{Cc}*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]/gu;

const BREAK = /\r\n|[\t\n\v\f\r\x85\u2028\u2029]/g;

/** Without a width in a terminal; what joins emoji and letters is not among them. */
const UNSEEN = /[\p{Cc}\p{Bidi_Control}\u200b\u2060\ufeff]/gu;

export function printable(text: string): string {
  return text.replace(SEQUENCE, '').replace(BREAK, ' ').replace(UNSEEN, '');
}
