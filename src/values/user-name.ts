/** What a user may be called, what a password may be, and how both stand on a line. */

export const NAME_CHARACTERS_MAX = 32;
export const PASSWORD_BYTES_MAX = 1024;

/**
 * Neither white space, control characters nor others that do not show, with which a name would look like another's; nor
 * what a decoder puts where bytes are no UTF-8. (U+2800 is a blank that counts as a symbol.)
 */
const NAME = new RegExp(
  `^[^\\p{Z}\\p{C}\\p{Default_Ignorable_Code_Point}\\u2800\\uFFFD]{1,${NAME_CHARACTERS_MAX}}$`,
  'u',
);
/** What ends lines, on which passwords stand, and half characters, of which no bytes can be made. */
const NOT_IN_PASSWORDS = /[\n\r\0\p{Cs}]/u;

/** The name as it is kept; undefined if nobody can be called so. */
export function userName(text: string): string | undefined {
  const name = text.normalize('NFC');
  return NAME.test(name) ? name : undefined;
}

/**
 * What is compared, and never shown: names with the same key are one. By way of capitals, since letters such as ς and σ
 * have one capital.
 */
export function userKey(name: string): string {
  return name.toUpperCase().toLowerCase().normalize('NFC');
}

/** What is hashed; undefined if it is no password. */
export function passwordBytes(text: string): Uint8Array | undefined {
  if (NOT_IN_PASSWORDS.test(text)) return undefined;
  const bytes = new TextEncoder().encode(text.normalize('NFC'));
  return bytes.length > 0 && bytes.length <= PASSWORD_BYTES_MAX ? bytes : undefined;
}

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** What a person types: all behind the first space is the password, spaces too. Undefined without both. */
export function credentials(line: string): Credentials | undefined {
  return splitAt(line, line.indexOf(' '));
}

/** A line of a file of users, `name password` or `name,password`; blanks around either do not count. */
export function credentialsOfFile(line: string): Credentials | undefined {
  const text = line.trim();
  const split = splitAt(text, text.search(/[\s,]/));
  return split && { name: split.name, password: split.password.trimStart() };
}

function splitAt(line: string, at: number): Credentials | undefined {
  if (at < 1 || at === line.length - 1) return undefined;
  return { name: line.slice(0, at), password: line.slice(at + 1) };
}
