import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Address, toAddress } from '../../../src/values/address.ts';
import type { Ask } from '../../../workers/runtime/asks.ts';
import { PendingAsks } from '../../../workers/runtime/asks.ts';
import {
  addressIn,
  listening,
  outcomeOf,
  RESTART,
  reacting,
  refTo,
  specOf,
  TestHosts,
} from '../../support/actors.ts';

const TIMEOUT_MS = 500;

/** An actor that asks `target` what it is told, and keeps the outcomes. */
function asking(target: Address, outcomes: unknown[], timeoutMs = TIMEOUT_MS) {
  return reacting((message, context) => {
    const [type, outcome] = Array.isArray(message) ? message : [];
    if (type === 'outcome') outcomes.push(outcome);
    else {
      const adapt = (answer: Parameters<typeof outcomeOf>[0]) => ['outcome', outcomeOf(answer)];
      context.ask(refTo(context, target), message, timeoutMs, adapt);
    }
  }, RESTART);
}

/** An actor that does with an ask what the message says. */
function asked(kept: Ask[] = []) {
  return reacting((message, context) => {
    const [ask] = kept;
    if (message === 'reply') context.reply('replied');
    else if (message === 'reply twice') {
      context.reply('first');
      context.reply('second');
    } else if (message === 'take') kept.push(context.takeAsk() as Ask);
    else if (message === 'reply later' && ask !== undefined) {
      context.replyTo(ask, 'late');
      context.replyTo(ask, 'later still');
    } else if (message === 'throw') throw new Error('no answer');
    else if (message === 'stop') context.stop();
    else if (message === 'reply and stop') {
      context.stop();
      context.reply('the last');
    }
  }, RESTART);
}

for (const [place, hostOfAsked] of [
  ['of an actor in the same host', 0],
  ['of an actor in another host', 1],
] as const) {
  describe(`an ask ${place}`, () => {
    const asker = addressIn(0, 2, 'asker');
    const target = addressIn(hostOfAsked, 2, 'asked');

    function setUp({ kept = [] as Ask[], timeoutMs = TIMEOUT_MS } = {}) {
      const hosts = new TestHosts({ hosts: 2 });
      const outcomes: unknown[] = [];
      hosts.spawn(asker, asking(target, outcomes, timeoutMs));
      hosts.spawn(target, asked(kept));
      return { hosts, outcomes };
    }

    test('is settled by the reply, once', () => {
      const { hosts, outcomes } = setUp();
      hosts.tell(asker, 'reply', 'reply twice');
      hosts.live(10 * TIMEOUT_MS);
      assert.deepEqual(outcomes, ['replied', 'first']);
    });

    test('is settled by the fault of the actor asked', () => {
      const { hosts, outcomes } = setUp();
      hosts.tell(asker, 'throw');
      hosts.live(10 * TIMEOUT_MS);
      assert.deepEqual(outcomes, ['ERR_ASK_FAULT']);
    });

    test('is settled when the actor asked stops instead of replying', () => {
      const { hosts, outcomes } = setUp();
      hosts.tell(asker, 'stop');
      assert.deepEqual(outcomes, ['ERR_ASK_STOPPED']);
    });

    test('is settled by the reply of an actor that stops with it', () => {
      const { hosts, outcomes } = setUp();
      hosts.tell(asker, 'reply and stop');
      hosts.live(10 * TIMEOUT_MS);
      assert.deepEqual(outcomes, ['the last']);
    });

    test('is settled when nobody lives at the address', () => {
      const { hosts, outcomes } = setUp();
      hosts.tell(target, 'stop');
      hosts.tell(asker, 'reply');
      assert.deepEqual(outcomes, ['ERR_ASK_NO_ACTOR']);
    });

    test('is settled by its deadline, after which a reply is ignored', () => {
      const { hosts, outcomes } = setUp();
      hosts.tell(asker, 'take');
      hosts.advance(TIMEOUT_MS - 1);
      assert.deepEqual(outcomes, []);
      hosts.advance(1);
      assert.deepEqual(outcomes, ['ERR_ASK_TIMEOUT']);
      hosts.tell(target, 'reply later');
      hosts.live(10 * TIMEOUT_MS);
      assert.deepEqual(outcomes, ['ERR_ASK_TIMEOUT']);
    });

    test('that was taken is settled by the first reply of a later turn', () => {
      const { hosts, outcomes } = setUp();
      hosts.tell(asker, 'take');
      hosts.advance(100);
      hosts.tell(target, 'reply later');
      hosts.live(10 * TIMEOUT_MS);
      assert.deepEqual(outcomes, ['late']);
    });

    test('that was taken is settled when the actor asked stops', () => {
      const { hosts, outcomes } = setUp();
      hosts.tell(asker, 'take');
      hosts.tell(target, 'stop');
      assert.deepEqual(outcomes, ['ERR_ASK_STOPPED']);
    });

    test('that was taken is settled when the actor asked fails: its next instance knows nothing of it', () => {
      const { hosts, outcomes } = setUp();
      hosts.tell(asker, 'take');
      hosts.tell(target, 'throw');
      assert.deepEqual(outcomes, ['ERR_ASK_FAULT']);
    });

    test('that waits when the actor asked stops is settled', () => {
      const { hosts, outcomes } = setUp();
      for (const message of ['stop', 'reply', 'take']) hosts.mainOf(0).tell(asker, message);
      hosts.settle();
      assert.deepEqual(outcomes, ['ERR_ASK_STOPPED', 'ERR_ASK_STOPPED', 'ERR_ASK_STOPPED']);
    });

    test('with many at once gets each its own answer', () => {
      const hosts = new TestHosts({ hosts: 2 });
      const outcomes: unknown[] = [];
      hosts.spawn(asker, asking(target, outcomes));
      hosts.spawn(
        target,
        reacting((message, context) => context.reply(`answer ${message}`)),
      );
      hosts.tell(asker, ...Array.from({ length: 1000 }, (_, i) => i));
      assert.deepEqual(
        outcomes,
        Array.from({ length: 1000 }, (_, i) => `answer ${i}`),
      );
      assert.equal(hosts.nextDueMs(), Infinity);
    });
  });
}

describe('an ask', () => {
  const asker = addressIn(0, 2, 'asker');
  const far = addressIn(1, 2, 'far');

  test('is settled when the host of the actor asked is lost', () => {
    const hosts = new TestHosts({ hosts: 2 });
    const outcomes: unknown[] = [];
    hosts.spawn(asker, asking(far, outcomes));
    hosts.spawn(far, asked());
    hosts.tell(asker, 'take');
    hosts.replace(1);
    hosts.settle();
    assert.deepEqual(outcomes, ['ERR_HOST_LOST']);
  });

  test('is not worked for once its deadline has passed', () => {
    const hosts = new TestHosts({ hosts: 2 });
    const heard: unknown[] = [];
    const outcomes: unknown[] = [];
    hosts.spawn(far, listening(heard));
    hosts.spawn(asker, asking(far, outcomes, TIMEOUT_MS));
    hosts.mainOf(0).tell(asker, 'expired');
    hosts.systemOf(0).intake(hosts.systemOf(0).mainOrigin, hosts.mainOf(0).writer.take(), hosts.nowMs);
    hosts.systemOf(0).run(hosts.nowMs);
    hosts.post(0);
    hosts.advance(TIMEOUT_MS);
    assert.deepEqual([heard, outcomes], [[], ['ERR_ASK_TIMEOUT']]);
    assert.equal(hosts.linkOf(0, 1).inFlight, 0);
  });

  test('of the asker itself is answered after the message in hand', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(
      asker,
      reacting((message, context) => {
        heard.push(message);
        if (message === 'go') context.ask(refTo(context, asker), 'question', TIMEOUT_MS, outcomeOf);
        else context.reply('answer');
      }),
    );
    hosts.tell(asker, 'go');
    assert.deepEqual(heard, ['go', 'question', 'answer']);
  });

  test('whose answer can not be adapted is the fault of the asker alone', () => {
    const hosts = new TestHosts();
    const replier = toAddress('test/replier');
    const heard: unknown[] = [];
    hosts.spawn(replier, asked());
    hosts.spawn(
      asker,
      reacting((message, context) => {
        heard.push(message);
        if (message === 'after') return;
        context.ask(refTo(context, replier), message, TIMEOUT_MS, () => {
          throw new Error('can not adapt');
        });
      }, RESTART),
    );
    hosts.tell(asker, 'reply');
    hosts.tell(asker, 'take');
    hosts.live(TIMEOUT_MS);
    hosts.tell(asker, 'after');
    assert.deepEqual(heard, ['reply', 'take', 'after']);
    assert.deepEqual(
      hosts.errors.map((text) => text.split(' ')[0]),
      [asker, asker],
    );
    assert.deepEqual(hosts.ask(replier, 'reply'), ['replied']);
  });

  test('told instead of asked is not replied to', () => {
    const hosts = new TestHosts();
    const replier = toAddress('test/replier');
    hosts.spawn(replier, asked());
    hosts.tell(replier, 'reply');
    assert.deepEqual(hosts.ask(replier, 'take'), []);
    assert.deepEqual(hosts.errors, []);
  });

  test("of a child that its parent has just started is counted as the child's", () => {
    const hosts = new TestHosts();
    const parent = toAddress('test/parent');
    const replier = toAddress('test/replier');
    const outcomes: unknown[] = [];
    hosts.spawn(replier, asked());
    const child = specOf(() => ({
      started: (context) => context.ask(refTo(context, replier), 'reply', TIMEOUT_MS, outcomeOf),
      receive: (message) => void outcomes.push(message),
    }));
    hosts.spawn(
      parent,
      reacting((_message, context) => {
        context.tell(refTo(context, replier), 'something first');
        context.spawn('child', child);
      }),
    );
    hosts.tell(parent, 'go');
    assert.deepEqual(outcomes, ['replied']);
    hosts.main.command({ type: 'drain' });
    hosts.settle();
    assert.deepEqual(hosts.main.events, [{ type: 'drained', deadLetters: {} }]);
  });
});

describe('PendingAsks', () => {
  const pending = (deadlineMs: number) => ({ deadlineMs, list: undefined }) as unknown as Ask;

  test('expires asks of different timeouts each at its own deadline', () => {
    const asks = new PendingAsks();
    const order = [30, 10, 20, 10].map((timeoutMs) => {
      const ask = pending(timeoutMs);
      asks.add(ask, timeoutMs);
      return ask;
    });
    asks.remove(order[1] as Ask);
    assert.deepEqual([asks.count, asks.nextDueMs()], [3, 10]);
    assert.equal(asks.takeExpired(9), undefined);
    assert.equal(asks.takeExpired(25), order[3]);
    assert.equal(asks.takeExpired(25), order[2]);
    assert.equal(asks.takeExpired(25), undefined);
    assert.deepEqual([asks.count, asks.nextDueMs()], [1, 30]);
  });

  test('takes no longer for many timeouts that were used once', () => {
    const asks = new PendingAsks();
    for (let timeoutMs = 1; timeoutMs <= 10_000; timeoutMs++) {
      const ask = pending(timeoutMs);
      asks.add(ask, timeoutMs);
      asks.remove(ask);
      assert.equal(asks.takeExpired(timeoutMs), undefined);
    }
    assert.ok(asks.timeouts <= 2);
  });
});
