/**
 * What makes a client an operator: a token, anew at each start, that the server writes where only its own user can read
 * it, together with where the server is reached.
 */
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OPERATOR_FILE, type OperatorFile } from './protocol/operator-file.ts';

const TOKEN_BYTES = 24;

export function createOperatorToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

export async function writeOperatorFile(folder: string, content: OperatorFile): Promise<void> {
  const path = join(folder, OPERATOR_FILE);
  // Anew: one that is there keeps the rights that somebody has given it.
  await rm(path, { force: true });
  await writeFile(path, `${JSON.stringify(content)}\n`, { mode: 0o600, flag: 'wx' });
}

export async function removeOperatorFile(folder: string): Promise<void> {
  await rm(join(folder, OPERATOR_FILE), { force: true });
}
