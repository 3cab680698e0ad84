import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Failure } from '../../../clients/ouch-inputs/failure.ts';
import { type Effect, StepMachine } from '../../../clients/ouch-inputs/machine.ts';
import type { OutboundMessage } from '../../../src/protocol/ouch/messages.ts';
import { isMessageStep, type Step } from '../../../src/protocol/ouch-inputs/input.ts';
import { fromStep } from '../../../src/protocol/ouch-inputs/json.ts';
import { OutcryError } from '../../../src/values/errors.ts';
import { accepted, canceled, executed, rejected, START_OF_DAY } from '../../support/replies.ts';

const TIMEOUT_MS = 5000;
const ACCEPTED = { message_type: 'A' };
const EXECUTED = { message_type: 'E' };

/** An order to buy 100 BTC. */
function enter(order_token: number, rest: Partial<Step> = {}): Step {
  return {
    message_type: 'O',
    order_token,
    buy_sell_indicator: 'B',
    quantity: 100,
    orderbook_id: 'BTC',
    price: 2300,
    ...rest,
  };
}

function cancel(order_token: number, rest: Partial<Step> = {}): Step {
  return { message_type: 'X', order_token, ...rest };
}

/** An input that is played by hand: steps are offered as soon as they are wanted, and what is to be done is noted. */
class Played {
  nowMs = 1000;
  readonly done: string[] = [];
  #failure: Failure | undefined;
  readonly #machine: StepMachine;
  #left: readonly Step[];
  #isEnded = false;
  #index = 0;

  constructor(
    steps: readonly Step[],
    {
      clients = ['client'],
      late = [],
      checked = clients,
    }: {
      readonly clients?: readonly string[];
      readonly late?: readonly string[];
      readonly checked?: readonly string[];
    } = {},
  ) {
    this.#left = steps;
    this.#machine = new StepMachine({
      file: 'x.json',
      clients,
      late: new Set(late),
      checked: new Set(checked),
      formOf: () => 'alpha',
      timeoutMs: TIMEOUT_MS,
    });
    this.#machine.start(this.nowMs);
    this.#offer();
  }

  get dueMs(): number | undefined {
    return this.#machine.dueMs;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  reply(message: OutboundMessage, client = 'client'): this {
    return this.#take(this.#machine.reply(client, message, this.nowMs));
  }

  over(client = 'client', error?: OutcryError): this {
    return this.#take(this.#machine.over(client, error, this.nowMs));
  }

  ready(client = 'client'): this {
    return this.#take(this.#machine.ready(client, this.nowMs));
  }

  passBarrier(): this {
    return this.#take(this.#machine.passBarrier(this.nowMs));
  }

  after(ms: number): this {
    this.nowMs += ms;
    return this.#take(this.#machine.tick(this.nowMs));
  }

  /** All connections end in order, as soon as they are asked to. */
  leaves(): this {
    for (let at = 0; at < this.done.length; at++) {
      const [what, client] = (this.done[at] ?? '').split(' ');
      if (what === 'leave') this.over(client);
    }
    return this;
  }

  #take(effects: readonly Effect[]): this {
    for (const effect of effects) this.#note(effect);
    this.#offer();
    return this;
  }

  #offer(): void {
    while (this.#machine.isWanting && !this.#isEnded) {
      const [step, ...left] = this.#left;
      this.#left = left;
      this.#isEnded = step === undefined;
      const effects = step === undefined ? this.#machine.end(this.nowMs) : this.#offerStep(step);
      for (const effect of effects) this.#note(effect);
    }
  }

  #offerStep(step: Step): readonly Effect[] {
    const place = { line: this.#index + 1, column: 1 };
    const piece = {
      member: 'actions',
      index: this.#index++,
      text: JSON.stringify(step),
      place,
      namePlace: place,
    };
    const message = isMessageStep(step) ? fromStep(step, 'alpha') : undefined;
    return this.#machine.offer({ step, piece, message }, this.nowMs);
  }

  #note(effect: Effect): void {
    switch (effect.type) {
      case 'send': {
        const { message } = effect;
        const token = message.type === 'replace' ? message.replacementToken : message.token;
        this.done.push(`${effect.client} ${message.type} ${token}`);
        break;
      }
      case 'disconnect':
        this.done.push(`${effect.how} ${effect.client}`);
        break;
      case 'reconnect':
        this.done.push(`reconnect ${effect.client} ${effect.session ?? '-'} ${effect.sequence ?? '-'}`);
        break;
      case 'barrier':
        this.done.push(`barrier ${effect.name}`);
        break;
      case 'leave':
        this.done.push(`leave ${effect.client}`);
        break;
      case 'done':
        this.done.push('done');
        break;
      case 'failed':
        this.#failure = effect.failure;
        this.done.push(`failed ${effect.failure.what} in ${effect.failure.step}`);
    }
  }
}

describe('StepMachine: what is expected of one client', () => {
  test('steps are sent without waiting for replies, and the end waits for all of them', () => {
    const played = new Played([enter(1, { expect: ACCEPTED }), enter(2, { expect: ACCEPTED })]);
    assert.deepEqual(played.done, ['client enter 1', 'client enter 2']);
    played.reply(accepted(1));
    assert.deepEqual(played.done, ['client enter 1', 'client enter 2']);
    played.reply(accepted(2)).leaves();
    assert.deepEqual(played.done.slice(2), ['leave client', 'done']);
  });

  test('another reply than the next one fails, and ends the input', () => {
    const played = new Played([
      enter(1, { expect: [ACCEPTED, { message_type: 'E', executed_quantity: 60 }] }),
      enter(2, { expect: ACCEPTED }),
    ]);
    played.reply(accepted(1)).reply(executed(1, 30)).reply(accepted(2));
    assert.deepEqual(played.done.slice(2), ['failed mismatch in 1']);
    const { nth, got, difference, client, place } = played.failure as Failure;
    assert.deepEqual([nth, got, client], [2, executed(1, 30), 'client']);
    assert.deepEqual(
      difference?.lines.map(({ field, isSame }) => [field, isSame]),
      [
        ['message_type', true],
        ['executed_quantity', false],
      ],
    );
    // Of the second expectation, in the text of the step.
    assert.equal(place.line, 1);
    assert.ok(place.column > 1);
  });

  test('replies to steps that expect nothing, and System Events, are passed over', () => {
    const played = new Played([enter(1), enter(2, { expect: ACCEPTED }), enter(3)]);
    played.reply(START_OF_DAY).reply(accepted(1)).reply(canceled(1, 'U'));
    // What comes when nothing is expected waits for the end.
    played.reply(accepted(2)).reply(START_OF_DAY).reply(accepted(3)).reply(executed(3, 1)).leaves();
    assert.equal(played.done.at(-1), 'done');
  });

  test('a second answer to a step that expects nothing is unexpected', () => {
    const played = new Played([enter(1), enter(2, { expect: ACCEPTED })]);
    played.reply(accepted(1)).reply(accepted(1));
    assert.equal(played.failure?.what, 'mismatch');
  });

  test('a token that is used again is free once for each step that expects nothing', () => {
    const played = new Played([enter(1), enter(1, { expect: ACCEPTED })]);
    played.reply(rejected(1, 'X')).reply(accepted(1)).leaves();
    assert.equal(played.done.at(-1), 'done');
  });

  test('a cancel or a replace that is not to be answered must not cancel an order whose step expects nothing', () => {
    const replace = {
      message_type: 'U',
      existing_order_token: 1,
      replacement_order_token: 2,
      quantity: 1,
      price: 1,
    };
    const steps: readonly [Step, string][] = [
      [cancel(1, { expect: [] }), 'U'],
      [{ ...replace, expect: [] } as Step, 'D'],
    ];
    for (const [step, reason] of steps) {
      const played = new Played([enter(1), step]).reply(accepted(1)).reply(canceled(1, reason)).leaves();
      assert.equal(played.done.at(-1), 'failed unexpected in 2', reason);
    }
  });

  test('what becomes of such an order by itself is passed over, and what another step may have canceled', () => {
    for (const reason of 'ILMOS') {
      const played = new Played([enter(1), cancel(1, { expect: [] })]);
      played.reply(accepted(1)).reply(canceled(1, reason)).leaves();
      assert.equal(played.done.at(-1), 'done', reason);
    }
    for (const cancels of [
      [cancel(1), cancel(1, { expect: [] })],
      [cancel(1, { expect: [] }), cancel(1)],
    ]) {
      const played = new Played([enter(1), ...cancels]).reply(accepted(1)).reply(canceled(1, 'U')).leaves();
      assert.equal(played.done.at(-1), 'done');
    }
  });

  test('the answer to a cancel is of its own order, though it names no token', () => {
    const canceledByUser = { message_type: 'C', reason: 'U' };
    const played = new Played([enter(1), cancel(1), cancel(7, { expect: canceledByUser })]);
    played.reply(accepted(1)).reply(canceled(1, 'U')).leaves().after(TIMEOUT_MS);
    assert.equal(played.done.at(-1), 'failed timeout in 3');
  });

  test('the last replies that were passed over are told with a failure', () => {
    const played = new Played([enter(1), enter(2, { expect: EXECUTED })]);
    played.reply(accepted(1)).reply(accepted(2));
    assert.deepEqual(played.failure?.passed, [accepted(1)]);
  });

  test('an answer that names no token is the one to its own step', () => {
    const replace = {
      message_type: 'U',
      existing_order_token: 1,
      replacement_order_token: 3,
      quantity: 1,
      price: 1,
    };
    const played = new Played([
      enter(1),
      enter(2, { expect: ACCEPTED }),
      { ...replace, expect: { message_type: 'C', order_token: 1 } } as Step,
      enter(4, { expect: { message_type: 'A', order_token: '*' } }),
    ]);
    played.reply(accepted(1)).reply(accepted(2)).reply(canceled(1, 'X')).reply(accepted(5)).leaves();
    assert.equal(played.done.at(-1), 'done');
  });

  test('what is not answered must not be answered until the end', () => {
    const right = new Played([enter(1, { expect: [] })]);
    assert.equal(right.leaves().done.at(-1), 'done');
    const wrong = new Played([enter(1, { expect: [] })]);
    wrong.reply(accepted(1)).leaves();
    assert.equal(wrong.done.at(-1), 'failed unexpected in 1');
    assert.deepEqual(wrong.failure?.got, accepted(1));
  });

  test('what is not answered must not be answered by the time something else is expected', () => {
    const played = new Played([
      enter(1, { expect: [] }),
      cancel(9, { expect: [] }),
      enter(2, { expect: ACCEPTED }),
    ]);
    played.reply(rejected(1, 'X'));
    assert.equal(played.done.at(-1), 'failed mismatch in 3');
  });

  test('a reply that was there before its step is read is what the step expects', () => {
    const played = new Played([
      enter(1, { expect: ACCEPTED }),
      { after: 10 },
      { as: 'client', expect: { message_type: 'C', reason: 'S' } },
    ]);
    played.reply(accepted(1)).reply(canceled(1, 'S')).after(10).leaves();
    assert.equal(played.done.at(-1), 'done');
  });

  test('replies that nobody expects are withdrawals of orders at the end, or unexpected', () => {
    const played = new Played([enter(1, { expect: ACCEPTED })]);
    played.reply(accepted(1)).reply(canceled(1, 'L')).leaves();
    assert.equal(played.done.at(-1), 'done');
  });

  test('no more than so many replies wait for what is read later', () => {
    const played = new Played([{ as: 'client', barrier: 'b', expect: ACCEPTED }]);
    for (let i = 0; i < 65_536; i++) played.reply(executed(1, i));
    assert.equal(played.hasFailed, false);
    played.reply(executed(1, 1));
    assert.equal(played.failure?.what, 'unexpected');
  });

  test('no more than so many replies are expected at a time', () => {
    const steps = Array.from({ length: 1030 }, (_, i) => enter(i, { expect: ACCEPTED }));
    const played = new Played(steps);
    assert.equal(played.done.length, 1024);
    played.reply(accepted(0));
    assert.equal(played.done.length, 1025);
  });

  test('a client of which nothing is expected may be told anything', () => {
    const played = new Played([enter(1)], { checked: [] });
    played.reply(accepted(1)).reply(accepted(1)).reply(executed(7, 1)).leaves();
    assert.equal(played.done.at(-1), 'done');
  });

  test('a name stands for the number that came first', () => {
    const trade = (match: string) => ({ message_type: 'E', match_number: match });
    const steps = [enter(1, { expect: [trade('$m'), trade('$n'), trade('$m')] })];
    const right = new Played(steps);
    right
      .reply(executed(1, 1, 7n))
      .reply(executed(1, 1, 8n))
      .reply(executed(1, 1, 7n))
      .leaves();
    assert.equal(right.done.at(-1), 'done');
    const wrong = new Played(steps);
    wrong
      .reply(executed(1, 1, 7n))
      .reply(executed(1, 1, 8n))
      .reply(executed(1, 1, 8n));
    assert.equal(wrong.done.at(-1), 'failed mismatch in 1');
  });
});

describe('StepMachine: several clients', () => {
  const clients = ['maker', 'taker'];

  test('a step of another client waits until all that is expected has come', () => {
    const played = new Played(
      [
        enter(1, { as: 'maker', expect: ACCEPTED }),
        enter(1, { as: 'taker', expect: [ACCEPTED, EXECUTED] }),
        { as: 'maker', expect: EXECUTED },
      ],
      { clients },
    );
    assert.deepEqual(played.done, ['maker enter 1']);
    played.reply(accepted(1), 'maker');
    assert.deepEqual(played.done, ['maker enter 1', 'taker enter 1']);
    // The maker hears of the trade before the taker does.
    played.reply(executed(1, 5), 'maker').reply(accepted(1), 'taker').reply(executed(1, 5), 'taker');
    assert.deepEqual(played.leaves().done.slice(2), ['leave maker', 'leave taker', 'done']);
  });

  test('the one who sent last is closed first', () => {
    const played = new Played([enter(1, { as: 'maker' }), enter(1, { as: 'taker' })], {
      clients,
      checked: [],
    });
    assert.deepEqual(played.done.slice(2), ['leave taker']);
    played.over('taker');
    assert.deepEqual(played.done.slice(2), ['leave taker', 'leave maker']);
    assert.deepEqual(played.over('maker').done.at(-1), 'done');
  });

  test('what a client is told while others leave is looked at in the end', () => {
    const played = new Played(
      [enter(1, { as: 'maker', expect: ACCEPTED }), enter(1, { as: 'taker', expect: ACCEPTED })],
      { clients },
    );
    played.reply(accepted(1), 'maker').reply(accepted(1), 'taker').over('taker');
    played.reply(executed(1, 5), 'maker').over('maker');
    assert.deepEqual([played.failure?.what, played.failure?.client], ['unexpected', 'maker']);
    assert.equal(played.failure?.step, 1);
  });
});

describe('StepMachine: time', () => {
  test('a sleep, and a step after another one, begin when what was expected has come', () => {
    const played = new Played([enter(1, { expect: ACCEPTED }), { sleep: 100 }, enter(2, { after: 50 })]);
    played.after(300).reply(accepted(1));
    assert.equal(played.dueMs, played.nowMs + 100);
    played.after(99);
    assert.equal(played.done.length, 1);
    played.after(1);
    assert.equal(played.dueMs, played.nowMs + 50);
    played.after(50);
    assert.equal(played.done[1], 'client enter 2');
  });

  test('a time is counted from the beginning of the input, and one that is over does not wait', () => {
    const played = new Played([enter(1, { at: 200 }), enter(2, { at: 100 })]);
    played.after(199);
    assert.deepEqual(played.done, []);
    played.after(1);
    assert.deepEqual(played.done.slice(0, 2), ['client enter 1', 'client enter 2']);
  });

  test('a silence ends in its time', () => {
    const played = new Played([cancel(1, { expect: { silence: 100 } }), enter(1)]);
    played.after(99).reply(START_OF_DAY);
    assert.deepEqual(played.done, ['client cancel 1']);
    assert.equal(played.after(1).done[1], 'client enter 1');
  });

  test('a silence is broken by any reply, also by one to a step that expects nothing', () => {
    const during = new Played([enter(1), { as: 'client', expect: { silence: 100 } }]);
    during.after(99).reply(accepted(1));
    assert.deepEqual([during.failure?.what, during.failure?.step], ['noise', 2]);
    const before = new Played([{ after: 10 }, { as: 'client', expect: { silence: 100 } }]);
    before.reply(executed(1, 1)).after(10);
    assert.equal(before.failure?.what, 'noise');
  });

  test('a reply to another client breaks no silence', () => {
    const played = new Played(
      [enter(1, { as: 'a' }), { as: 'b', expect: { silence: 100 } }, { as: 'a', expect: ACCEPTED }],
      { clients: ['a', 'b'] },
    );
    played.reply(accepted(1), 'a').after(100).leaves();
    assert.equal(played.done.at(-1), 'done');
  });

  test('nothing that comes for too long fails, and what comes gives more time', () => {
    const played = new Played([enter(1, { expect: [ACCEPTED, EXECUTED] })]);
    played.after(TIMEOUT_MS - 1).reply(accepted(1));
    played.after(TIMEOUT_MS - 1);
    assert.equal(played.hasFailed, false);
    played.after(1);
    const { what, expected, nth, error } = played.failure as Failure;
    assert.deepEqual(
      [what, expected, nth, error?.message],
      ['timeout', EXECUTED, 2, 'nothing came within 5 s'],
    );
    assert.equal(played.dueMs, undefined);
  });

  test('a connection that is not closed in time fails, and what comes meanwhile gives more time', () => {
    const played = new Played([enter(1)], { checked: [] });
    played
      .after(TIMEOUT_MS - 1)
      .reply(accepted(1))
      .after(TIMEOUT_MS - 1);
    assert.equal(played.hasFailed, false);
    played.after(1);
    assert.deepEqual([played.failure?.what, played.failure?.error?.code], ['timeout', 'ERR_REQUEST_TIMEOUT']);
  });
});

describe('StepMachine: connections', () => {
  const LOST = new OutcryError('ERR_CONNECTION_LOST', 'the exchange closed the connection');
  const ENDED = new OutcryError('ERR_SESSION_ENDED', 'the session has ended');

  test('a disconnect is done when the other side has closed, and a reconnect when it lets the client in', () => {
    const played = new Played([
      enter(1, { expect: ACCEPTED }),
      { disconnect: 'logout' },
      { reconnect: true, expect: { message_type: 'C', reason: 'L' } },
    ]);
    played.reply(accepted(1));
    assert.deepEqual(played.done.slice(1), ['logout client']);
    played.over();
    assert.deepEqual(played.done.slice(2), ['reconnect client - -']);
    played.ready().reply(canceled(1, 'L')).leaves();
    assert.equal(played.done.at(-1), 'done');
  });

  test('a reset is done at once', () => {
    const played = new Played([enter(1), { disconnect: 'reset' }, { reconnect: { sequence: 1 } }]);
    assert.deepEqual(played.done, ['client enter 1', 'reset client', 'reconnect client  1']);
  });

  test('a client whose first step reconnects has no connection before', () => {
    const played = new Played(
      [{ as: 'b', reconnect: { session: 'S', sequence: 5 } }, enter(1, { as: 'b' })],
      {
        clients: ['b'],
        late: ['b'],
      },
    );
    assert.deepEqual(played.done, ['reconnect b S 5']);
    assert.equal(played.ready('b').done[1], 'b enter 1');
  });

  test('a connection that nobody wanted to end fails the input at once', () => {
    const played = new Played([enter(1, { expect: ACCEPTED })]);
    played.over('client', LOST);
    assert.deepEqual([played.failure?.what, played.failure?.error], ['connection', LOST]);
  });

  test('one that ends in disorder behind its last step fails, too', () => {
    const played = new Played([enter(1)]);
    played.over('client', LOST);
    assert.equal(played.done.at(-1), 'failed connection in 1');
  });

  test('the end of the day is none of a client that has nothing more to say', () => {
    const played = new Played([enter(1, { expect: ACCEPTED })]);
    played.reply(accepted(1)).over('client', ENDED);
    assert.equal(played.done.at(-1), 'done');
  });

  test('who is still to say or to hear something is failed by the end of the day', () => {
    const hears = new Played([enter(1, { expect: ACCEPTED })]);
    assert.equal(hears.over('client', ENDED).failure?.error, ENDED);
    const says = new Played([{ after: 10 }, enter(1)]);
    assert.equal(says.over('client', ENDED).after(10).failure?.error, ENDED);
    const expects = new Played([{ after: 10 }, { as: 'client', expect: ACCEPTED }]);
    assert.equal(expects.over('client', ENDED).after(10).failure?.error, ENDED);
  });

  test('a session that the venue ends is not silent', () => {
    const silence = { as: 'client', expect: { silence: 100 } } as const;
    const during = new Played([enter(1), silence]).after(50).over('client', ENDED);
    assert.deepEqual([during.failure?.step, during.failure?.error], [2, ENDED]);
    const before = new Played([enter(1), { after: 10 }, silence]).over('client', ENDED).after(10);
    assert.deepEqual([before.failure?.step, before.failure?.error], [3, ENDED]);
    const own = new Played([enter(1), { disconnect: 'close', expect: { silence: 100 } }]).over().after(100);
    assert.equal(own.done.at(-1), 'done');
  });

  test('a message is not known to be unanswered when the venue has ended the session', () => {
    const unanswered = new Played([enter(1, { expect: [] }), { sleep: 10 }]);
    assert.equal(unanswered.over('client', ENDED).failure?.error, ENDED);
    const atTheEnd = new Played([enter(1, { expect: [] })]);
    assert.equal(atTheEnd.over('client', ENDED).failure?.error, ENDED);
    const known = new Played([enter(1, { expect: [] }), enter(2, { expect: ACCEPTED })]);
    assert.equal(known.reply(accepted(2)).over('client', ENDED).done.at(-1), 'done');
    const later = new Played([enter(1, { expect: ACCEPTED }), enter(2, { expect: [] })]);
    assert.equal(later.reply(accepted(1)).over('client', ENDED).failure?.error, ENDED);
  });

  test('a client whose session the venue has ended can not disconnect, but reconnect', () => {
    const leaves = new Played([enter(1), { sleep: 10 }, { disconnect: 'logout' }]).over('client', ENDED);
    assert.deepEqual([leaves.after(10).failure?.step, leaves.failure?.error], [3, ENDED]);
    const comesBack = new Played([enter(1), { sleep: 10 }, { reconnect: true }]).over('client', ENDED);
    assert.equal(comesBack.after(10).ready().leaves().done.at(-1), 'done');
    const isRefused = new Played([enter(1), { reconnect: true }]).over('client', ENDED);
    assert.equal(isRefused.failure?.error, ENDED);
  });

  test('orders that are withdrawn though nobody has ended the connection are told of at the end', () => {
    const sleep = { sleep: 10 };
    const withdrawn = new Played([enter(1, { expect: ACCEPTED }), sleep]);
    withdrawn.reply(accepted(1)).reply(canceled(1, 'L')).after(10).leaves();
    assert.equal(withdrawn.done.at(-1), 'failed unexpected in 2');
    for (const how of ['close', 'logout', 'reset'] as const) {
      const own = new Played([
        enter(1, { expect: ACCEPTED }),
        { disconnect: how },
        { reconnect: true },
        sleep,
      ]);
      own.reply(accepted(1));
      if (how !== 'reset') own.over();
      own.ready().reply(canceled(1, 'L')).after(10).leaves();
      assert.equal(own.done.at(-1), 'done', how);
    }
  });

  test('a barrier holds the steps behind it until it is passed', () => {
    const steps: Step[] = [enter(1, { expect: ACCEPTED }), { barrier: 'b' }, enter(2)];
    const played = new Played(steps);
    assert.deepEqual(played.done, ['client enter 1']);
    played.reply(accepted(1));
    assert.deepEqual(played.done, ['client enter 1', 'barrier b']);
    assert.equal(played.passBarrier().done[2], 'client enter 2');
  });

  test('nothing is done any more behind a failure', () => {
    const played = new Played([enter(1, { expect: EXECUTED }), enter(2)]);
    played.reply(accepted(1)).reply(executed(1, 1)).over().passBarrier().after(TIMEOUT_MS);
    assert.deepEqual(played.done, ['client enter 1', 'client enter 2', 'failed mismatch in 1']);
  });
});
