import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Failure } from '../../../clients/ouch-inputs/failure.ts';
import { formatFailure, formatSummary, toJsonReport, toJunit } from '../../../clients/ouch-inputs/report.ts';
import type { FileResult, RunReport } from '../../../clients/ouch-inputs/run.ts';
import { Latency, Tally } from '../../../clients/ouch-inputs/statistics.ts';
import { LETTER } from '../../../src/protocol/ouch/layout.ts';
import { encodeOutbound, type OutboundMessage } from '../../../src/protocol/ouch/messages.ts';
import { Captures, compare } from '../../../src/protocol/ouch-inputs/expect.ts';
import { OutcryError } from '../../../src/values/errors.ts';
import { accepted, executed, rejected, START_OF_DAY } from '../../support/replies.ts';

const LOOK = { format: 'simple', width: 100 } as const;
const EXPECTED = { message_type: 'E', executed_quantity: 60, liquidity_indicator: 'A' };
const CAME = executed(1, 30, 9n);

const MISMATCH: Failure = {
  file: 'trade.json',
  what: 'mismatch',
  step: 2,
  place: { line: 6, column: 18 },
  client: 'taker',
  expected: EXPECTED,
  nth: 2,
  got: CAME,
  difference: compare(EXPECTED, CAME, 'alpha', new Captures()),
  passed: [START_OF_DAY],
};

function resultOf(
  file: string,
  sent: number,
  replies: readonly OutboundMessage[],
  rest: Partial<FileResult> = {},
) {
  const tally = new Tally();
  const latency = new Latency();
  for (let i = 0; i < sent; i++) tally.countSent(LETTER.enter);
  for (const reply of replies) {
    tally.count(encodeOutbound(reply), 0);
    latency.record(61);
  }
  return {
    file,
    name: file,
    tally,
    latency,
    seconds: 0.5,
    failure: undefined,
    isInterrupted: false,
    hint: undefined,
    ...rest,
  };
}

const REPORT: RunReport = {
  results: [
    resultOf('client_1.json', 4, [accepted(1), accepted(2), rejected(3, 'N')]),
    resultOf('trade.json', 2000, [accepted(1), executed(1, 30)], {
      failure: MISMATCH,
      name: 'a <trade> & more',
    }),
    resultOf('day.json', 1, [], { isInterrupted: true }),
  ],
  messages: 2005,
  seconds: 0.5,
  cpuShare: 0.314,
};

describe('formatFailure', () => {
  test('shows the fields that were asked for, which of them are not so, and what came', () => {
    assert.equal(
      formatFailure(MISMATCH),
      [
        'trade.json:6:18: step 2, taker: the second reply is another one',
        '    message_type         E',
        '  ≠ executed_quantity    60  came 30',
        '    liquidity_indicator  A',
        'came: E order_token 1, executed_quantity 30, execution_price 2300.0, liquidity_indicator A,',
        '    match_number 9',
      ].join('\n'),
    );
  });

  test('says what nobody expected, and what was passed over before', () => {
    const failure: Failure = {
      ...MISMATCH,
      what: 'unexpected',
      difference: undefined,
      passed: [rejected(7, 'X')],
    };
    const [first, came, passed] = formatFailure(failure, 120).split('\n');
    assert.equal(first, 'trade.json:6:18: step 2, taker: an unexpected reply');
    assert.match(came ?? '', /^came: E /);
    assert.equal(passed, 'before it, not expected by its step: J order_token 7, reason X');
    assert.match(formatFailure({ ...failure, what: 'noise' }), /: a reply where silence was expected\n/);
  });

  test('says what did not come, what broke, and what may be the matter', () => {
    const error = new OutcryError('ERR_REQUEST_TIMEOUT', 'nothing came within 5 s');
    const timeout: Failure = {
      file: 'x.json',
      what: 'timeout',
      step: 3,
      place: { line: 8, column: 18 },
      client: 'maker',
      expected: { message_type: 'E', executed_quantity: 60 },
      passed: [],
      error,
      hint: 'TRADE0 was told 5 messages before',
    };
    assert.equal(
      formatFailure(timeout),
      'x.json:8:18: step 3, maker: nothing came within 5 s; expected E executed_quantity 60\nTRADE0 was told 5 messages before',
    );
    const { expected: _, hint: __, ...rest } = timeout;
    const place = { line: 1, column: 1 };
    assert.equal(
      formatFailure({ ...rest, what: 'connection', step: 0, place, client: 'maker' }),
      'x.json:1:1: maker: nothing came within 5 s',
    );
  });

  test('breaks what came between its fields, where the line is too long', () => {
    const passed = [accepted(7, { clientReference: 'a b' })];
    for (const width of [60, 80]) {
      const lines = formatFailure({ ...MISMATCH, got: accepted(1), passed }, width)
        .split('\n')
        .slice(4);
      assert.ok(lines.length > 4);
      for (const line of lines) assert.ok(line.length <= width, line);
      const whole = lines.join('').replaceAll(',    ', ', ');
      assert.match(whole, /^came: A order_token 1, .*, cash_margin_type 1before it, .*: A order_token 7, /);
      assert.match(whole, /client_reference a b, buy_sell_indicator B, quantity 100, /);
    }
  });

  test('no control character of a server reaches a terminal', () => {
    const got = { ...accepted(1), clientReference: 'a\x1b[31mb\n' };
    assert.match(formatFailure({ ...MISMATCH, got, difference: undefined }), /client_reference ab /);
  });
});

describe('formatSummary', () => {
  test('is a row for each input and a line about all', () => {
    assert.deepEqual(formatSummary(REPORT, LOOK).split('\n'), [
      'input              sent  accepted  rejected  executed  silent    p50    p99  result',
      '----------------  -----  --------  --------  --------  ------  -----  -----  -------',
      'client_1.json         4         2  N 1                      1  61 µs  61 µs  done',
      'a <trade> & more  2,000         1                   1   1,999  61 µs  61 µs  FAILED',
      'day.json              1                                     1                stopped',
      '3 inputs, 2,005 messages in 0.50 s, 4,010/s, own CPU 31 %: 1 failed, 1 stopped',
      '',
    ]);
  });

  test('leaves latencies out where there is no room', () => {
    const table = formatSummary(REPORT, { ...LOOK, width: 75 });
    assert.doesNotMatch(table, /p50/);
    assert.match(table, /executed/);
  });
});

describe('toJsonReport', () => {
  test('has all figures of every input, and the failure as text and place', () => {
    const { inputs, ...all } = JSON.parse(toJsonReport(REPORT));
    assert.deepEqual(all, { messages: 2005, seconds: 0.5, cpuShare: 0.314 });
    const [first, second, third] = inputs;
    assert.deepEqual(first, {
      file: 'client_1.json',
      name: 'client_1.json',
      ok: true,
      seconds: 0.5,
      sent: 4,
      accepted: 2,
      rejected: { N: 1 },
      replaced: 0,
      canceled: {},
      executed: 0,
      prevented: 0,
      silent: 1,
      p50Us: 61,
      p99Us: 61,
    });
    const { text, ...failure } = second.failure;
    assert.deepEqual(failure, { what: 'mismatch', step: 2, line: 6, column: 18, client: 'taker' });
    assert.equal(text, formatFailure(MISMATCH));
    assert.deepEqual([second.ok, third.ok, third.stopped, third.p50Us], [false, false, true, null]);
  });
});

describe('toJunit', () => {
  test('is a case for each input, with the failure as text', () => {
    const lines = toJunit(REPORT).split('\n');
    assert.deepEqual(lines.slice(0, 5), [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuite name="outcry ouch replay" tests="3" failures="1" errors="0" skipped="1" time="0.500">',
      '  <testcase classname="client_1.json" name="client_1.json" time="0.500"/>',
      '  <testcase classname="trade.json" name="a &lt;trade&gt; &amp; more" time="0.500">',
      '    <failure type="mismatch" message="trade.json:6:18: step 2, taker: the second reply is another one"><![CDATA[trade.json:6:18: step 2, taker: the second reply is another one',
    ]);
    assert.deepEqual(lines.slice(-5), [
      '  <testcase classname="day.json" name="day.json" time="0.500">',
      '    <skipped message="stopped"/>',
      '  </testcase>',
      '</testsuite>',
      '',
    ]);
  });

  test('no text ends its section', () => {
    const failure: Failure = { ...MISMATCH, file: 'a]]>b' };
    const junit = toJunit({ ...REPORT, results: [resultOf('x', 1, [], { failure })] });
    assert.match(junit, /CDATA\[a\]\]\]\]><!\[CDATA\[>b:6:18/);
  });
});
