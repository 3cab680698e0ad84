/** What the lobby says to its clients and to the log, as the original server has it. Pure. */
import type { ServedFile } from '../../src/protocol/api/operations.ts';
import { FILES_LISTED } from '../../src/protocol/desk.ts';
import { OPERATOR } from '../../src/protocol/lobby.ts';
import type { ConnectionRecord, RegistryAnswer } from '../../src/protocol/registry.ts';
import { formatCount } from '../../src/values/readable.ts';

export const FULL_TEXT = 'Server full, rejecting connection';
export const SIGN_IN_FIRST_TEXT = 'Sign in first: signin NAME PASSWORD';
export const ALREADY_IN_TEXT = 'ERROR you are in already: there is nothing to sign in to';
export const CLOSING_TEXT = 'Server is shutting down';
/** What is said when a part of the server has failed. */
export const LOST_TEXT = 'a part of the server failed and was replaced: send again what was not answered';
export const NOT_STORED_TEXT =
  'a part of the server failed, and the file is not stored: connect and put it again';
export const STORE_TEXT = 'ERROR nothing can be stored at the moment: wait, it goes on by itself';

export function helpText({ isPutAllowed }: { readonly isPutAllowed: boolean }): string {
  return [
    'status         who is here, and who was',
    'list           the files that are served',
    'get NAME       a file: a line SIZE n SHA-256 hex, and then n bytes',
    ...(isPutAllowed ? ['put NAME SIZE  a new file: when SEND comes, send so many bytes'] : []),
    'say TEXT       tells it to all others',
    'help           this text',
    'bye            leaves',
    'Anything else is echoed with ACK behind it.',
  ].join('\n');
}

/** `localAddress` is the server's, as the one who asks has reached it. */
export function statusText({ connections, total }: RegistryAnswer, localAddress: string): string {
  const colon = localAddress.lastIndexOf(':');
  const address = `('${localAddress.slice(0, colon)}', ${localAddress.slice(colon + 1)})`;
  const leftOut = total - connections.length;
  const note = leftOut === 0 ? '' : `\n(${formatCount(leftOut)} earlier clients are left out)\n`;
  return note + connections.map((client) => clientText(client, address)).join('');
}

function clientText({ user, sinceMs, untilMs }: ConnectionRecord, address: string): string {
  return (
    `\nClient Name: ${user}\nClient Address: ${address}\nClient Connection Time: ${formatLocalTime(sinceMs)}\n` +
    `Client Disconnect Time: ${untilMs === null ? 'None' : formatLocalTime(untilMs)}\n--------------------\n`
  );
}

export function filesText(files: readonly ServedFile[]): string {
  const names = files.map(({ name }) => `${name} | `).join('');
  return `\nFiles: ${names}${files.length < FILES_LISTED ? '' : '…'}`;
}

export function messageText(from: string, text: string): string {
  return from === OPERATOR ? `${from}: ${text}` : `${from} says: ${text}`;
}

/** What who says something is told of who has heard it. */
export function saidText(listeners: number): string {
  if (listeners === 0) return 'Nobody else is here';
  return `Said to ${formatCount(listeners)} ${listeners === 1 ? 'other' : 'others'}`;
}

/** `2025-02-10 23:46:52.048084`, where the server is. */
export function formatLocalTime(timeMs: number): string {
  const microseconds = Math.round(timeMs * 1000);
  const date = new Date(Math.floor(microseconds / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(microseconds % 1_000_000).padStart(6, '0')}`;
}
