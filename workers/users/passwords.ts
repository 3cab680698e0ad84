/** Hashes of passwords, made by jobs. */
import type { CheckedPassword, CheckPasswordJob, HashPasswordJob } from '../../src/protocol/host-task.ts';
import type { PasswordHash } from '../../src/protocol/users.ts';
import { OutcryError } from '../../src/values/errors.ts';

export function hashPassword(_job: HashPasswordJob): PasswordHash {
  throw new OutcryError('ERR_UNEXPECTED', 'passwords can not be hashed yet');
}

export function checkPassword(_job: CheckPasswordJob): CheckedPassword {
  throw new OutcryError('ERR_UNEXPECTED', 'passwords can not be checked yet');
}
