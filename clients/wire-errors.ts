/** Errors as a server sends them. */
import type { WireError } from '../src/protocol/api/frames.ts';
import { ERROR_CODES, type ErrorCode, OutcryError } from '../src/values/errors.ts';

/** A code that this version does not know becomes ERR_UNEXPECTED, and is in the message. */
export function errorOf({ code, message, fields = {} }: WireError): OutcryError {
  if (isKnown(code)) return new OutcryError(code, message, { fields });
  return new OutcryError('ERR_UNEXPECTED', `${code}: ${message}`, { fields: { ...fields, code } });
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
