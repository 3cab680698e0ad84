import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import {
  type ActorsAnswer,
  type DeadLettersAnswer,
  INSPECTOR_ADDRESS,
  type InspectorCommand,
} from '../../../src/protocol/inspector.ts';
import { toAddress } from '../../../src/values/address.ts';
import { STOP_ON_FAULT } from '../../../workers/runtime/actor.ts';
import { startInspector } from '../../../workers/runtime/inspector.ts';
import { outcomeOf, RESTART, reacting, TestHosts } from '../../support/actors.ts';

const BUSY = toAddress('test/busy');
const FAILING = toAddress('test/failing');
const LIST = { type: 'actors', filter: '', sort: 'address', limit: 100 } as const;

describe('Inspector', () => {
  let hosts: TestHosts;

  beforeEach(() => {
    hosts = new TestHosts();
    startInspector(hosts.system);
    hosts.spawn(
      BUSY,
      reacting(() => {}, STOP_ON_FAULT),
    );
    hosts.spawn(
      FAILING,
      reacting((message) => {
        if (message === 'fail') throw new Error('it was told to fail');
      }, RESTART),
    );
  });

  function ask<T>(command: InspectorCommand): T {
    const outcomes: unknown[] = [];
    hosts.main.ask(INSPECTOR_ADDRESS, command, (answer) => outcomes.push(outcomeOf(answer)));
    hosts.settle();
    assert.equal(outcomes.length, 1);
    return outcomes[0] as T;
  }

  const list = (command: Partial<InspectorCommand & { type: 'actors' }> = {}) =>
    ask<ActorsAnswer>({ ...LIST, ...command });
  const rowOf = (address: string) => list({ filter: address }).actors[0];

  test('lists all actors, itself too, with what there is to know of them', () => {
    hosts.tell(BUSY, 1, 2, 3);
    const { actors, total } = list();
    assert.equal(total, 3);
    assert.deepEqual(
      actors.map(({ address, handled }) => [address, handled]),
      [
        ['host/inspector', 0],
        ['test/busy', 3],
        ['test/failing', 0],
      ],
    );
    assert.deepEqual(actors[1], {
      address: 'test/busy',
      host: 0,
      state: 'running',
      depth: 0,
      handled: 3,
      rate: 0,
      restarts: 0,
      lastError: '',
    });
  });

  test('a rate is what was handled since the sample, over the time since then', () => {
    hosts.tell(BUSY, 1, 2, 3);
    ask({ type: 'sample' });
    hosts.tell(BUSY, ...Array.from({ length: 50 }, () => 'more'));
    hosts.advance(2000);
    assert.equal(rowOf(BUSY)?.rate, 25);
    assert.equal(rowOf(FAILING)?.rate, 0);
    ask({ type: 'sample' });
    hosts.advance(1000);
    assert.equal(rowOf(BUSY)?.rate, 0);
  });

  test('how much waits is told of an actor that has not got to it', () => {
    // The inspector runs ahead of it, within the same turn.
    const answers: unknown[] = [];
    hosts.main.ask(INSPECTOR_ADDRESS, { ...LIST, filter: BUSY }, (answer) => answers.push(outcomeOf(answer)));
    for (let i = 0; i < 4; i++) hosts.main.tell(BUSY, i);
    hosts.settle();
    assert.deepEqual(
      answers.map((answer) => (answer as ActorsAnswer).actors[0]?.depth),
      [4],
    );
    assert.equal(rowOf(BUSY)?.depth, 0);
  });

  test('restarts are counted, and the last error is told', () => {
    hosts.tell(FAILING, 'fail', 'well', 'fail');
    const row = rowOf(FAILING);
    assert.deepEqual([row?.restarts, row?.lastError, row?.state], [2, 'it was told to fail', 'running']);
    assert.equal(row?.handled, 3);
  });

  test('the order is by what was asked for, the highest first, and no more than the limit', () => {
    hosts.tell(FAILING, 'fail');
    hosts.tell(BUSY, 1, 2, 3);
    const first = (sort: 'handled' | 'restarts' | 'address') => list({ sort, limit: 1 }).actors[0]?.address;
    assert.equal(first('restarts'), FAILING);
    assert.equal(first('address'), INSPECTOR_ADDRESS);
    hosts.tell(BUSY, ...Array.from({ length: 100 }, () => 'more'));
    assert.equal(first('handled'), BUSY);
    assert.deepEqual(
      [list({ filter: 'test/', limit: 1 }).actors.length, list({ filter: 'test/', limit: 1 }).total],
      [1, 2],
    );
    assert.deepEqual(list({ filter: 'nobody' }), { actors: [], total: 0 });
  });

  test('an actor that has stopped is not listed', () => {
    hosts.spawn(
      toAddress('test/short'),
      reacting((_message, context) => context.stop()),
    );
    hosts.tell(toAddress('test/short'), 'stop');
    assert.equal(list({ filter: 'short' }).total, 0);
  });

  test('dead letters are told with their dates, the latest ones, oldest first', () => {
    hosts.tell(FAILING, 'fail');
    hosts.tell(toAddress('test/nobody'), { hello: 1 });
    const { counts, recent } = ask<DeadLettersAnswer>({ type: 'dead-letters', limit: 10 });
    assert.deepEqual(counts, { poison: 1, 'no-actor': 1 });
    assert.deepEqual(
      recent.map(({ timeMs, ...row }) => [timeMs, ...Object.values(row)]),
      [
        [hosts.nowMs, 0, 'poison', FAILING, "'fail'", 'it was told to fail'],
        [hosts.nowMs, 0, 'no-actor', 'test/nobody', '{ hello: 1 }', ''],
      ],
    );
    assert.equal(ask<DeadLettersAnswer>({ type: 'dead-letters', limit: 1 }).recent[0]?.reason, 'no-actor');
  });
});
