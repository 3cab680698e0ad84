import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress } from '../../../src/values/address.ts';
import { type Context, ESCALATE_FAULT, STOP_ON_FAULT } from '../../../workers/runtime/actor.ts';
import { RestartBudget } from '../../../workers/runtime/supervision.ts';
import { addressIn, listening, RESTART, reacting, refTo, specOf, TestHosts } from '../../support/actors.ts';

const A = toAddress('test/a');
const B = toAddress('test/b');

/** Throws at the message 'poison', keeps the others. */
function fragile(heard: unknown[]): (message: unknown) => void {
  return (message) => {
    if (message === 'poison') throw new Error('it was poison');
    heard.push(message);
  };
}

describe('RestartBudget', () => {
  const supervision = {
    onFault: 'restart',
    restartsMax: 6,
    periodMs: 1000,
    backoffMinMs: 10,
    backoffMaxMs: 100,
  } as const;

  test('the backoff doubles with each restart in a row and is capped', () => {
    const budget = new RestartBudget(supervision);
    const delays = Array.from({ length: 6 }, () => budget.judge(5));
    assert.deepEqual(
      delays.map((verdict) => (verdict.type === 'restart' ? verdict.delayMs : verdict.type)),
      [10, 20, 40, 80, 100, 100],
    );
  });

  test('one fault more than the budget within the period is escalated', () => {
    const budget = new RestartBudget({ ...supervision, restartsMax: 2 });
    const verdicts = [0, 999, 999].map((nowMs) => budget.judge(nowMs).type);
    assert.deepEqual(verdicts, ['restart', 'restart', 'escalate']);
  });

  test('a restart is forgotten when its period is over', () => {
    const budget = new RestartBudget({ ...supervision, restartsMax: 1 });
    const verdicts = [0, 1000, 2000].map((nowMs) => budget.judge(nowMs));
    assert.deepEqual(verdicts, Array(3).fill({ type: 'restart', delayMs: 10 }));
  });

  test('without a limit the wait stays a number however often it is needed', () => {
    const budget = new RestartBudget({ ...supervision, restartsMax: Infinity, backoffMinMs: 0 });
    for (let i = 0; i < 2000; i++) assert.deepEqual(budget.judge(0), { type: 'restart', delayMs: 0 });
  });
});

describe('supervision', () => {
  describe('a constructor that throws', () => {
    const failing = specOf(() => {
      throw new Error('no instance');
    });

    test('leaves its address free and its asks answered', () => {
      const hosts = new TestHosts();
      hosts.spawn(A, failing);
      assert.deepEqual(hosts.ask(A, 'anyone?'), ['ERR_ASK_NO_ACTOR']);
      const heard: unknown[] = [];
      hosts.spawn(A, listening(heard));
      hosts.tell(A, 'welcome');
      assert.deepEqual(heard, ['welcome']);
    });

    test('is tried again by a restart, with the messages that came meanwhile', () => {
      const hosts = new TestHosts();
      const heard: unknown[] = [];
      let attempts = 0;
      const spec = specOf(
        () => {
          if (++attempts < 3) throw new Error('not yet');
          return { receive: (message) => void heard.push(message) };
        },
        { ...RESTART, backoffMinMs: 50, backoffMaxMs: 50 },
      );
      hosts.spawn(A, spec);
      hosts.tell(A, 'early');
      assert.deepEqual([attempts, heard], [1, []]);
      hosts.live(100);
      assert.deepEqual([attempts, heard], [3, ['early']]);
    });

    test('ends by budget and is logged each time', () => {
      const hosts = new TestHosts();
      let attempts = 0;
      const spec = specOf(() => {
        attempts++;
        throw new Error('never');
      }, RESTART);
      hosts.spawn(A, spec);
      hosts.settle();
      assert.equal(attempts, 4);
      assert.equal(hosts.errors.length, 4);
      assert.ok(hosts.errors.every((text) => text.includes('never')));
      assert.deepEqual(hosts.system.failure?.fields, { actor: A });
    });

    test('fails the asks that came while it was tried', () => {
      const hosts = new TestHosts();
      const parent = specOf(() => ({
        started(context: Context<unknown>) {
          context.spawn(
            'child',
            specOf(
              () => {
                throw new Error('never');
              },
              { ...RESTART, backoffMinMs: 10, backoffMaxMs: 10 },
            ),
          );
        },
      }));
      hosts.spawn(A, parent);
      const outcomes: unknown[] = [];
      hosts.main.ask(toAddress(`${A}/child`), 'anyone?', (answer) => outcomes.push(answer.ok));
      hosts.settle();
      assert.deepEqual(outcomes, []);
      hosts.live(100);
      assert.deepEqual(outcomes, [false]);
      assert.equal(hosts.nextDueMs(), Infinity);
    });
  });

  describe('a receive that throws', () => {
    test('keeps the waiting messages over the restart, in order, without the poison one', () => {
      const hosts = new TestHosts();
      const heard: unknown[] = [];
      hosts.spawn(A, reacting(fragile(heard), RESTART));
      hosts.tell(A, 1, 'poison', 2, 3);
      assert.deepEqual(heard, [1, 2, 3]);
      assert.deepEqual(hosts.system.deadLetters.counts, { poison: 1 });
    });

    test('lets none of its outputs leave and none of its events be applied', () => {
      const hosts = new TestHosts({ createSession: () => session });
      const heard: unknown[] = [];
      const applied: unknown[] = [];
      const session = specOf(
        () => ({
          receive(_message, context) {
            context.tell(refTo(context, B), 'from a fault');
            context.tellBytes(refTo(context, B), new Uint8Array(1), 0, 1);
            context.ask(refTo(context, B), 'from a fault', 1000, (answer) => answer);
            context.send(new Uint8Array(1), 0, 1);
            context.stop();
            context.reply('from a fault');
            throw new Error('after all that');
          },
          apply: (event) => void applied.push(event),
        }),
        RESTART,
      );
      hosts.spawn(B, listening(heard));
      hosts.main.open(7);
      assert.deepEqual(hosts.ask(toAddress('test/7'), 'fail'), ['ERR_ASK_FAULT']);
      assert.deepEqual([heard, applied], [[], []]);
      assert.deepEqual([hosts.main.written.size, hosts.main.closed.size], [0, 0]);
    });

    test('has its events applied to the state before its outputs leave', () => {
      const hosts = new TestHosts();
      const order: string[] = [];
      hosts.spawn(
        B,
        reacting(() => order.push('output handled')),
      );
      const spec = specOf(() => ({
        receive(_message, context) {
          context.tell(refTo(context, B), 'out');
          order.push('decided');
          return ['first', 'second'];
        },
        apply: (event) => void order.push(`applied ${event}`),
      }));
      hosts.spawn(A, spec);
      hosts.tell(A, 'go');
      assert.deepEqual(order, ['decided', 'applied first', 'applied second', 'output handled']);
    });

    test('that throws in apply lets no output leave', () => {
      const hosts = new TestHosts();
      const heard: unknown[] = [];
      hosts.spawn(B, listening(heard));
      const spec = specOf(() => ({
        receive(_message, context) {
          context.tell(refTo(context, B), 'out');
          return ['event'];
        },
        apply() {
          throw new Error('can not be applied');
        },
      }));
      hosts.spawn(A, spec);
      assert.deepEqual(hosts.ask(A, 'go'), ['ERR_ASK_FAULT']);
      assert.deepEqual(heard, []);
    });

    test('is logged each time and ends by budget', () => {
      const hosts = new TestHosts();
      hosts.spawn(A, reacting(fragile([]), RESTART));
      hosts.tell(A, ...Array(10).fill('poison'));
      assert.equal(hosts.errors.length, 4);
      assert.deepEqual(hosts.system.deadLetters.counts, { poison: 4, stopped: 6 });
      assert.equal(hosts.main.inFlight, 0);
    });

    test('waits longer before each restart in a row', () => {
      const hosts = new TestHosts();
      const startsMs: number[] = [];
      const spec = specOf(
        () => ({
          started: (context: Context<unknown>) => void startsMs.push(context.nowMs),
          receive: fragile([]) as () => undefined,
        }),
        { ...RESTART, restartsMax: 4, backoffMinMs: 100, backoffMaxMs: 300 },
      );
      hosts.spawn(A, spec);
      hosts.tell(A, ...Array(4).fill('poison'));
      hosts.live(5000);
      const waits = startsMs.slice(1).map((startMs, i) => startMs - (startsMs[i] as number));
      assert.deepEqual(waits, [100, 200, 300, 300]);
    });
  });

  describe('a parent', () => {
    /** A parent that passes `['child', message]` on to that child. */
    function family(children: Readonly<Record<string, ReturnType<typeof reacting>>>, supervision = RESTART) {
      return specOf(
        () => ({
          started(context) {
            for (const [name, spec] of Object.entries(children)) context.spawn(name, spec);
          },
          receive(message, context) {
            const [name, inner] = message as [string, unknown];
            context.tell(refTo(context, `${context.self}/${name}`), inner);
            return undefined;
          },
        }),
        supervision,
      );
    }

    test('has a restart budget for each child, not one for all', () => {
      const hosts = new TestHosts();
      const heard: unknown[] = [];
      const once = { ...RESTART, restartsMax: 1 };
      const children = Object.fromEntries(
        ['x', 'y', 'z'].map((name) => [name, reacting(fragile(heard), once)]),
      );
      hosts.spawn(A, family(children, STOP_ON_FAULT));
      for (const name of ['x', 'y', 'z']) hosts.tell(A, [name, 'poison'], [name, `${name} lives`]);
      assert.deepEqual(heard, ['x lives', 'y lives', 'z lives']);
      hosts.tell(A, ['x', 'poison']);
      assert.deepEqual(hosts.ask(A, ['y', 'late']), ['ERR_ASK_NO_ACTOR']);
    });

    test('is restarted with all its children when one escalates', () => {
      const hosts = new TestHosts();
      const log: string[] = [];
      const tracked = (name: string) =>
        specOf(() => {
          log.push(`start ${name}`);
          return { receive: fragile([]) as () => undefined };
        }, ESCALATE_FAULT);
      hosts.spawn(A, family({ x: tracked('x'), y: tracked('y') }));
      hosts.tell(A, ['x', 'poison']);
      assert.deepEqual(log, ['start x', 'start y', 'start x', 'start y']);
      hosts.tell(A, ['y', 'poison']);
      assert.deepEqual(log.length, 6);
      assert.equal(hosts.system.failure, undefined);
    });

    test('stops its whole subtree, the last started first', () => {
      const hosts = new TestHosts();
      const stops: unknown[] = [];
      const leaf = reacting(() => {});
      hosts.spawn(A, family({ x: family({ deep: leaf }), y: leaf }, STOP_ON_FAULT));
      const watcher = specOf(() => ({
        started(context) {
          for (const path of ['', '/x', '/x/deep', '/y']) context.watch(refTo(context, `${A}${path}`), path);
        },
        receive: (message) => void stops.push(message),
      }));
      hosts.spawn(B, watcher);
      hosts.tell(A, 'not a pair' as unknown, undefined);
      assert.deepEqual(stops, ['/y', '/x/deep', '/x', '']);
    });

    test('fails like its child when a child it starts while handling a message escalates', () => {
      const hosts = new TestHosts();
      const heard: unknown[] = [];
      hosts.spawn(B, listening(heard));
      const broken = specOf(() => {
        throw new Error('no child');
      }, ESCALATE_FAULT);
      let starts = 0;
      const parent = specOf(
        () => ({
          started: () => void starts++,
          receive(message, context) {
            if (message !== 'spawn') return undefined;
            context.tell(refTo(context, B), 'before');
            context.spawn('broken', broken);
            context.startTimer('late', 10, 'of the old instance');
            context.spawn('later', listening(heard));
            context.tell(refTo(context, B), 'after');
            return undefined;
          },
        }),
        RESTART,
      );
      hosts.spawn(A, parent);
      assert.deepEqual(hosts.ask(A, 'spawn'), ['ERR_ASK_FAULT']);
      assert.deepEqual([starts, heard], [2, []]);
      assert.deepEqual(hosts.ask(toAddress(`${A}/later`), 'anyone?'), ['ERR_ASK_NO_ACTOR']);
    });

    test('that fails takes back what the children it has just started wanted to send', () => {
      const hosts = new TestHosts();
      const heard: unknown[] = [];
      hosts.spawn(B, listening(heard));
      const child = specOf(() => ({
        started: (context) => context.tell(refTo(context, B), 'from the child'),
      }));
      hosts.spawn(
        A,
        reacting((message, context) => {
          context.spawn('child', child);
          if (message === 'poison') throw new Error('it was poison');
        }, RESTART),
      );
      hosts.tell(A, 'poison');
      assert.deepEqual(heard, []);
      hosts.tell(A, 'fine');
      assert.deepEqual(heard, ['from the child']);
    });
  });

  test('a fault that goes past the last supervisor ends the host', () => {
    const hosts = new TestHosts();
    const heard: unknown[] = [];
    hosts.spawn(A, reacting(fragile(heard), ESCALATE_FAULT));
    hosts.main.tell(A, 'poison');
    hosts.turn();
    assert.deepEqual(hosts.system.failure?.fields, { actor: A });
    assert.equal(hosts.system.run(hosts.nowMs), false);
  });

  test('what can not be sent is the fault of its sender, not of the host', () => {
    const hosts = new TestHosts({ hosts: 2 });
    const far = addressIn(1, 2, 'far');
    const near = addressIn(0, 2, 'near');
    const wrongs: Record<string, (context: Context<unknown>) => void> = {
      'bytes without a connection': (context) => context.send(new Uint8Array(1), 0, 1),
      'a message that can not be encoded': (context) => context.tell(refTo(context, far), 2n ** 80n),
      'a reply that can not be encoded': (context) => context.reply(2n ** 80n),
    };
    const heard: unknown[] = [];
    hosts.spawn(
      near,
      reacting((message, context) => {
        heard.push(message);
        wrongs[message as string]?.(context);
      }, RESTART),
    );
    for (const wrong of Object.keys(wrongs)) {
      assert.deepEqual(hosts.ask(near, wrong), ['ERR_ASK_FAULT'], wrong);
    }
    hosts.tell(near, 'still here');
    assert.deepEqual(heard, [...Object.keys(wrongs), 'still here']);
    assert.equal(hosts.mainOf(0).inFlight, 0);
  });
});
