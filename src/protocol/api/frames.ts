/**
 * The frames of the api, in bytes and as values; README.md beside this file has them as tables.
 *
 *     0                     4
 *     +---------------------+---------------- … --+
 *     | length, big-endian  | msgpack of a tuple  |
 *     +---------------------+---------------- … --+
 *
 * The tuple begins with the number of its type. Nothing in it needs more of msgpack than any library has.
 */
import { Packr } from 'msgpackr';
import { messageOf, OutcryError } from '../../values/errors.ts';
import type { Role } from '../users.ts';
import { findMsgpackFault } from './msgpack-check.ts';

export const PROTOCOL_VERSION = 1;
export const FRAME_HEAD_BYTES = 4;

export const FRAME = {
  hello: 0,
  request: 1,
  reply: 2,
  error: 3,
  open: 4,
  items: 5,
  credit: 6,
  end: 7,
  heartbeat: 8,
  event: 9,
} as const;

/** An error as it crosses the wire. `code` is one of src/values/errors.ts, or of a later version. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  /** Nothing is wrong with the request: it may succeed later. */
  readonly retryable: boolean;
  readonly fields?: Readonly<Record<string, string | number>>;
}

export interface ClientHello {
  readonly protocol: number;
  /** For people: shown in the list of connections. */
  readonly name?: string;
  /** What makes the client an operator. */
  readonly token?: string;
  /** The token of a sign-in: the client goes on as that user. It sends nothing more before the server's hello. */
  readonly session?: string;
}

/** A user, as everybody may know him. */
export interface UserInfo {
  readonly name: string;
  readonly role: Role;
}

export interface ServerHello {
  readonly protocol: number;
  /** `outcry/0.1.0` */
  readonly server: string;
  /** Operations of these services are there. */
  readonly features: readonly string[];
  readonly connection: number;
  readonly isOperator: boolean;
  /** Who is signed in; null if nobody is, as with a `session` that is not known any more. */
  readonly user: UserInfo | null;
  readonly limits: ApiLimits;
}

export interface ApiLimits {
  /** Length of a frame without its head. */
  readonly frameBytes: number;
  /** Requests without an answer, streams not counted. */
  readonly requests: number;
  readonly streams: number;
  /** A connection over which nothing comes for so long is closed. */
  readonly idleMs: number;
}

/** `key`: the same request under the same key is carried out once, however often it is sent. */
export type RequestFrame = readonly [
  type: typeof FRAME.request,
  id: number,
  operation: string,
  params: unknown,
  timeoutMs: number,
  key: string | null,
];

/** What a client sends. */
export type ClientFrame =
  | readonly [typeof FRAME.hello, ClientHello]
  | RequestFrame
  | StreamFrame
  | readonly [typeof FRAME.heartbeat];

/** What a server sends. An error without an id is the connection's: it is closed behind it. */
export type ServerFrame =
  | readonly [typeof FRAME.hello, ServerHello]
  | readonly [typeof FRAME.reply, id: number, result: unknown]
  | readonly [typeof FRAME.error, id: number | null, WireError]
  | readonly [typeof FRAME.open, id: number, info: unknown]
  | StreamFrame
  | readonly [typeof FRAME.heartbeat]
  | readonly [typeof FRAME.event, name: string, data: unknown];

/** Within a stream: items, room for so many more, and that there are no more, or that no more are wanted. */
export type StreamFrame =
  | readonly [typeof FRAME.items, id: number, items: readonly unknown[]]
  | readonly [typeof FRAME.credit, id: number, count: number]
  | readonly [typeof FRAME.end, id: number];

/** `auto`, which the library's types do not know: a bigint only where a number would not be exact. */
const INT64 = { int64AsType: 'auto' as 'number' };
const packr = new Packr({ useRecords: false, ...INT64 });
const ID_MAX = Number.MAX_SAFE_INTEGER;

/** A frame with its head. Its integers are integers on the wire, whatever their size. */
export function encodeFrame(frame: ClientFrame | ServerFrame): Uint8Array {
  const body = packr.pack(hasLong(frame) ? withInt64(frame) : frame);
  const bytes = new Uint8Array(FRAME_HEAD_BYTES + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, FRAME_HEAD_BYTES);
  return bytes;
}

/** The length that the head at `start` says. */
export function lengthIn(bytes: Uint8Array, start: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + start).getUint32(0);
}

/** msgpackr makes a float of an integer beyond 32 bits, and money is never a float; of a bigint it makes an int64. */
function wireInteger(value: number): number | bigint {
  return isLong(value) ? BigInt(value) : value;
}

function isLong(value: number): boolean {
  return Number.isSafeInteger(value) && (value < -(2 ** 31) || value >= 2 ** 32);
}

function hasLong(value: unknown): boolean {
  if (typeof value === 'number') return isLong(value);
  if (Array.isArray(value)) return value.some(hasLong);
  return isRecord(value) && !(value instanceof Uint8Array) && Object.values(value).some(hasLong);
}

function withInt64(value: unknown): unknown {
  if (typeof value === 'number') return wireInteger(value);
  if (Array.isArray(value)) return value.map(withInt64);
  if (!isRecord(value) || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withInt64(entry)]));
}

/** The frame whose body is `bytes` from `start` to `end`. Throws ERR_API_PROTOCOL. */
export function decodeClientFrame(bytes: Uint8Array, start: number, end: number): ClientFrame {
  const frame = decode(bytes, start, end);
  const [type] = frame;
  if (type === FRAME.hello && isRecord(frame[1])) return frame as unknown as ClientFrame;
  if (type === FRAME.request) return checkRequest(frame);
  if (type === FRAME.heartbeat) return [FRAME.heartbeat];
  return checkStreamFrame(frame);
}

/** The same for what a server has sent. */
export function decodeServerFrame(bytes: Uint8Array, start: number, end: number): ServerFrame {
  const frame = decode(bytes, start, end);
  const [type, id] = frame;
  switch (type) {
    case FRAME.hello:
    case FRAME.heartbeat:
    case FRAME.event:
      return frame as unknown as ServerFrame;
    case FRAME.reply:
    case FRAME.open:
      checkId(id);
      return frame as unknown as ServerFrame;
    case FRAME.error:
      if (id !== null) checkId(id);
      return frame as unknown as ServerFrame;
    default:
      return checkStreamFrame(frame);
  }
}

function decode(bytes: Uint8Array, start: number, end: number): readonly unknown[] {
  const fault = findMsgpackFault(bytes, start, end);
  if (fault !== undefined) throw protocolError(fault);
  let frame: unknown;
  try {
    frame = packr.unpack(bytes.subarray(start, end));
  } catch (error) {
    throw protocolError(messageOf(error));
  }
  if (!Array.isArray(frame)) throw protocolError('it is no tuple');
  return frame;
}

function checkRequest(frame: readonly unknown[]): RequestFrame {
  const [, id, operation, params, timeoutMs, key = null] = frame;
  checkId(id);
  if (typeof operation !== 'string') throw protocolError('a request names its operation by a string');
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0)) {
    throw protocolError('a request says after how many milliseconds nobody waits for its answer any more');
  }
  if (key !== null && typeof key !== 'string') throw protocolError('the key of a request is a string or nil');
  return [FRAME.request, id, operation, params, timeoutMs, key];
}

function checkStreamFrame(frame: readonly unknown[]): StreamFrame {
  const [type, id, body] = frame;
  if (type !== FRAME.items && type !== FRAME.credit && type !== FRAME.end) {
    throw protocolError(
      typeof type === 'number'
        ? `no frame of this side has the type ${type}`
        : 'the type of a frame is a number',
    );
  }
  checkId(id);
  if (type === FRAME.items && !Array.isArray(body)) throw protocolError('items are an array');
  if (type === FRAME.credit && !isCount(body)) throw protocolError('credit is a whole number above 0');
  return frame as unknown as StreamFrame;
}

function checkId(id: unknown): asserts id is number {
  if (!isCount(id)) throw protocolError(`an id is a whole number from 1 to ${ID_MAX}`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function protocolError(what: string): OutcryError {
  return new OutcryError('ERR_API_PROTOCOL', `this is no frame of the api: ${what}`);
}
