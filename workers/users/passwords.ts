/**
 * Hashes of passwords by scrypt, each with a salt of its own; made by jobs, since one takes a tenth of a second and 32 MB.
 * Randomness comes from here too, as actors have none.
 */
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import type {
  CheckedPassword,
  CheckPasswordJob,
  HashedPassword,
  HashPasswordJob,
} from '../../src/protocol/host-task.ts';
import type { PasswordHash, ScryptParameters } from '../../src/protocol/users.ts';

const SALT_BYTES = 16;
const HASH_BYTES = 32;
const TOKEN_BYTES = 32;

export function hashPassword({ password, parameters }: HashPasswordJob): HashedPassword {
  return { made: make(password, parameters), token: randomBytes(TOKEN_BYTES) };
}

export function checkPassword({ password, stored, parameters }: CheckPasswordJob): CheckedPassword {
  const hash = scrypt(password, stored.salt, stored.parameters);
  const isRight = timingSafeEqual(hash, stored.hash);
  const token = randomBytes(TOKEN_BYTES);
  if (!isRight || costOf(stored.parameters) >= costOf(parameters)) return { isRight, token };
  return { isRight, renewed: make(password, parameters), token };
}

function make(password: Uint8Array, parameters: ScryptParameters): PasswordHash {
  const salt = randomBytes(SALT_BYTES);
  return { parameters, salt, hash: scrypt(password, salt, parameters) };
}

function scrypt(password: Uint8Array, salt: Uint8Array, parameters: ScryptParameters): Buffer {
  const { N, r } = parameters;
  // Twice what it needs.
  return scryptSync(password, salt, HASH_BYTES, { ...parameters, maxmem: 256 * N * r });
}

function costOf({ N, r, p }: ScryptParameters): number {
  return N * r * p;
}
