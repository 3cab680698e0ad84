import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FLOW, RECORD } from '../../../src/protocol/link.ts';
import { type Address, toAddress } from '../../../src/values/address.ts';
import { type ConnectionInfo, type Context, STOP_ON_FAULT } from '../../../workers/runtime/actor.ts';
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

const A = toAddress('test/a');
const B = toAddress('test/b');
const C = toAddress('test/c');

const count = (length: number) => Array.from({ length }, (_, i) => i);

/** An actor that sends on all it hears. */
function forwarding(to: Address, mailboxMax?: number) {
  return reacting((message, context) => context.tell(refTo(context, to), message), RESTART, mailboxMax);
}

/** An actor that stops when told to. */
const stoppable = reacting((message, context) => {
  if (message === 'stop') context.stop();
});

describe('delivery', () => {
  test('messages of one actor are handled one after the other, also those it sends itself', () => {
    const hosts = new TestHosts();
    let depth = 0;
    const log: unknown[] = [];
    hosts.spawn(
      A,
      reacting((message, context) => {
        assert.equal(++depth, 1);
        log.push(message);
        if (message === 'go') {
          context.tell(refTo(context, A), 'to myself');
          context.tell(refTo(context, B), 'there and back');
        }
        log.push('done');
        depth--;
      }),
    );
    hosts.spawn(B, forwarding(A));
    hosts.tell(A, 'go', 'next');
    assert.deepEqual(log, ['go', 'done', 'next', 'done', 'to myself', 'done', 'there and back', 'done']);
  });

  test('an actor that is flooded leaves the others their turns', () => {
    const hosts = new TestHosts();
    const order: string[] = [];
    hosts.spawn(
      A,
      reacting(() => order.push('flooded')),
    );
    hosts.spawn(
      B,
      reacting(() => order.push('other')),
    );
    for (const _ of count(5000)) hosts.main.tell(A, 'more');
    hosts.main.tell(B, 'one');
    hosts.settle();
    assert.ok(order.indexOf('other') <= 256, 'it waits for one batch at most');
    assert.equal(order.length, 5001);
  });

  test('a turn ends although actors keep each other busy for ever', () => {
    const hosts = new TestHosts();
    hosts.spawn(A, forwarding(A));
    hosts.main.tell(A, 'round and round');
    for (const _ of count(3)) assert.ok(hosts.turn());
  });

  test('messages between two hosts arrive in order, whatever their kind', () => {
    const hosts = new TestHosts({ hosts: 2 });
    const [near, far] = [addressIn(0, 2, 'near'), addressIn(1, 2, 'far')];
    const heard: unknown[] = [];
    hosts.spawn(
      far,
      specOf(() => ({
        receive: (message) => void heard.push(message),
        receiveBytes: (bytes, start, end) =>
          void heard.push(Buffer.from(bytes.subarray(start, end)).toString()),
      })),
    );
    hosts.spawn(
      near,
      reacting((message, context) => {
        const to = refTo(context, far);
        context.tell(to, `${message} told`);
        context.ask(to, `${message} asked`, 10, () => undefined);
        const bytes = Buffer.from(`..${message} bytes..`);
        context.tellBytes(to, bytes, 2, bytes.length - 2);
      }),
    );
    hosts.tell(near, 1, 2);
    assert.deepEqual(heard, ['1 told', '1 asked', '1 bytes', '2 told', '2 asked', '2 bytes']);
  });

  test('a link names more actors than it has numbers', () => {
    const hosts = new TestHosts({ hosts: 2 });
    const near = addressIn(0, 2, 'near');
    const far = addressIn(1, 2, 'far');
    const heard: unknown[] = [];
    hosts.spawn(far, listening(heard));
    hosts.spawn(
      near,
      reacting((message, context) => {
        context.tell(refTo(context, far), message);
        for (const i of count(40_000)) context.tell(refTo(context, `${far}/child-${message}-${i}`), 0);
        context.tell(refTo(context, far), message);
      }),
    );
    hosts.tell(near, 1, 2);
    assert.deepEqual(heard, [1, 1, 2, 2]);
    assert.deepEqual(hosts.systemOf(1).deadLetters.counts, { 'no-actor': 80_000 });
    assert.equal(hosts.linkOf(0, 1).inFlight, 0);
  });

  test('bytes for an actor that takes none are its fault and are given back', () => {
    const hosts = new TestHosts();
    hosts.spawn(
      A,
      reacting(() => {}, RESTART),
    );
    hosts.main.tellBytes(A, new Uint8Array(100));
    hosts.settle();
    assert.deepEqual(hosts.system.deadLetters.counts, { poison: 1 });
    assert.equal(hosts.main.inFlight, 0);
  });
});

describe('full mailboxes', () => {
  test('suspend the sender, throw nothing, drop nothing and keep the order', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    let [sent, ahead, aheadMax] = [0, 0, 0];
    hosts.spawn(
      A,
      reacting((message, context) => {
        sent++;
        aheadMax = Math.max(aheadMax, ++ahead);
        context.tell(refTo(context, B), message);
      }),
    );
    hosts.spawn(
      B,
      reacting(
        (message) => {
          ahead--;
          heard.push(message);
        },
        STOP_ON_FAULT,
        4,
      ),
    );
    hosts.tell(A, ...count(3000));
    assert.deepEqual(heard, count(3000));
    assert.deepEqual([sent, aheadMax], [3000, 4]);
    assert.deepEqual([hosts.errors, hosts.system.deadLetters.counts], [[], {}]);
  });

  test('never drop by default, even of a sender that goes far beyond in one message', () => {
    const hosts = new TestHosts({ mailboxMax: 2 });
    const heard: unknown[] = [];
    hosts.spawn(B, listening(heard));
    hosts.spawn(
      A,
      reacting((_message, context) => {
        for (const i of count(5000)) context.tell(refTo(context, B), i);
      }),
    );
    hosts.tell(A, 'go');
    assert.deepEqual(heard, count(5000));
  });

  test('of one message in a cycle of actors that start up do not deadlock', () => {
    const hosts = new TestHosts();
    const ring = count(5).map((i) => toAddress(`test/ring-${i}`));
    const heard = new Map<Address, number>();
    ring.forEach((address, i) => {
      const next = ring[(i + 1) % ring.length] as Address;
      hosts.spawn(
        address,
        specOf(
          () => ({
            receive(rounds, context) {
              if (rounds === 'start') {
                for (const _ of count(10)) context.tell(refTo(context, next), 3);
                return undefined;
              }
              heard.set(address, (heard.get(address) ?? 0) + 1);
              if (rounds === 0) return undefined;
              for (const _ of count(2)) context.tell(refTo(context, next), (rounds as number) - 1);
              return undefined;
            },
          }),
          STOP_ON_FAULT,
          1,
        ),
      );
    });
    for (const address of ring) hosts.main.tell(address, 'start');
    hosts.settle();
    assert.deepEqual([...heard.values()], Array(5).fill(10 * (1 + 2 + 4 + 8)));
  });

  test('and full links in a cycle of hosts do not deadlock', () => {
    const hosts = new TestHosts({ hosts: 2, linkHighWater: 50 });
    const [x, y] = [addressIn(0, 2, 'x'), addressIn(1, 2, 'y')];
    const heard: unknown[] = [];
    const doubling = (other: Address) =>
      reacting(
        (message, context) => {
          heard.push(message);
          if (message === 0) return;
          for (const _ of count(2)) context.tell(refTo(context, other), (message as number) - 1);
        },
        STOP_ON_FAULT,
        1,
      );
    hosts.spawn(x, doubling(y));
    hosts.spawn(y, doubling(x));
    hosts.tell(x, 6);
    hosts.tell(y, 6);
    hosts.live(60_000);
    assert.equal(heard.length, 2 * (2 ** 7 - 1));
    assert.deepEqual([hosts.linkOf(0, 1).inFlight, hosts.linkOf(1, 0).inFlight], [0, 0]);
  });

  test('of an actor that waits for its restart hold its senders up', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    let sent = 0;
    hosts.spawn(
      A,
      reacting((message, context) => {
        sent++;
        context.tell(refTo(context, B), message);
      }),
    );
    hosts.spawn(
      B,
      reacting(
        (message) => {
          if (message === 'poison') throw new Error('it was poison');
          heard.push(message);
        },
        { ...RESTART, backoffMinMs: 1000, backoffMaxMs: 1000 },
        8,
      ),
    );
    hosts.tell(B, 'poison');
    hosts.tell(A, ...count(1000));
    assert.ok(sent <= 16, `${sent} messages were sent on`);
    hosts.live(1000);
    assert.deepEqual(heard, count(1000));
  });

  test('give the links all their credit back, whatever becomes of the messages', () => {
    const hosts = new TestHosts({ hosts: 2, linkHighWater: 2000, createSession: () => stoppable });
    const [near, far, gone] = [addressIn(0, 2, 'near'), addressIn(1, 2, 'far'), addressIn(1, 2, 'gone')];
    hosts.spawn(
      near,
      reacting((message, context) => {
        if (message === 'answered') return;
        for (const to of [far, gone].map((address) => refTo(context, address))) {
          context.tell(to, message);
          context.tellBytes(to, new Uint8Array(33), 0, 33);
          context.ask(to, message, 10, () => 'answered');
        }
      }, RESTART),
    );
    hosts.spawn(
      far,
      reacting(
        (message, context) => {
          if (message === 'poison') throw new Error('it was poison');
          if (message === 'stop') context.stop();
        },
        { ...RESTART, restartsMax: 1000 },
      ),
    );
    const main = hosts.mainOf(0);
    main.open(1);
    main.sendFrames(1, 'for nobody');
    main.sendFrames(1, 'for nobody');
    main.sendChunk(1, '..a chunk for nobody..', 2, 20);
    main.sendChunk(9, 'there was no such session', 0, 9);
    hosts.tell(near, ...count(30), 'poison', 'stop', 'after the stop');
    hosts.live(1000);
    assert.deepEqual(
      [...hosts.links.values()].map(({ inFlight }) => inFlight),
      [0, 0],
    );
    assert.deepEqual(
      hosts.mains.map(({ inFlight }) => inFlight),
      [0, 0],
    );
  });
});

describe('a stop', () => {
  test('sends the messages that wait to dead letters and fails the asks among them', () => {
    const hosts = new TestHosts();
    hosts.spawn(A, stoppable);
    const outcomes: unknown[] = [];
    hosts.main.tell(A, 'stop');
    hosts.main.tell(A, 'told');
    hosts.main.tellBytes(A, Buffer.from('bytes'));
    hosts.main.ask(A, 'asked', (answer) => outcomes.push(outcomeOf(answer)));
    hosts.settle();
    assert.deepEqual(outcomes, ['ERR_ASK_STOPPED']);
    assert.deepEqual(
      hosts.system.deadLetters.recent.map(({ reason, address, message }) => [reason, address, message]),
      [
        ['stopped', A, "'told'"],
        ['stopped', A, '5 bytes'],
        ['stopped', A, "'asked'"],
      ],
    );
  });

  test('takes effect after all outputs of its message', () => {
    const hosts = new TestHosts({
      createSession: () =>
        reacting((_message, context) => {
          context.stop();
          context.send(Buffer.from('goodbye'), 0, 7);
          context.tell(refTo(context, B), 'goodbye');
        }),
    });
    const heard: unknown[] = [];
    hosts.spawn(B, listening(heard));
    hosts.main.open(3);
    hosts.main.command({ type: 'ended', connection: 3 });
    hosts.settle();
    assert.deepEqual([...hosts.main.written], [[3, 'goodbye']]);
    assert.deepEqual([...hosts.main.closed], [[3, '']]);
    assert.deepEqual(heard, ['goodbye']);
  });

  test('leaves nothing that makes the host turn again', () => {
    const hosts = new TestHosts();
    const parent = specOf(() => ({
      started(context) {
        context.spawn('child', stoppable);
        context.startTimer('tick', 10, 'tick');
      },
      receive: (_message, context) => void context.stop(),
    }));
    hosts.spawn(A, parent);
    hosts.spawn(B, forwarding(A));
    hosts.tell(A, 'stop', 'late');
    hosts.tell(B, 'later');
    hosts.live(5000);
    assert.equal(hosts.nextDueMs(), Infinity);
    assert.equal(hosts.system.run(hosts.nowMs), false);
  });

  test('of a child by its parent takes the grandchildren with it', () => {
    const hosts = new TestHosts();
    const inner = specOf(() => ({ started: (context) => void context.spawn('grandchild', stoppable) }));
    hosts.spawn(
      A,
      specOf(() => ({
        started: (context) => void context.spawn('child', inner),
        receive: (_message, context) => void context.stopChild(refTo(context, `${A}/child`)),
      })),
    );
    const grandchild = toAddress(`${A}/child/grandchild`);
    hosts.tell(grandchild, 'hello');
    assert.deepEqual(hosts.system.deadLetters.counts, {});
    hosts.tell(A, 'stop it');
    assert.deepEqual(hosts.ask(grandchild, 'anyone?'), ['ERR_ASK_NO_ACTOR']);
  });
});

describe('a watcher', () => {
  function watching(targets: readonly Address[], heard: unknown[]) {
    return specOf(() => ({
      started(context: Context<unknown>) {
        for (const target of targets) context.watch(refTo(context, target), ['gone', target]);
      },
      receive: (message) => void heard.push(message),
    }));
  }

  for (const [place, host] of [
    ['in its host', 0],
    ['in another host', 1],
  ] as const) {
    test(`learns once of the stop of an actor ${place}`, () => {
      const hosts = new TestHosts({ hosts: 2 });
      const target = addressIn(host, 2, 'target');
      const heard: unknown[] = [];
      hosts.spawn(target, stoppable);
      hosts.spawn(addressIn(0, 2, 'watcher'), watching([target, target], heard));
      hosts.settle();
      assert.deepEqual(heard, []);
      hosts.tell(target, 'stop');
      assert.deepEqual(heard, [['gone', target]]);
    });

    test(`learns at once that an actor ${place} was never there`, () => {
      const hosts = new TestHosts({ hosts: 2 });
      const target = addressIn(host, 2, 'target');
      const heard: unknown[] = [];
      hosts.spawn(addressIn(0, 2, 'watcher'), watching([target], heard));
      hosts.settle();
      assert.deepEqual(heard, [['gone', target]]);
    });

    test(`that is gone leaves no trace at an actor ${place}`, () => {
      const hosts = new TestHosts({ hosts: 2 });
      const target = addressIn(host, 2, 'target');
      hosts.spawn(target, stoppable);
      for (const i of count(10)) {
        const watcher = addressIn(0, 2, `watcher-${i}`);
        const spec = specOf(() => ({
          started: (context) => context.watch(refTo(context, target), 'gone'),
          receive: (_message, context) => void context.stop(),
        }));
        hosts.spawn(watcher, spec);
        hosts.tell(watcher, 'stop');
      }
      const before = hosts.linkOf(1, 0).records.get(RECORD.control) ?? 0;
      hosts.tell(target, 'stop');
      assert.equal(hosts.linkOf(1, 0).records.get(RECORD.control) ?? 0, before);
    });
  }

  test('learns of the loss of a host', () => {
    const hosts = new TestHosts({ hosts: 2 });
    const target = addressIn(1, 2, 'target');
    const heard: unknown[] = [];
    hosts.spawn(target, stoppable);
    hosts.spawn(addressIn(0, 2, 'watcher'), watching([target], heard));
    hosts.settle();
    hosts.replace(1);
    hosts.settle();
    assert.deepEqual(heard, [['gone', target]]);
  });

  test('learns at once that a host is not there', () => {
    const hosts = new TestHosts({ hosts: 2, isIsolated: true });
    const target = addressIn(1, 2, 'target');
    const heard: unknown[] = [];
    hosts.spawn(addressIn(0, 2, 'watcher'), watching([target], heard));
    hosts.settle();
    assert.deepEqual(heard, [['gone', target]]);
  });

  test('hears of it ahead of a full mailbox, which loses nothing by it', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(B, stoppable);
    const watcher = { ...watching([B], heard), mailboxMax: 2 };
    hosts.spawn(A, watcher);
    for (const i of count(100)) hosts.main.tell(A, i);
    hosts.main.tell(B, 'stop');
    hosts.systemOf(0).intake(hosts.system.mainOrigin, hosts.main.writer.take(), hosts.nowMs);
    hosts.settle();
    assert.equal(heard.length, 101);
    assert.deepEqual(
      heard.filter((message) => typeof message === 'number'),
      count(100),
    );
  });

  test('hears of it before the messages that already wait', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(
      A,
      specOf(() => ({
        started: (context) => context.watch(context.spawn('child', stoppable), 'gone'),
        receive(message, context) {
          heard.push(message);
          if (message === 'end it') context.stopChild(refTo(context, `${A}/child`));
          return undefined;
        },
      })),
    );
    hosts.tell(A, 'end it', 'next');
    assert.deepEqual(heard, ['end it', 'gone', 'next']);
  });
});

describe('a drain', () => {
  const drain = (hosts: TestHosts) => {
    hosts.main.command({ type: 'drain' });
    hosts.settle();
  };
  const drained = (hosts: TestHosts) => hosts.main.events.some(({ type }) => type === 'drained');

  test('stops actors in the reverse order of their start, and says so', () => {
    const hosts = new TestHosts();
    const addresses = [C, A, B];
    for (const address of addresses) hosts.spawn(address, stoppable);
    const stops: unknown[] = [];
    const watcher = toAddress('test/watcher');
    hosts.spawn(
      watcher,
      specOf(() => ({
        started(context) {
          for (const address of addresses) context.watch(refTo(context, address), address);
        },
        receive: (message) => void stops.push(message),
      })),
    );
    drain(hosts);
    assert.ok(drained(hosts));
    assert.deepEqual(stops, [], 'the last started was the first to stop');
  });

  test('gives an actor the news of those that stopped before it', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(
      A,
      specOf(() => ({
        receive(message, context) {
          if (message === 'watch') context.watch(refTo(context, B), 'B is gone');
          else heard.push(message);
          return undefined;
        },
      })),
    );
    hosts.spawn(B, stoppable);
    hosts.tell(A, 'watch');
    drain(hosts);
    assert.ok(drained(hosts));
    assert.deepEqual(heard, ['B is gone']);
  });

  test('waits for mail, for the actors that the mail goes on to, and for restarts', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(B, listening(heard));
    const once = { poison: true };
    hosts.spawn(
      A,
      reacting(
        (message, context) => {
          if (once.poison) {
            once.poison = false;
            throw new Error('it was poison');
          }
          context.tell(refTo(context, B), message);
        },
        { ...RESTART, backoffMinMs: 500, backoffMaxMs: 500 },
      ),
    );
    for (const i of count(1000)) hosts.main.tell(A, i);
    drain(hosts);
    assert.ok(!drained(hosts));
    hosts.live(499);
    assert.ok(!drained(hosts));
    hosts.live(1);
    assert.ok(drained(hosts));
    assert.deepEqual(heard, count(1000).slice(1));
  });

  test('waits for asks without spinning, on both sides', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(
      A,
      reacting((message, context) => {
        if (message === 'go') context.ask(refTo(context, B), 'question', 1000, outcomeOf);
        else heard.push(message);
      }),
    );
    hosts.spawn(
      B,
      reacting((message, context) => {
        if (message === 'question') context.startTimer('answer', 300, context.takeAsk());
        else context.replyTo(message as never, 'answer');
      }),
    );
    hosts.tell(A, 'go');
    drain(hosts);
    assert.ok(!drained(hosts));
    assert.ok(hosts.nextDueMs() > hosts.nowMs, 'there is nothing to do now');
    assert.equal(hosts.settle(), 1);
    hosts.live(300);
    assert.deepEqual([heard, drained(hosts)], [['answer'], true]);
  });

  test('counts what nobody took', () => {
    const hosts = new TestHosts();
    hosts.spawn(A, stoppable);
    hosts.tell(B, 'nobody');
    drain(hosts);
    assert.deepEqual(hosts.main.events, [{ type: 'drained', deadLetters: { 'no-actor': 1 } }]);
  });
});

describe('a settle', () => {
  const settled = (hosts: TestHosts) => hosts.main.events.filter(({ type }) => type === 'settled').length;

  test('waits until what was taken in has been handled everywhere', () => {
    const hosts = new TestHosts({ hosts: 2 });
    const [near, far] = [addressIn(0, 2, 'near'), addressIn(1, 2, 'far')];
    const heard: unknown[] = [];
    hosts.spawn(near, forwarding(far));
    hosts.spawn(
      far,
      reacting((message) => {
        assert.equal(settled(hosts), 0);
        heard.push(message);
      }),
    );
    for (const i of count(500)) hosts.mainOf(0).tell(near, i);
    hosts.mainOf(0).command({ type: 'settle', id: 5 });
    hosts.settle();
    assert.equal(heard.length, 500);
    assert.deepEqual(hosts.mainOf(0).events, [{ type: 'settled', id: 5 }]);
  });

  test('waits for asks and what comes of their answers', () => {
    const hosts = new TestHosts();
    const kept: Context<unknown>[] = [];
    const heard: unknown[] = [];
    hosts.spawn(
      A,
      reacting((message, context) => {
        if (message === 'go') context.ask(refTo(context, B), 'question', 1000, outcomeOf);
        else heard.push(message);
      }),
    );
    hosts.spawn(
      B,
      reacting((message, context) => {
        kept.push(context);
        if (message === 'question') context.startTimer('answer', 100, context.takeAsk());
        else context.replyTo(message as never, 'answer');
      }),
    );
    hosts.main.tell(A, 'go');
    hosts.main.command({ type: 'settle', id: 5 });
    hosts.settle();
    assert.equal(settled(hosts), 0);
    hosts.live(100);
    assert.deepEqual([settled(hosts), heard], [1, ['answer']]);
  });
});

describe('timers', () => {
  /** An actor whose messages say what to do with its timers; the others are kept. */
  function timing(heard: unknown[]) {
    return reacting((message, context) => {
      const [what, key, delayMs] = Array.isArray(message) ? message : [];
      if (what === 'start') context.startTimer(key, delayMs, `${key} after ${delayMs}`);
      else if (what === 'cancel') context.cancelTimer(key);
      else if (message === 'poison') throw new Error('it was poison');
      else if (message === 'stop') context.stop();
      else heard.push(message);
    }, RESTART);
  }

  test('come in the order in which they are due, then in which they were started', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(A, timing(heard));
    hosts.tell(A, ['start', 'c', 30], ['start', 'b', 10], ['start', 'a', 10], ['start', 'd', 0]);
    hosts.live(29);
    assert.deepEqual(heard, ['d after 0', 'b after 10', 'a after 10']);
    hosts.live(1);
    assert.equal(heard.at(-1), 'c after 30');
  });

  test('are replaced by one with the same key', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(A, timing(heard));
    hosts.tell(A, ['start', 'a', 10], ['start', 'a', 20]);
    hosts.live(100);
    assert.deepEqual(heard, ['a after 20']);
  });

  test('do not come after they were cancelled, not even those that were already due', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(A, timing(heard));
    hosts.tell(A, ['start', 'a', 10], ['start', 'b', 10]);
    hosts.main.tell(A, ['cancel', 'a']);
    hosts.main.tell(A, ['start', 'b', 5]);
    hosts.system.intake(hosts.system.mainOrigin, hosts.main.writer.take(), hosts.nowMs);
    hosts.advance(10);
    assert.deepEqual(heard, []);
    hosts.live(5);
    assert.deepEqual(heard, ['b after 5']);
  });

  test('of an instance never come to the next one, not even those that were already due', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(A, timing(heard));
    hosts.tell(A, ['start', 'early', 10], ['start', 'late', 20]);
    hosts.main.tell(A, 'poison');
    hosts.system.intake(hosts.system.mainOrigin, hosts.main.writer.take(), hosts.nowMs);
    hosts.advance(10);
    hosts.live(100);
    assert.deepEqual(heard, []);
    hosts.tell(A, ['start', 'late', 20]);
    hosts.live(20);
    assert.deepEqual(heard, ['late after 20']);
  });

  test('of a stopped actor never come, also to one that takes its address', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(A, timing(heard));
    hosts.tell(A, ['start', 'a', 10], 'stop');
    hosts.spawn(A, timing(heard));
    hosts.live(100);
    assert.deepEqual([heard, hosts.system.deadLetters.counts], [[], {}]);
  });

  test('are measured from when their message came, however long the host had nothing to do', () => {
    const hosts = new TestHosts({
      createSession: () =>
        specOf(() => ({
          started: (context) => context.startTimer('idle', 1000, 'idle'),
          receive: (_message, context) => void context.stop(),
        })),
    });
    hosts.settle();
    hosts.nowMs += 60_000;
    hosts.main.open(1);
    hosts.settle();
    assert.equal(hosts.main.closed.size, 0);
    hosts.live(1000);
    assert.equal(hosts.main.closed.size, 1);
  });
});

describe('a session', () => {
  test('can greet its client when it starts', () => {
    const hosts = new TestHosts({
      createSession: () => specOf(() => ({ started: (context) => context.send(Buffer.from('hello'), 0, 5) })),
    });
    hosts.main.open(4);
    hosts.settle();
    assert.deepEqual([...hosts.main.written], [[4, 'hello']]);
  });

  test('takes whole frames, copied or transferred, in order, and hears of the end', () => {
    const heard: unknown[] = [];
    const hosts = new TestHosts({
      createSession: () =>
        specOf(() => ({
          receive: (message) => void heard.push((message as { type: string }).type),
          receiveBytes: (bytes, start, end) =>
            void heard.push(Buffer.from(bytes.subarray(start, end)).toString()),
        })),
    });
    hosts.main.open(4);
    hosts.main.sendFrames(4, 'copied');
    hosts.main.sendChunk(4, '..transferred..', 2, 13);
    hosts.main.command({ type: 'ended', connection: 4 });
    hosts.settle();
    assert.deepEqual(heard, ['copied', 'transferred', 'connection-ended']);
    assert.equal(hosts.main.inFlight, 0);
  });

  test('whose constructor throws has its connection closed', () => {
    const hosts = new TestHosts({
      createSession: () =>
        specOf(() => {
          throw new Error('no session');
        }),
    });
    hosts.main.open(4);
    hosts.main.sendFrames(4, 'anyone?');
    hosts.settle();
    assert.deepEqual([...hosts.main.closed], [[4, 'the session failed']]);
    assert.equal(hosts.main.inFlight, 0);
  });

  test('that fails closes its connection with the reason', () => {
    const hosts = new TestHosts({
      createSession: () =>
        reacting(() => {
          throw new Error('broken');
        }),
    });
    hosts.main.open(4);
    hosts.main.command({ type: 'ended', connection: 4 });
    hosts.settle();
    assert.deepEqual([...hosts.main.closed], [[4, 'the session failed']]);
  });

  test('says of its connection what the main thread is to know, in its order', () => {
    const hosts = new TestHosts({
      createSession: () =>
        reacting((message, context) => {
          if ((message as { type: string }).type !== 'connection-drained') return;
          context.identify('Ann');
          context.countFrames(3);
          context.countIgnored({ empty: 2 });
          context.pauseInput();
          context.resumeInput();
          context.tellDrained();
          context.remember('this');
        }),
    });
    hosts.main.open(4);
    hosts.main.command({ type: 'drained', connection: 4 });
    hosts.settle();
    assert.deepEqual(hosts.main.said, [
      ['identify', 4, 'Ann'],
      ['frames', 4, 3],
      ['ignored', 4, { empty: 2 }],
      ['flow', 4, FLOW.pauseInput],
      ['flow', 4, FLOW.resumeInput],
      ['flow', 4, FLOW.tellDrained],
      ['remember', 4, 'this'],
    ]);
  });

  test('says nothing if it throws in the same message', () => {
    const hosts = new TestHosts({
      createSession: () =>
        reacting((_message, context) => {
          context.identify('Ann');
          context.pauseInput();
          throw new Error('too late');
        }),
    });
    hosts.main.open(4);
    hosts.main.command({ type: 'ended', connection: 4 });
    hosts.settle();
    assert.deepEqual(hosts.main.said, []);
  });

  test('is told of the end of the server, each once', () => {
    const heard: unknown[] = [];
    const hosts = new TestHosts({ createSession: () => listening(heard) });
    hosts.main.open(4);
    hosts.main.open(5);
    hosts.main.command({ type: 'closing', message: 'so long' });
    hosts.settle();
    const closing = { type: 'server-closing', message: 'so long' };
    assert.deepEqual(heard, [closing, closing]);
  });

  test('knows whether it takes the place of one that was lost', () => {
    const infos: ConnectionInfo[] = [];
    const hosts = new TestHosts({
      createSession: (_service, info) => {
        infos.push(info);
        return listening([]);
      },
    });
    const common = {
      type: 'open',
      service: 'test',
      remoteAddress: '',
      localAddress: '',
      sinceMs: 0,
    } as const;
    hosts.main.command({ ...common, connection: 1 });
    hosts.main.command({ ...common, connection: 2, isReplacement: true, memory: 'that' });
    hosts.settle();
    assert.deepEqual(
      infos.map(({ connection, isReplacement, memory }) => [connection, isReplacement, memory]),
      [
        [1, false, undefined],
        [2, true, 'that'],
      ],
    );
  });

  test('only a session has a connection to say something of', () => {
    const hosts = new TestHosts();
    const failures: string[] = [];
    hosts.spawn(
      A,
      reacting((_message, context) => {
        for (const say of [
          () => context.identify('Ann'),
          () => context.countFrames(1),
          () => context.countIgnored({}),
          () => context.pauseInput(),
          () => context.tellDrained(),
          () => context.remember(''),
        ]) {
          try {
            say();
          } catch (error) {
            failures.push(String(error));
          }
        }
      }),
    );
    hosts.tell(A, 'go');
    assert.deepEqual([...new Set(failures)], ['TypeError: test/a is no session: it has no connection']);
    assert.equal(failures.length, 6);
  });
});

describe('a session that stops by itself', () => {
  test('leaves no dead letters of what its client sends, but of what others have said', () => {
    const session = specOf(() => ({ receiveBytes: (_bytes, _start, _end, context) => context.stop() }));
    const hosts = new TestHosts({ createSession: () => session });
    hosts.main.open(4);
    for (let i = 0; i < 3; i++) hosts.main.sendFrames(4, 'frame');
    hosts.main.tell(toAddress('test/4'), 'news');
    hosts.settle();
    assert.deepEqual(hosts.system.deadLetters.counts, { stopped: 1 });
    assert.equal(hosts.main.inFlight, 0);
    assert.equal(hosts.main.closed.get(4), '');
  });

  test('may say why, for the log and the list of connections', () => {
    const session = specOf(() => ({
      receiveBytes: (_bytes, _start, _end, context) => context.stop('no frame'),
    }));
    const hosts = new TestHosts({ createSession: () => session });
    hosts.main.open(4);
    hosts.main.sendFrames(4, 'frame');
    hosts.settle();
    assert.equal(hosts.main.closed.get(4), 'no frame');
  });
});

describe('the main thread', () => {
  const DESK = toAddress('main/desk');

  test('is told and asked like an actor, from any host', () => {
    const hosts = new TestHosts({ hosts: 2 });
    const outcomes: unknown[] = [];
    for (const host of [0, 1]) {
      const asker = addressIn(host, 2, 'asker');
      hosts.spawn(
        asker,
        reacting((message, context) => {
          if (message !== 'go') return void outcomes.push(message);
          context.tell(refTo(context, DESK), { told: host });
          context.ask(refTo(context, DESK), { asked: host }, 1000, outcomeOf);
        }),
      );
      hosts.tell(asker, 'go');
      const main = hosts.mainOf(host);
      assert.deepEqual(main.told, [{ address: DESK, message: { told: host } }]);
      const [ask] = main.asked;
      assert.deepEqual([ask?.address, ask?.message], [DESK, { asked: host }]);
      main.reply(ask?.id ?? 0, { ok: true, value: `answer ${host}` });
      hosts.settle();
    }
    assert.deepEqual(outcomes, ['answer 0', 'answer 1']);
  });

  test('may fail an ask, or answer it too late', () => {
    const hosts = new TestHosts();
    const outcomes: unknown[] = [];
    hosts.spawn(
      A,
      reacting((message, context) => {
        if (message !== 'go') outcomes.push(message);
        else context.ask(refTo(context, DESK), {}, 1000, outcomeOf);
      }),
    );
    hosts.tell(A, 'go', 'go');
    const [first, second] = hosts.main.asked;
    const error = { code: 'ERR_FILE_MISSING', message: '', fields: {} } as const;
    hosts.main.reply(first?.id ?? 0, { ok: false, error });
    hosts.settle();
    hosts.advance(1000);
    hosts.main.reply(second?.id ?? 0, { ok: true, value: 'late' });
    hosts.settle();
    assert.deepEqual(outcomes, ['ERR_FILE_MISSING', 'ERR_ASK_TIMEOUT']);
  });
});

describe('log', () => {
  test('what an actor has for the log reaches the main thread with its fields', () => {
    const hosts = new TestHosts();
    hosts.spawn(
      A,
      reacting((_message, context) => context.log('warn', 'look here', { number: 1 })),
    );
    hosts.tell(A, 'go');
    assert.deepEqual(hosts.main.events, [
      { type: 'log', level: 'warn', text: 'look here', fields: { number: 1 } },
    ]);
  });
});
