/**
 * What the messages of the lobby's clients mean. Pure.
 *
 *     status · list · help · bye       alone, in capitals or not
 *     say TEXT · get NAME · put NAME SIZE · signin NAME PASSWORD
 *     anything else                    is echoed
 */
import { printable } from '../../src/values/printable.ts';
import { type Credentials, credentials } from '../../src/values/user-name.ts';

export type LobbyRequest =
  | { readonly type: 'status' | 'list' | 'help' | 'bye' }
  | { readonly type: 'echo' | 'say'; readonly text: string }
  /** The name is as it came: whether a file can be called so is not decided here. */
  | { readonly type: 'get'; readonly name: string }
  | { readonly type: 'put'; readonly name: string; readonly size: number }
  /** Never shown, wherever it comes. */
  | { readonly type: 'signin'; readonly credentials: Credentials | undefined }
  | { readonly type: 'wrong'; readonly usage: string };

const ALONE = /^(status|list|help|bye)$/i;
const WITH_MORE = /^(say|get|put)(?:\s+(.*))?$/is;
/** Spaces at the end belong to the password. */
const SIGNIN = /^\s*signin(?:\s(.*))?$/is;
const NAME_AND_SIZE = /^(.*\S)\s+(\d+)$/s;

export function parseRequest(text: string): LobbyRequest {
  const signin = SIGNIN.exec(text);
  if (signin !== null) return { type: 'signin', credentials: credentials(signin[1] ?? '') };
  const words = text.trim();
  const [, alone] = ALONE.exec(words) ?? [];
  if (alone !== undefined) return { type: alone.toLowerCase() as 'status' | 'list' | 'help' | 'bye' };
  const [, verb, rest = ''] = WITH_MORE.exec(words) ?? [];
  switch (verb?.toLowerCase()) {
    case 'say':
      return rest === '' ? wrong('say TEXT') : { type: 'say', text: printable(rest) };
    case 'get':
      return rest === '' ? wrong('get NAME') : { type: 'get', name: rest };
    case 'put':
      return parsePut(rest);
    default:
      return { type: 'echo', text: printable(text) };
  }
}

function parsePut(rest: string): LobbyRequest {
  const [, name, digits] = NAME_AND_SIZE.exec(rest) ?? [];
  const size = Number(digits);
  if (name === undefined || !Number.isSafeInteger(size)) return wrong('put NAME SIZE, in bytes');
  return { type: 'put', name, size };
}

function wrong(usage: string): LobbyRequest {
  return { type: 'wrong', usage };
}

/** The original client begins every message with its name and a colon. */
export function withoutPrefix(message: string, prefix: string): string {
  if (!message.startsWith(prefix)) return message;
  const start = message[prefix.length] === ' ' ? prefix.length + 1 : prefix.length;
  return message.slice(start);
}
