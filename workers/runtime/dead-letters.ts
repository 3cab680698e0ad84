/**
 * Messages that could not be handled: counted by reason, the latest kept to be looked at (of a storm, the first of each
 * second), and logged without storms: the first of a reason at once, the others as one line a second with their number.
 */
import { inspect } from 'node:util';
import type { LogFields, LogLevel } from '../../src/protocol/control.ts';
import type { Address } from '../../src/values/address.ts';
import { messageOf } from '../../src/values/errors.ts';

export type DeadLetterReason =
  /** Nobody lives at the address. */
  | 'no-actor'
  /** The actor threw while it handled this message. */
  | 'poison'
  /** The message waited when its actor stopped. */
  | 'stopped'
  /** The message was on its way to a host that was lost. */
  | 'host-lost';

export interface DeadLetter {
  readonly reason: DeadLetterReason;
  readonly address: Address;
  /** A short picture of the message; the message itself is not kept, it may be large. */
  readonly message: string;
  readonly cause: string;
  /** When, monotonic. */
  readonly atMs: number;
}

export type Log = (level: LogLevel, text: string, fields: LogFields) => void;

const RECENT_MAX = 256;
const LOG_INTERVAL_MS = 1000;
const PREVIEW_CHARACTERS = 64;
const PREVIEW_ELEMENTS = 8;
const DEPTH_SHOWN = 2;

/** What stands under these keys is of nobody but the client: passwords, and what stands for somebody who is signed in. */
const SECRETS: ReadonlySet<string> = new Set(['password', 'newPassword', 'token', 'session']);

export class DeadLetters {
  readonly #log: Log;
  readonly #counts = new Map<DeadLetterReason, number>();
  readonly #recent: DeadLetter[] = [];
  /** Per reason: when it was last logged, and how many have come since. */
  readonly #storms = new Map<DeadLetterReason, { loggedMs: number; silent: number }>();

  constructor(log: Log) {
    this.#log = log;
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** The latest letters, oldest first. */
  get recent(): readonly DeadLetter[] {
    return this.#recent;
  }

  add(reason: DeadLetterReason, address: Address, message: unknown, nowMs: number, cause?: unknown): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    const storm = this.#storms.get(reason);
    if (storm !== undefined && nowMs - storm.loggedMs < LOG_INTERVAL_MS) {
      storm.silent++;
      if (storm.silent > RECENT_MAX) return;
      this.#keep(reason, address, message, nowMs, cause);
      return;
    }
    this.#report(nowMs);
    this.#storms.set(reason, { loggedMs: nowMs, silent: 0 });
    const letter = this.#keep(reason, address, message, nowMs, cause);
    this.#log('warn', `dead letter for ${address}: ${reason}`, {
      message: letter.message,
      cause: letter.cause,
    });
  }

  /** Logs what a storm has swallowed for a second or more; returns when to call again, Infinity if it is calm. */
  flush(nowMs: number): number {
    this.#report(nowMs);
    let dueMs = Infinity;
    for (const { loggedMs, silent } of this.#storms.values()) {
      if (silent > 0) dueMs = Math.min(dueMs, loggedMs + LOG_INTERVAL_MS);
    }
    return dueMs;
  }

  #report(nowMs: number): void {
    for (const [reason, storm] of this.#storms) {
      if (storm.silent === 0 || nowMs - storm.loggedMs < LOG_INTERVAL_MS) continue;
      this.#log('warn', `${storm.silent} more dead letters: ${reason}`, {
        total: this.#counts.get(reason) ?? 0,
      });
      storm.loggedMs = nowMs;
      storm.silent = 0;
    }
  }

  #keep(
    reason: DeadLetterReason,
    address: Address,
    message: unknown,
    atMs: number,
    cause: unknown,
  ): DeadLetter {
    const text = cause === undefined ? '' : messageOf(cause);
    const letter: DeadLetter = { reason, address, message: picture(message), cause: text, atMs };
    this.#recent.push(letter);
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
    return letter;
  }
}

/** What is kept of a message goes to logs and to operators: of bytes the length alone, of secrets nothing. */
function picture(message: unknown): string {
  return inspect(withoutSecrets(message, 0), {
    depth: DEPTH_SHOWN,
    breakLength: Infinity,
    maxStringLength: PREVIEW_CHARACTERS,
    maxArrayLength: PREVIEW_ELEMENTS,
  });
}

/** A copy of what will be shown of the value. */
function withoutSecrets(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return shownAs(`${value.byteLength} bytes`);
  if (depth > DEPTH_SHOWN) return shownAs('…');
  if (Array.isArray(value)) {
    const shown = value.slice(0, PREVIEW_ELEMENTS).map((element) => withoutSecrets(element, depth + 1));
    // The others are counted, not shown.
    shown.length = value.length;
    return shown;
  }
  if (!isPlain(value)) return shownAs(`[${value.constructor.name}]`);
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key,
      SECRETS.has(key) ? shownAs('…') : withoutSecrets(entry, depth + 1),
    ]),
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function shownAs(text: string): object {
  return { [inspect.custom]: () => text };
}
