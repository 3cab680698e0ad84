/**
 * Transactions as programs say them, and as the api wants them. Money is decimal text or whole cents, never a fraction.
 *
 * What is wrong is found here, with the bank's reasons: transactions of several callers share a request, and one that the
 * server cannot read would take the others with it.
 */
import type { AccountName, TransactionTuple } from '../src/protocol/api/operations.ts';
import { type DiscardReason, NAME_LENGTH_MAX, REQUEST_TRANSACTIONS_MAX } from '../src/protocol/bank.ts';
import { OutcryError } from '../src/values/errors.ts';
import { formatMoney, MINOR_UNITS_MAX, toMinorUnits } from '../src/values/money.ts';

/** `'12.30'`: digits and at most two decimals; or whole cents. At most 90,071,992,547,409.91, and never negative. */
export type Amount = string | { readonly cents: number | bigint };

export interface Transaction {
  /** 1 to 64 bytes of UTF-8 without white space, or any such bytes. An account that is not known is opened. */
  readonly account: AccountName;
  readonly type: 'credit' | 'debit';
  readonly amount: Amount;
}

const DECIMAL = /^(\d+)(?:\.(\d{1,2}))?$/;
const WHITE_SPACE = /[\t-\r ]/;
/** What has no bytes in UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** `-521649` cents are `'-5216.49'`. Throws a RangeError if they are not whole. */
export function toDecimal(cents: number): string {
  return formatMoney(toMinorUnits(cents)).slice(1);
}

/** Throws ERR_POSTING_REFUSED. */
export function toTuple(transaction: Transaction): TransactionTuple {
  const { account, type, amount } = transaction;
  if (!isAccountName(account)) throw refusedError(transaction, 'name');
  if (type !== 'credit' && type !== 'debit') throw refusedError(transaction, 'type');
  const cents = centsOf(amount);
  if (!(cents >= 0)) throw refusedError(transaction, 'amount');
  if (cents > MINOR_UNITS_MAX) throw refusedError(transaction, 'amount-too-large');
  return [account, type === 'credit' ? cents : 0 - cents];
}

/** What a caller learns when the bank has refused his transaction. */
export function refusalOf([account, signed]: TransactionTuple, reason: string): OutcryError {
  const cents = Number(signed);
  return refusedError(
    { account, type: cents < 0 ? 'debit' : 'credit', amount: toDecimal(Math.abs(cents)) },
    reason,
  );
}

/** For people; programs look at the reason. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  name: 'an account is 1 to 64 bytes of UTF-8 without white space',
  type: "the type is 'credit' or 'debit'",
  amount: "an amount is decimal text like '12.30', or whole cents like { cents: 1230 }, and not negative",
  'amount-too-large': 'the largest amount is 90,071,992,547,409.91',
  'too-many-accounts': 'it has no room for another account',
  'balance-out-of-range': 'the balance would go beyond 90,071,992,547,409.91 or below its negative',
};

function refusedError({ account, type, amount }: Transaction, reason: DiscardReason | string): OutcryError {
  const name = account instanceof Uint8Array ? Buffer.from(account).toString('latin1') : String(account);
  const shown = typeof amount === 'object' ? `${amount?.cents} cents` : String(amount);
  const what = `a ${type} of ${shown} to ${JSON.stringify(name)}`;
  const message = `the bank does not post ${what}: ${EXPLANATIONS[reason] ?? reason}`;
  return new OutcryError('ERR_POSTING_REFUSED', message, { fields: { reason, account: name } });
}

function isAccountName(account: unknown): account is AccountName {
  const isText = typeof account === 'string';
  if (!isText && !(account instanceof Uint8Array)) return false;
  // Longer ones need not be looked at: none has fewer bytes than characters.
  if (account.length === 0 || account.length > NAME_LENGTH_MAX) return false;
  if (!isText) return !WHITE_SPACE.test(Buffer.from(account).toString('latin1'));
  if (WHITE_SPACE.test(account) || LONE_SURROGATE.test(account)) return false;
  return Buffer.byteLength(account) <= NAME_LENGTH_MAX;
}

/** NaN if it is no amount. Exact up to the largest one; what is beyond it stays beyond it. */
function centsOf(amount: Amount): number {
  if (typeof amount === 'string') {
    const [, whole, decimals = ''] = DECIMAL.exec(amount) ?? [];
    return whole === undefined ? Number.NaN : Number(whole + decimals.padEnd(2, '0'));
  }
  const cents: unknown = amount?.cents;
  return typeof cents === 'bigint' || Number.isInteger(cents) ? Number(cents) : Number.NaN;
}

/** Room for everything in a request but its transactions. */
const REQUEST_BYTES = 512;
/** Heads of the tuple and of the name, and the cents. */
const TUPLE_BYTES_MAX = 1 + 2 + 9;

/** The transactions of one request: no more than a server takes in one. */
export class TransactionList {
  readonly tuples: TransactionTuple[] = [];
  #bytesLeft: number;

  constructor(frameBytes: number) {
    this.#bytesLeft = frameBytes - REQUEST_BYTES;
  }

  /** False if there is no room. The first is taken in any case, since there is more room nowhere else. */
  add(tuple: TransactionTuple): boolean {
    const [account] = tuple;
    const bytes =
      TUPLE_BYTES_MAX + (typeof account === 'string' ? Buffer.byteLength(account) : account.length);
    const isFull = this.tuples.length === REQUEST_TRANSACTIONS_MAX || bytes > this.#bytesLeft;
    if (isFull && this.tuples.length > 0) return false;
    this.#bytesLeft -= bytes;
    this.tuples.push(tuple);
    return true;
  }
}
