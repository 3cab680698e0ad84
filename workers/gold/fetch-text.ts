/**
 * Text from the outside, of a server that may be slow, huge, broken or hostile: within a time, of at most so many bytes
 * as they come out of decompression, from where it was asked for, and only as UTF-8.
 */
import { messageOf } from '../../src/values/errors.ts';
import { formatCount } from '../../src/values/readable.ts';
import { Refused } from './providers/provider.ts';

export interface FetchOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** What came with the text that is here already. */
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  readonly timeoutMs?: number;
  readonly bytesMax?: number;
  readonly redirectsMax?: number;
}

export type Fetched =
  | { readonly status: 'unchanged' }
  | {
      readonly status: 'text';
      readonly text: string;
      readonly etag?: string;
      readonly lastModified?: string;
    };

/** With connecting, redirects and the last byte. */
const TIMEOUT_MS = 10_000;
const BYTES_MAX = 4 * 1024 * 1024;
const REDIRECTS_MAX = 3;

const NOT_MODIFIED = 304;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Rejects with Refused, whose reason never has the URL in it. */
export async function fetchText(url: string, options: FetchOptions): Promise<Fetched> {
  const { timeoutMs = TIMEOUT_MS, bytesMax = BYTES_MAX } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await follow(new URL(url), options, signal);
    if (response.status === NOT_MODIFIED && isConditional(options)) {
      await discard(response);
      return { status: 'unchanged' };
    }
    if (!response.ok) {
      await discard(response);
      throw new Refused(`status ${response.status}`);
    }
    const bytes = await readBytes(response, bytesMax);
    const { etag, 'last-modified': lastModified } = Object.fromEntries(response.headers);
    return {
      status: 'text',
      text: decode(bytes),
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    };
  } catch (error) {
    if (error instanceof Refused) throw error;
    if (signal.aborted) throw new Refused(`no answer within ${timeoutMs / 1000} s`);
    throw new Refused(`no connection: ${codeOf(error)}`);
  }
}

async function follow(first: URL, options: FetchOptions, signal: AbortSignal): Promise<Response> {
  const { redirectsMax = REDIRECTS_MAX } = options;
  let url = first;
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(url, { headers: headersOf(options), redirect: 'manual', signal });
    const location = response.headers.get('location');
    if (location === null || !REDIRECTS.includes(response.status)) return response;
    await discard(response);
    if (redirects === redirectsMax) throw new Refused(`redirected more than ${redirectsMax} times`);
    url = nextOf(url, location);
  }
}

function headersOf({ headers, etag, lastModified }: FetchOptions): Record<string, string> {
  return {
    ...headers,
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
  };
}

function isConditional({ etag, lastModified }: FetchOptions): boolean {
  return etag !== undefined || lastModified !== undefined;
}

/** Where a redirect leads; throws Refused where it must not: to another host, or out of https, where a key could be read. */
export function nextOf(url: URL, location: string): URL {
  if (!URL.canParse(location, url.href)) throw new Refused('redirected to nowhere');
  const next = new URL(location, url);
  if (!/^https?:$/.test(next.protocol) || hostOf(next) !== hostOf(url)) {
    throw new Refused('redirected to another host');
  }
  if (url.protocol === 'https:' && next.protocol === 'http:') {
    throw new Refused('redirected from https to http');
  }
  return next;
}

/** With its port, where it is not the usual one. */
function hostOf({ host }: URL): string {
  return host.replace(/^www\./, '');
}

async function readBytes(response: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the body, and closes the connection.
    if (length > bytesMax) throw new Refused(`more than ${formatCount(bytesMax)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Refused('not UTF-8');
  }
}

/** Nobody needs the rest: a body that is not read would hold its connection. */
async function discard(response: Response): Promise<void> {
  await response.body?.cancel();
}

/** What the system or the library calls it. */
function codeOf(error: unknown): string {
  const { cause } = error instanceof Error ? error : {};
  const { code } = (cause ?? error) as { code?: unknown };
  return typeof code === 'string' ? code : messageOf(cause ?? error);
}
