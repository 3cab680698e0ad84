/** What is typed at the prompt of `outcry lobby`. Pure. */

export type LobbyCommand =
  | { readonly type: 'nothing' | 'help' | 'status' | 'bye' }
  /** For the server, without the client's own name before it. */
  | { readonly type: 'line'; readonly text: string }
  | { readonly type: 'get'; readonly name: string; readonly as: string | undefined }
  | { readonly type: 'put'; readonly file: string }
  | { readonly type: 'wrong'; readonly usage: string };

export const LOBBY_HELP: readonly string[] = [
  'status         who is here, and who was',
  'list           the files that are served',
  'get NAME [AS]  fetches a file, under another name if you like',
  'put FILE       sends a file, if the server takes any',
  'say TEXT       tells it to all others',
  'help           this text',
  'bye            leaves',
  'Anything else is echoed with ACK behind it. A name with blanks stands in quotes.',
];

const ALONE = /^(help|status|bye)$/i;
const WITH_FILE = /^(get|put)(?:\s+(.*))?$/is;
const WORD = /"([^"]*)"|'([^']*)'|(\S+)/g;

/** `name` is what the server calls this client; it takes it off the beginning of a line. */
export function parseCommand(line: string, name: string): LobbyCommand {
  const text = withoutPrefix(line, `${name}:`);
  const words = text.trim();
  if (words === '') return { type: 'nothing' };
  const [, alone] = ALONE.exec(words) ?? [];
  if (alone !== undefined) return { type: alone.toLowerCase() as 'help' | 'status' | 'bye' };
  const [, verb, rest = ''] = WITH_FILE.exec(words) ?? [];
  if (verb === undefined) return { type: 'line', text };
  const [first, second, ...more] = splitWords(rest);
  if (verb.toLowerCase() === 'get') {
    if (first === undefined || more.length > 0) return { type: 'wrong', usage: 'get NAME [AS]' };
    return { type: 'get', name: first, as: second };
  }
  if (first === undefined || second !== undefined) return { type: 'wrong', usage: 'put FILE' };
  return { type: 'put', file: first };
}

/** As the server cuts it. */
function withoutPrefix(line: string, prefix: string): string {
  return line.startsWith(prefix) ? line.slice(prefix.length).replace(/^ /, '') : line;
}

function splitWords(text: string): string[] {
  return [...text.matchAll(WORD)].map(([, double, single, bare]) => double ?? single ?? bare ?? '');
}
