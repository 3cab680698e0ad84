import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type GoldRequest, parseRequest } from '../../../workers/gold/gold-requests.ts';

const USED: GoldRequest = { type: 'wrong', message: 'it is used so: yyyy-mm-dd TYPE; -help says more' };

function noDate(text: string): GoldRequest {
  return { type: 'wrong', message: `${text} is no date; dates are written yyyy-mm-dd` };
}

describe('a message of a gold client', () => {
  const cases: readonly (readonly [string, GoldRequest])[] = [
    ['-help', { type: 'help' }],
    [' -QUIT ', { type: 'quit' }],
    ['-signin', { type: 'signin' }],
    ['-SignUp', { type: 'signup' }],
    ['-dates', { type: 'dates' }],
    ['-unwatch', { type: 'unwatch' }],
    ['-types', { type: 'types' }],
    ['-types 2025-01-02', { type: 'types', date: '2025-01-02' }],
    ['2025-01-02', { type: 'types', date: '2025-01-02' }],
    ['-latest', { type: 'latest' }],
    ['-latest Hồ Chí Minh', { type: 'latest', wanted: 'Hồ Chí Minh' }],
    ['-watch\tSJC 1L', { type: 'watch', wanted: 'SJC 1L' }],
    ['2025-01-02 SJC', { type: 'look-up', date: '2025-01-02', wanted: 'SJC' }],
    ['2024-02-29   nhẫn  trơn ', { type: 'look-up', date: '2024-02-29', wanted: 'nhẫn  trơn' }],
    ['2025-01-02 -quit', { type: 'look-up', date: '2025-01-02', wanted: '-quit' }],
    ['2025-01-02..2025-01-02 SJC', { type: 'range', from: '2025-01-02', to: '2025-01-02', wanted: 'SJC' }],
    ['2025-02-30 SJC', noDate('2025-02-30')],
    ['2025-02-29', noDate('2025-02-29')],
    ['2025-13-01 SJC', noDate('2025-13-01')],
    ['2025-1-2 SJC', noDate('2025-1-2')],
    ['02/01/2025 SJC', noDate('02/01/2025')],
    ['12025-01-02 SJC', noDate('12025-01-02')],
    ['2025-01-02.. SJC', noDate('2025-01-02..')],
    ['2025-01-02..2025-02-30 SJC', noDate('2025-02-30')],
    ['-types yesterday', noDate('yesterday')],
    [`1\x1b[31m${'x'.repeat(100)}`, noDate(`1${'x'.repeat(63)}`)],
    [
      '2025-01-09..2025-01-02 SJC',
      { type: 'wrong', message: '2025-01-09..2025-01-02 ends before it begins' },
    ],
    ['2025-01-02..2025-01-09', { type: 'wrong', message: 'it is used so: yyyy-mm-dd..yyyy-mm-dd TYPE' }],
    ['-watch', { type: 'wrong', message: 'it is used so: -watch TYPE' }],
    ['-signin khtn daihoc', { type: 'wrong', message: 'it is used so: -signin' }],
    ['-nothing', USED],
    ['-', USED],
    ['SJC 2025-01-02', USED],
    ['..', USED],
  ];
  for (const [text, request] of cases) {
    test(`means ${request.type} if it is ${JSON.stringify(text).slice(0, 40)}`, () => {
      assert.deepEqual(parseRequest(text), request);
    });
  }
});
