/** A file of names and passwords, made users line by line. Lines are told of by their numbers, never shown. */
import { readFile } from 'node:fs/promises';
import { OutcryError } from '../../src/values/errors.ts';
import { formatCount } from '../../src/values/readable.ts';
import { credentialsOfFile, passwordBytes, userName } from '../../src/values/user-name.ts';
import type { Admin } from '../index.ts';
import { formatNumber } from './admin-text.ts';
import { startProgress } from './progress.ts';
import { fileError } from './send-errors.ts';

/** So many accounts of a file are made at once: hashing them keeps the server busy, and others still get their turn. */
const IMPORTS_AT_ONCE = 16;
/** Of one of them: it may wait for all the hashes that others have asked for, on a busy machine. */
const IMPORT_TIMEOUT_MS = 120_000;
/** So many lines that are wrong are named. */
const WRONG_SHOWN_MAX = 20;
/** What bytes become that are no UTF-8: nobody could type such a password. */
const NO_CHARACTER = '\ufffd';

export interface UserLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** Those that are not blank. */
export async function readUserLines(file: string): Promise<readonly UserLine[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw fileError(file, cause);
  }
  const lines = text.split(/\r\n|\r|\n/).map((line, i) => ({ number: i + 1, text: line }));
  return lines.filter((line) => line.text.replace('\ufeff', '').trim() !== '');
}

export interface Imported {
  readonly imported: number;
  /** Were there before. */
  readonly existing: number;
  /** Numbers of lines. */
  readonly wrong: readonly number[];
}

export class UsersImport {
  readonly #admin: Admin;
  readonly #wrong: number[] = [];
  #imported = 0;
  #existing = 0;

  constructor(admin: Admin) {
    this.#admin = admin;
  }

  async run(lines: readonly UserLine[]): Promise<Imported> {
    const progress = await startProgress({
      findTotal: async () => lines.length,
      formatAmount: (users) => formatNumber(Math.round(users), 'user'),
    });
    const rest = lines.values();
    const lane = async () => {
      for (const line of rest) {
        await this.#import(line);
        progress.advance(1);
      }
    };
    try {
      await Promise.all(Array.from({ length: IMPORTS_AT_ONCE }, lane));
    } catch (error) {
      throw this.#explain(error);
    } finally {
      progress.stop();
    }
    const wrong = this.#wrong.sort((a, b) => a - b);
    return { imported: this.#imported, existing: this.#existing, wrong };
  }

  async #import({ number, text }: UserLine): Promise<void> {
    const line = credentialsOfFile(text);
    const isRight =
      line && userName(line.name) && passwordBytes(line.password) && !text.includes(NO_CHARACTER);
    if (!isRight) {
      this.#wrong.push(number);
      return;
    }
    try {
      await this.#admin.addUser(line.name, line.password, 'user', { timeoutMs: IMPORT_TIMEOUT_MS });
      this.#imported++;
    } catch (error) {
      if (!(error instanceof OutcryError) || error.code !== 'ERR_USER_EXISTS') throw error;
      this.#existing++;
    }
  }

  #explain(error: unknown): unknown {
    if (!(error instanceof OutcryError)) return error;
    const done = `${formatNumber(this.#imported, 'user')} imported before that; import the file again for the rest`;
    return new OutcryError(error.code, `${error.message}; ${done}`, { cause: error });
  }
}

/** `41 users imported, 2 were there before, 1 line is wrong: 17` */
export function formatImported({ imported, existing, wrong }: Imported): string {
  const parts = [`${formatNumber(imported, 'user')} imported`];
  if (existing > 0) parts.push(`${formatCount(existing)} ${existing === 1 ? 'was' : 'were'} there before`);
  if (wrong.length > 0) {
    const numbers = wrong.slice(0, WRONG_SHOWN_MAX).join(', ');
    const more = wrong.length - WRONG_SHOWN_MAX;
    const rest = more > 0 ? ` and ${formatCount(more)} more` : '';
    const are = wrong.length === 1 ? 'is' : 'are';
    parts.push(`${formatNumber(wrong.length, 'line')} ${are} wrong: ${numbers}${rest}`);
  }
  return parts.join(', ');
}
