/**
 * What the messages of the gold service's clients mean. Pure.
 *
 *     -help · -quit · -signin · -signup · -dates · -unwatch     alone, in capitals or not
 *     -types [DATE] · -latest [TYPE] · -watch TYPE
 *     DATE [TYPE] · DATE..DATE TYPE                             the type may have spaces
 */
import { isGoldDate } from '../../src/protocol/gold-dates.ts';
import { printable } from '../../src/values/printable.ts';

export type GoldRequest =
  | { readonly type: 'help' | 'quit' | 'signin' | 'signup' | 'dates' | 'unwatch' }
  | { readonly type: 'types'; readonly date?: string }
  | { readonly type: 'latest'; readonly wanted?: string }
  | { readonly type: 'watch'; readonly wanted: string }
  | { readonly type: 'look-up'; readonly date: string; readonly wanted: string }
  | { readonly type: 'range'; readonly from: string; readonly to: string; readonly wanted: string }
  /** What is said to it. */
  | { readonly type: 'wrong'; readonly message: string };

/** What is answered with rows of a name, if there are any. */
export type RowsRequest = Extract<GoldRequest, { readonly type: 'look-up' | 'range' | 'latest' | 'watch' }>;

const ALONE = ['help', 'quit', 'signin', 'signup', 'dates', 'unwatch'] as const;
const FIRST_AND_REST = /^(\S*)\s*(.*)$/s;
const RANGE = /^(.*?)\.\.(.*)$/s;
const SHOWN_CHARACTERS_MAX = 64;

const WRONG: GoldRequest = {
  type: 'wrong',
  message: 'it is used so: yyyy-mm-dd TYPE; -help says more',
};

export function parseRequest(text: string): GoldRequest {
  const [, first = '', rest = ''] = FIRST_AND_REST.exec(text.trim()) ?? [];
  if (first.startsWith('-')) return parseCommand(first.slice(1).toLowerCase(), rest);
  // A wrong date is told of as such.
  return /^\d/.test(first) ? parseDates(first, rest) : WRONG;
}

function parseCommand(command: string, rest: string): GoldRequest {
  const alone = ALONE.find((name) => name === command);
  if (alone !== undefined) return rest === '' ? { type: alone } : used(`-${alone}`);
  switch (command) {
    case 'types':
      if (rest === '') return { type: 'types' };
      return isGoldDate(rest) ? { type: 'types', date: rest } : noDate(rest);
    case 'latest':
      return rest === '' ? { type: 'latest' } : { type: 'latest', wanted: rest };
    case 'watch':
      return rest === '' ? used('-watch TYPE') : { type: 'watch', wanted: rest };
    default:
      return WRONG;
  }
}

function parseDates(dates: string, wanted: string): GoldRequest {
  const [, from = dates, to = dates] = RANGE.exec(dates) ?? [];
  const wrong = [from, to].find((date) => !isGoldDate(date));
  if (wrong !== undefined) return noDate(wrong || dates);
  if (dates === from)
    return wanted === '' ? { type: 'types', date: from } : { type: 'look-up', date: from, wanted };
  if (wanted === '') return used('yyyy-mm-dd..yyyy-mm-dd TYPE');
  if (to < from) return { type: 'wrong', message: `${from}..${to} ends before it begins` };
  return { type: 'range', from, to, wanted };
}

function used(usage: string): GoldRequest {
  return { type: 'wrong', message: `it is used so: ${usage}` };
}

function noDate(text: string): GoldRequest {
  return { type: 'wrong', message: `${shown(text)} is no date; dates are written yyyy-mm-dd` };
}

/** What the client has said, as it may be shown to it. */
export function shown(text: string): string {
  return [...printable(text)].slice(0, SHOWN_CHARACTERS_MAX).join('');
}
