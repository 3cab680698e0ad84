/** What a person is told when a file cannot be read or a connection breaks. */
import { messageOf, OutcryError } from '../../src/values/errors.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export function fileError(file: string, cause: unknown): OutcryError {
  return new OutcryError('ERR_SEND_FILE', `${file}: ${explainFileError(cause)}`, { cause, fields: { file } });
}

/** As the first read of a directory would fail. */
export function directoryError(): Error {
  return Object.assign(new Error('is a directory'), { code: 'EISDIR' });
}

function explainFileError(cause: unknown): string {
  switch (codeOf(cause)) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EISDIR':
      return 'is a directory; name the files in it';
    case 'EACCES':
    case 'EPERM':
      return 'you are not allowed to read it';
    default:
      return `cannot be read: ${messageOf(cause)}`;
  }
}

export interface BrokenConnection {
  readonly cause: Error;
  readonly byteCount: number;
}

export function connectionError(
  file: string,
  address: Address,
  { cause, byteCount }: BrokenConnection,
): OutcryError {
  const extent = isClosedByPeer(cause) ? ` after ${byteCount} bytes, before it had taken everything` : '';
  return new OutcryError(
    'ERR_SEND_CONNECTION',
    `${file}: ${explainConnectionError(address, cause)}${extent}`,
    {
      cause,
      fields: { file, ...address, byteCount },
    },
  );
}

/** An error without a code is an orderly close that came too early. `server` is the command that serves there. */
export function explainConnectionError(
  { host, port }: Address,
  cause: Error,
  server = `outcry bank serve ${port}`,
): string {
  if (isClosedByPeer(cause)) return `${host}:${port} closed the connection`;
  switch (codeOf(cause)) {
    case 'ECONNREFUSED':
      return `nobody listens on ${host}:${port}; start "${server}" there or check the port`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host "${host}" is not known; check --host`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return `${host}:${port} cannot be reached; check --host and the network`;
    default:
      return `the connection to ${host}:${port} failed: ${messageOf(cause)}`;
  }
}

function isClosedByPeer(cause: Error): boolean {
  return ['ECONNRESET', 'EPIPE', undefined].includes(codeOf(cause));
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
