/**
 * Every error that Outcry hands to a person or a caller, by code.
 *
 * A code is stable and is what callers test; the text is for people: it says what was wrong, with the value, and
 * what to do. Errors cross threads as `{ code, message, fields }` (structured clone loses the class) and are
 * rebuilt here. Refusals of the business (a discarded bank line, say) are not errors: they are counted by reason.
 */

/** Code → the one sentence that ARCHITECTURE.md repeats. */
export const ERROR_CODES = {
  ERR_API_CLOSING: 'the server is shutting down; nothing was done',
  ERR_API_DENIED: 'the operation is not allowed to this client',
  ERR_API_KEY: 'the key of a request is wrong, or was used for another one',
  ERR_API_LIMIT: 'more was asked at once than the server allows',
  ERR_API_OPERATION: 'no operation of the api has that name',
  ERR_API_PARAMS: 'what a request asks with is wrong',
  ERR_API_PROTOCOL: 'what came is no frame of the api, or comes out of turn',
  ERR_ASK_FAULT: 'the actor threw while it handled the request',
  ERR_ASK_NO_ACTOR: 'no actor lives at that address',
  ERR_ASK_STOPPED: 'the actor stopped before it answered',
  ERR_ASK_TIMEOUT: 'no answer came before the deadline',
  ERR_CLIENT_CLOSED: 'the client was closed',
  ERR_CONFIG_INVALID: 'a setting in the file, the environment or a flag is wrong',
  ERR_CONFIG_PORT: 'a service could not listen on its port',
  ERR_CONNECTION_FAILED: 'no connection to the server could be made',
  ERR_CONNECTION_LOST: 'the connection broke before the answer came; it may have been done',
  ERR_DATA_DAMAGED: 'stored data is not what was written',
  ERR_DATA_FOLDER: 'the data folder can not be used',
  ERR_DATA_FORMAT: 'stored data is of a format that this version does not read',
  ERR_DATA_IN_USE: 'another server uses the data folder',
  ERR_EXCHANGE_BOOK: 'there is no such order book',
  ERR_EXCHANGE_SIGNED_OUT: 'no such user of the exchange is signed in over the connection',
  ERR_EXCHANGE_TRADER: 'the venue has no such trader',
  ERR_EXPECTATION: 'what a test input expects did not come',
  ERR_EXPORT: 'the export could not be completed',
  ERR_FILE_CHANGED: 'the file was changed while it was read',
  ERR_FILE_EXISTS: 'a file of that name is there already',
  ERR_FILE_IO: 'a file could not be read or written',
  ERR_FILE_MISSING: 'no file of that name is served',
  ERR_FILE_NAME: 'the name is none that a served file can have',
  ERR_FILE_REFUSED: 'files are not taken here',
  ERR_FILE_SIZE: 'the file is larger than the server takes, or not as long as was said',
  ERR_GOLD_DATE: 'there are no rates of that date',
  ERR_GOLD_FILE: 'what was read is no file of gold rates',
  ERR_GOLD_TYPE: 'there are no rates of that type',
  ERR_HOST_LOST: 'the worker thread that ran the actor ended',
  ERR_HOST_RESTARTS: 'worker threads ended too often within the period',
  ERR_IMPORT: 'what was to be imported is wrong or could not be read; nothing was imported',
  ERR_INPUT: 'a test input is wrong, or could not be read',
  ERR_LOGIN_REFUSED: 'the exchange does not let the user in',
  ERR_ORDER_DONE: 'nothing of the order is open any more',
  ERR_ORDER_IGNORED: 'what the exchange was sent about an order had no effect',
  ERR_ORDER_REJECTED: 'the exchange did not take the order',
  ERR_OUCH_MESSAGE: 'what came, or was to be sent, is no message of OUCH',
  ERR_POSTING_REFUSED: 'the bank did not post the transaction',
  ERR_REPORT_WRITE: 'the report could not be written',
  ERR_REQUEST_TIMEOUT: 'no answer came in time',
  ERR_SEND_CONNECTION: 'the connection to the server failed',
  ERR_SEND_FILE: 'an input file could not be read, or changed while it was sent',
  ERR_SESSION_ENDED: 'the trading day ended before the answer came',
  ERR_SOUPBIN_PACKET: 'what came, or was to be sent, is no packet of SoupBinTCP',
  ERR_STATEMENT_ACCOUNT: 'no account has that name',
  ERR_STATEMENT_POSITION: 'the journal that is kept does not have that position',
  ERR_STORE_WRITE: 'nothing can be stored at the moment; what was acknowledged stays',
  ERR_STREAM_POSITION: 'the journal that is kept does not have that message',
  ERR_UNEXPECTED: 'something failed that should not; the message says what',
  ERR_UPLOAD_COMPLETE: 'the upload was complete before; nothing was sent',
  ERR_UPLOAD_CONFLICT: 'what the server has of the upload does not fit what is being sent',
  ERR_UPLOAD_GIVEN_UP: 'the upload made no progress for too long',
  ERR_UPLOAD_PROTOCOL: 'the server does not answer as an upload needs it',
  ERR_UPLOAD_REFUSED: 'the server refused the upload',
  ERR_USAGE: 'the command line was wrong',
  ERR_USER_DENIED: 'the user name or the password is wrong',
  ERR_USER_EXISTS: 'an account of that name is there already',
  ERR_USER_LIMIT: 'too many wrong attempts, or too many accounts; the message says when to try again',
  ERR_USER_MISSING: 'there is no account of that name',
  ERR_USER_NAME: 'the name is none that an account can have',
  ERR_USER_PASSWORD: 'the password is none that an account can have',
  ERR_USER_SIGNED_OUT: 'nobody is signed in over the connection',
  ERR_USER_SIGN_UP: 'accounts are made by operators only',
  ERR_USER_TOKEN: 'the token is not known any more; sign in again',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error as it crosses a thread or a wire. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

export interface OutcryErrorOptions {
  readonly cause?: unknown;
  /** The offending values, so that callers need not read the text. */
  readonly fields?: Readonly<Record<string, string | number>>;
}

export class OutcryError extends Error {
  override readonly name = 'OutcryError';
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, message: string, options: OutcryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fields = options.fields ?? {};
  }

  static fromRecord(record: ErrorRecord): OutcryError {
    return new OutcryError(record.code, record.message, { fields: record.fields });
  }

  toRecord(): ErrorRecord {
    return { code: this.code, message: this.message, fields: this.fields };
  }
}

/** The text of whatever was thrown, for logs and messages. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
