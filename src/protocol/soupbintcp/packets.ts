/**
 * The packets of SoupBinTCP 3.00, in bytes and as values; README.md beside this file has them as tables.
 *
 *     0           2        3
 *     +-----------+--------+-------- … --+
 *     | length of | letter | payload     |
 *     | the rest  |        |             |
 *     +-----------+--------+-------- … --+
 *
 * The length is big-endian. Text is ASCII, padded with spaces; NULs are taken for spaces, and padding on either side is
 * no part of it.
 */
import { OutcryError } from '../../values/errors.ts';

/** The third byte of a packet. */
export const PACKET = {
  debug: 0x2b, // +
  loginAccepted: 0x41, // A
  loginRejected: 0x4a, // J
  sequenced: 0x53, // S
  serverHeartbeat: 0x48, // H
  endOfSession: 0x5a, // Z
  loginRequest: 0x4c, // L
  unsequenced: 0x55, // U
  clientHeartbeat: 0x52, // R
  logoutRequest: 0x4f, // O
} as const;

/** Length and letter. */
export const HEADER_BYTES = 3;
export const PAYLOAD_BYTES_MAX = 65_534;

/** Of whole packets, where it is always the same. */
export const PACKET_BYTES = {
  loginRequest: 49,
  loginAccepted: 33,
  loginRejected: 4,
  serverHeartbeat: 3,
  endOfSession: 3,
  clientHeartbeat: 3,
  logoutRequest: 3,
} as const;

interface TextField {
  /** From the beginning of the packet. */
  readonly at: number;
  readonly length: number;
}

export const LOGIN_REQUEST = {
  user: { at: 3, length: 6 },
  password: { at: 9, length: 10 },
  requestedSession: { at: 19, length: 10 },
  sequence: { at: 29, length: 20 },
} as const;

export const LOGIN_ACCEPTED = {
  session: { at: 3, length: 10 },
  sequence: { at: 13, length: 20 },
} as const;

export const LOGIN_REJECTED = { reason: { at: 3, length: 1 } } as const;

/** Each side says something at least so often after the login. */
export const HEARTBEAT_MS = 1000;
/** A side that has heard nothing for so long takes the connection for dead. */
export const SILENCE_MS = 15_000;
/** In which a client has to log in. */
export const LOGIN_MS = 30_000;

export interface LoginRequest {
  readonly type: 'login-request';
  /** Both without regard to case: see `foldCase`. */
  readonly user: string;
  readonly password: string;
  /** Empty for the current one. */
  readonly requestedSession: string;
  /** Of the first message wanted, from 1; 0 for the last one there is. */
  readonly sequence: number;
}

export interface LoginAccepted {
  readonly type: 'login-accepted';
  readonly session: string;
  /** Of the next message. */
  readonly sequence: number;
}

export interface LoginRejected {
  readonly type: 'login-rejected';
  /** A: user or password are wrong. S: the requested session is not there. */
  readonly reason: 'A' | 'S';
}

export interface Debug {
  readonly type: 'debug';
  readonly text: string;
}

/** What a client sends. Bytes of a decoded packet share the memory of what they were decoded from. */
export type ClientPacket =
  | LoginRequest
  | { readonly type: 'unsequenced'; readonly message: Uint8Array }
  | { readonly type: 'client-heartbeat' }
  | { readonly type: 'logout-request' }
  | Debug;

export type ServerPacket =
  | LoginAccepted
  | LoginRejected
  | { readonly type: 'sequenced'; readonly message: Uint8Array }
  | { readonly type: 'server-heartbeat' }
  | { readonly type: 'end-of-session' }
  | Debug;

const SPACE = 0x20;
const ASCII_MAX = 0x7f;

/** The bytes are one whole packet, from `start` to `end`. Throws ERR_SOUPBIN_PACKET if a client can not have sent them. */
export function decodeClientPacket(bytes: Uint8Array, start = 0, end = bytes.length): ClientPacket {
  const letter = letterOf(bytes, start, end);
  switch (letter) {
    case PACKET.unsequenced:
      return { type: 'unsequenced', message: bytes.subarray(start + HEADER_BYTES, end) };
    case PACKET.clientHeartbeat:
      expectLength('Client Heartbeat', end - start, PACKET_BYTES.clientHeartbeat);
      return { type: 'client-heartbeat' };
    case PACKET.loginRequest: {
      expectLength('Login Request', end - start, PACKET_BYTES.loginRequest);
      const { user, password, requestedSession, sequence } = LOGIN_REQUEST;
      return {
        type: 'login-request',
        user: readText(bytes, start, user),
        password: readText(bytes, start, password),
        requestedSession: readText(bytes, start, requestedSession),
        sequence: readSequence(bytes, start, sequence),
      };
    }
    case PACKET.logoutRequest:
      expectLength('Logout Request', end - start, PACKET_BYTES.logoutRequest);
      return { type: 'logout-request' };
    case PACKET.debug:
      return { type: 'debug', text: decodeUtf8(bytes.subarray(start + HEADER_BYTES, end)) };
    default:
      throw wrong(`no packet of a client has the letter ${showLetter(letter)}`);
  }
}

/** The bytes are one whole packet, from `start` to `end`. Throws ERR_SOUPBIN_PACKET if a server can not have sent them. */
export function decodeServerPacket(bytes: Uint8Array, start = 0, end = bytes.length): ServerPacket {
  const letter = letterOf(bytes, start, end);
  switch (letter) {
    case PACKET.sequenced:
      return { type: 'sequenced', message: bytes.subarray(start + HEADER_BYTES, end) };
    case PACKET.serverHeartbeat:
      expectLength('Server Heartbeat', end - start, PACKET_BYTES.serverHeartbeat);
      return { type: 'server-heartbeat' };
    case PACKET.loginAccepted: {
      expectLength('Login Accepted', end - start, PACKET_BYTES.loginAccepted);
      return {
        type: 'login-accepted',
        session: readText(bytes, start, LOGIN_ACCEPTED.session),
        sequence: readSequence(bytes, start, LOGIN_ACCEPTED.sequence),
      };
    }
    case PACKET.loginRejected: {
      expectLength('Login Rejected', end - start, PACKET_BYTES.loginRejected);
      const reason = readText(bytes, start, LOGIN_REJECTED.reason);
      if (reason !== 'A' && reason !== 'S') {
        throw wrong(`the reason of a Login Rejected is ${JSON.stringify(reason)}; expected A or S`);
      }
      return { type: 'login-rejected', reason };
    }
    case PACKET.endOfSession:
      expectLength('End of Session', end - start, PACKET_BYTES.endOfSession);
      return { type: 'end-of-session' };
    case PACKET.debug:
      return { type: 'debug', text: decodeUtf8(bytes.subarray(start + HEADER_BYTES, end)) };
    default:
      throw wrong(`no packet of a server has the letter ${showLetter(letter)}`);
  }
}

/** Throws ERR_SOUPBIN_PACKET if something does not fit. */
export function encodeClientPacket(packet: ClientPacket): Uint8Array {
  switch (packet.type) {
    case 'unsequenced':
      return withPayload(PACKET.unsequenced, packet.message);
    case 'client-heartbeat':
      return emptyPacket(PACKET.clientHeartbeat, PACKET_BYTES.clientHeartbeat);
    case 'login-request': {
      const bytes = emptyPacket(PACKET.loginRequest, PACKET_BYTES.loginRequest);
      const { user, password, requestedSession, sequence } = LOGIN_REQUEST;
      writeText(bytes, user, packet.user, 'user');
      writeText(bytes, password, packet.password, 'password');
      writeText(
        bytes,
        requestedSession,
        packet.requestedSession.padStart(requestedSession.length),
        'session',
      );
      writeSequence(bytes, sequence, packet.sequence);
      return bytes;
    }
    case 'logout-request':
      return emptyPacket(PACKET.logoutRequest, PACKET_BYTES.logoutRequest);
    case 'debug':
      return withPayload(PACKET.debug, encodeUtf8(packet.text));
  }
}

/** Throws ERR_SOUPBIN_PACKET if something does not fit. */
export function encodeServerPacket(packet: ServerPacket): Uint8Array {
  switch (packet.type) {
    case 'sequenced':
      return withPayload(PACKET.sequenced, packet.message);
    case 'server-heartbeat':
      return emptyPacket(PACKET.serverHeartbeat, PACKET_BYTES.serverHeartbeat);
    case 'login-accepted': {
      const bytes = emptyPacket(PACKET.loginAccepted, PACKET_BYTES.loginAccepted);
      const { session, sequence } = LOGIN_ACCEPTED;
      writeText(bytes, session, packet.session.padStart(session.length), 'session');
      writeSequence(bytes, sequence, packet.sequence);
      return bytes;
    }
    case 'login-rejected': {
      const bytes = emptyPacket(PACKET.loginRejected, PACKET_BYTES.loginRejected);
      writeText(bytes, LOGIN_REJECTED.reason, packet.reason, 'reason');
      return bytes;
    }
    case 'end-of-session':
      return emptyPacket(PACKET.endOfSession, PACKET_BYTES.endOfSession);
    case 'debug':
      return withPayload(PACKET.debug, encodeUtf8(packet.text));
  }
}

/** Two users, or two passwords, are the same if this is. */
export function foldCase(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** Of the packet whose length is at `at`, with its header. Throws ERR_SOUPBIN_PACKET if it has not even a letter. */
export function packetBytesAt(bytes: Uint8Array, at: number): number {
  const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if (length === 0) throw wrong('a packet says that its length is 0, and has no letter');
  return 2 + length;
}

function letterOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < HEADER_BYTES) {
    throw wrong(`a packet has at least ${HEADER_BYTES} bytes, not ${end - start}`);
  }
  const length = packetBytesAt(bytes, start);
  if (length !== end - start) throw wrong(`a packet of ${end - start} bytes says that it has ${length}`);
  return bytes[start + 2] as number;
}

function expectLength(name: string, length: number, expected: number): void {
  if (length !== expected) throw wrong(`a ${name} has ${expected} bytes, not ${length}`);
}

function emptyPacket(letter: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(SPACE);
  bytes[0] = (length - 2) >> 8;
  bytes[1] = (length - 2) & 0xff;
  bytes[2] = letter;
  return bytes;
}

function withPayload(letter: number, payload: Uint8Array): Uint8Array {
  if (payload.length > PAYLOAD_BYTES_MAX) {
    throw wrong(`what a packet holds is ${payload.length} bytes long; at most ${PAYLOAD_BYTES_MAX} fit`);
  }
  const bytes = emptyPacket(letter, HEADER_BYTES + payload.length);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Bytes beyond ASCII come out as the characters of Latin-1. */
function readText(bytes: Uint8Array, start: number, { at, length }: TextField): string {
  let from = start + at;
  let to = from + length;
  while (from < to && isPadding(bytes[from] as number)) from++;
  while (from < to && isPadding(bytes[to - 1] as number)) to--;
  return String.fromCharCode(...bytes.subarray(from, to));
}

function isPadding(byte: number): boolean {
  return byte === SPACE || byte === 0;
}

function readSequence(bytes: Uint8Array, start: number, field: TextField): number {
  const text = readText(bytes, start, field);
  const sequence = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(sequence)) throw wrongSequence(JSON.stringify(text));
  return sequence;
}

function writeText(bytes: Uint8Array, { at, length }: TextField, text: string, name: string): void {
  const isFitting = text.length <= length && [...text].every((c) => c >= ' ' && c.charCodeAt(0) < ASCII_MAX);
  if (!isFitting) {
    throw wrong(
      `${name} is ${JSON.stringify(text)}; expected at most ${length} printable characters of ASCII`,
    );
  }
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

function writeSequence(bytes: Uint8Array, field: TextField, sequence: number): void {
  if (!Number.isSafeInteger(sequence) || sequence < 0) throw wrongSequence(String(sequence));
  writeText(bytes, field, String(sequence).padStart(field.length), 'sequence');
}

function wrongSequence(shown: string): OutcryError {
  return wrong(`the sequence number is ${shown}; expected a whole number up to ${Number.MAX_SAFE_INTEGER}`);
}

function showLetter(letter: number): string {
  const isPrintable = letter >= SPACE && letter < ASCII_MAX;
  return isPrintable ? String.fromCharCode(letter) : `0x${letter.toString(16).padStart(2, '0')}`;
}

function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

function encodeUtf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function wrong(message: string): OutcryError {
  return new OutcryError('ERR_SOUPBIN_PACKET', message);
}
