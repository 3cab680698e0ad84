/**
 * Which server `outcry admin` talks to, and with what right: what the server has left in its data folder says so, or,
 * for one in memory, the flags.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePort } from '../../src/protocol/command-line.ts';
import {
  DATA_FOLDER,
  OPERATOR_FILE,
  type OperatorFile,
  TOKEN_VARIABLE,
} from '../../src/protocol/operator-file.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';

export interface ServerFlags {
  readonly data?: string;
  readonly host?: string;
  readonly port?: string;
  readonly token?: string;
}

export interface AdminServer extends OperatorFile {
  /** Where this stands; undefined if the flags have said it. */
  readonly file: string | undefined;
}

export const API_HOST = '127.0.0.1';
export const API_PORT = 7400;

/** Throws ERR_USAGE, or ERR_CONNECTION_FAILED if it can not be known where the server is. */
export async function findServer(flags: ServerFlags, environment: NodeJS.ProcessEnv): Promise<AdminServer> {
  const { data, host, port } = flags;
  const isNamed = (host ?? port ?? flags.token) !== undefined;
  if (data !== undefined && isNamed) {
    const message = `--data ${data} says where the server is; --host, --port and --token say it without a folder`;
    throw new OutcryError('ERR_USAGE', message);
  }
  const token = flags.token ?? environment[TOKEN_VARIABLE];
  if (data !== undefined || (!isNamed && token === undefined)) return readOperatorFile(data ?? DATA_FOLDER);
  if (token === undefined) {
    const message = `--token or ${TOKEN_VARIABLE} must give the token that the server has printed or left in ${OPERATOR_FILE}`;
    throw new OutcryError('ERR_USAGE', message);
  }
  return {
    host: host ?? API_HOST,
    port: port === undefined ? API_PORT : parsePort(port, { min: 1 }),
    token,
    file: undefined,
  };
}

async function readOperatorFile(folder: string): Promise<AdminServer> {
  const file = join(folder, OPERATOR_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new OutcryError('ERR_CONNECTION_FAILED', explainMissing(file, folder, cause), { cause });
  }
  const content = parseOperatorFile(text);
  if (content === undefined) {
    throw new OutcryError(
      'ERR_CONNECTION_FAILED',
      `${file} is not as a server writes it; start the server anew`,
    );
  }
  return { ...content, file };
}

function explainMissing(file: string, folder: string, cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM') {
    return `you may not read ${file}: only the user who runs the server administers it`;
  }
  if (code !== 'ENOENT' && code !== 'ENOTDIR') return `${file} can not be read: ${messageOf(cause)}`;
  return (
    `there is no ${file}: does a server run on the folder ${folder}? --data names another folder; a server with ` +
    `--memory is found by --port and the token that it has printed (--token or ${TOKEN_VARIABLE})`
  );
}

function parseOperatorFile(text: string): OperatorFile | undefined {
  try {
    const { host, port, token }: Partial<OperatorFile> = JSON.parse(text);
    if (typeof host !== 'string' || typeof port !== 'number' || typeof token !== 'string') return undefined;
    return { host, port, token };
  } catch {
    // Not even JSON.
    return undefined;
  }
}

/** The same error in words that say what can be done about it, where the server or its consent is missing. */
export function explainServerError(error: unknown, server: AdminServer): unknown {
  if (!(error instanceof OutcryError)) return error;
  const message = explain(error, server);
  return message === undefined ? error : new OutcryError(error.code, message, { cause: error });
}

function explain(error: OutcryError, { host, port, file }: AdminServer): string | undefined {
  const peer = `${host}:${port}`;
  if (error.code === 'ERR_CONNECTION_FAILED' && isRefused(error.cause)) {
    if (file === undefined)
      return `nobody listens on ${peer}; --host and --port say where the api of the server is`;
    return (
      `nobody listens on ${peer}: the server that has left ${file} there was killed; start it again, or name the ` +
      'folder of another one with --data'
    );
  }
  if (error.code === 'ERR_API_DENIED' && file !== undefined) {
    return `${peer} is another server than the one that has written ${file}; name its folder with --data`;
  }
  return undefined;
}

function isRefused(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
}
