import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { connect, connectExchange, type ExchangeClient } from '../../../clients/index.ts';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { runOutcry, TypedTerminal } from './outcry-process.ts';

const ENTER = '\r';
const DOWN = '\x1b[B';
const BACKSPACE = '\x7f';
const CTRL_C = '\x03';
const ACTIONS = ['enter', 'replace', 'cancel', 'orders', 'leave'] as const;

let server: OutcryServer;
let users = 0;

before(async () => {
  server = await createServer();
});
after(() => server.close());

/** Somebody at a terminal, and what is asked and answered there. */
class Trader {
  readonly terminal: TypedTerminal;
  #place = 0;

  constructor(t: TestContext, flags: readonly string[] = []) {
    const port = String(server.port('ouch'));
    this.terminal = new TypedTerminal(['ouch', 'enter', '--port', port, '--user', nextUser(), ...flags]);
    t.after(() => this.terminal.kill());
  }

  /** Waits for the question, and answers it with these keys. */
  async answer(question: string, keys: string): Promise<void> {
    await this.terminal.shows(new RegExp(`^◆ {2}${question}`));
    this.terminal.type(keys);
  }

  /** Waits until it is said why an answer is wrong. */
  async refused(why: string): Promise<void> {
    await this.terminal.shows(new RegExp(`^└ {2}${why}`));
  }

  /** An action of the menu, which begins where it was left. */
  async choose(action: (typeof ACTIONS)[number]): Promise<void> {
    const place = ACTIONS.indexOf(action);
    const downs = (place - this.#place + ACTIONS.length) % ACTIONS.length;
    await this.answer('What now', DOWN.repeat(downs) + ENTER);
    this.#place = action === 'leave' ? ACTIONS.indexOf('orders') : place;
  }

  async enter({ side = ENTER, quantity = '', price = '', kind = ENTER, send = ENTER }): Promise<void> {
    await this.choose('enter');
    await this.answer('Side', side);
    await this.answer('Book', ENTER);
    await this.answer('Group', ENTER);
    await this.answer('Quantity', quantity + ENTER);
    await this.answer('Price', price + ENTER);
    await this.answer('Kind', kind);
    await this.answer('Send it', send);
  }

  async leave(): Promise<number | null> {
    await this.answer('What now', CTRL_C);
    return this.terminal.ended;
  }
}

function nextUser(): string {
  return `TRADE${users++ % 10}`;
}

function other(t: TestContext): Promise<ExchangeClient> {
  const opened = connectExchange({ port: server.port('ouch'), user: nextUser(), password: 'OUTCRY' });
  t.after(async () => (await opened).close());
  return opened;
}

describe('outcry ouch enter', () => {
  test('enters, replaces and cancels, and shows what the exchange says', async (t) => {
    const trader = new Trader(t);
    const { terminal } = trader;
    await terminal.shows(/^· TRADE\d in session \w+, no order is open$/);
    await trader.enter({ quantity: '100', price: '10.0' });
    await terminal.shows(/^> O 1: buy 100 BTC at 10\.0, day$/);
    await terminal.shows(/^< A 1: accepted, live/);
    await trader.choose('replace');
    await trader.answer('Which one is replaced', ENTER);
    await trader.answer('Quantity, with what was executed \\(0\\)', `115${ENTER}`);
    await trader.answer('Price', ENTER);
    await trader.answer('Kind', DOWN.repeat(2) + ENTER);
    await terminal.shows(/^> U 1.*2.*115 at 10\.0/);
    await terminal.shows(/^< U .*2.*replaced/);
    await trader.choose('orders');
    await terminal.shows(/^ +2 +buy +BTC +DAY +10\.0 +115 +0 +post-only$/);
    await trader.choose('cancel');
    await trader.answer('Which one is canceled', ENTER);
    await terminal.shows(/^> X 2/);
    await terminal.shows(/^< C 2: 115 canceled, U/);
    assert.equal(await trader.leave(), 0);
  });

  test("has the last order's terms for defaults", async (t) => {
    const trader = new Trader(t);
    await trader.enter({ side: DOWN + ENTER, quantity: '70', price: '99.5' });
    await trader.terminal.shows(/^> O 1: sell 70 BTC at 99\.5/);
    await trader.enter({});
    await trader.terminal.shows(/^> O 2: sell 70 BTC at 99\.5/);
    await trader.terminal.shows(/^< A 2/);
  });

  test('says what is wrong with an answer before anything is sent', async (t) => {
    const trader = new Trader(t);
    await trader.choose('enter');
    await trader.answer('Side', ENTER);
    await trader.answer('Book', `BITCOIN${ENTER}`);
    await trader.refused('orderbook_id is "BITCOIN"; expected at most 4 characters');
    trader.terminal.type(BACKSPACE.repeat(7) + ENTER);
    await trader.answer('Group', ENTER);
    await trader.answer('Quantity', `0${ENTER}`);
    await trader.refused('invalid quantity \\(Z\\); expected 1 to 2147483647');
    trader.terminal.type(`${BACKSPACE}ten${ENTER}`);
    await trader.refused('quantity is "ten"; expected a whole number');
    trader.terminal.type(`${BACKSPACE.repeat(3)}10${ENTER}`);
    await trader.answer('Price', ENTER);
    await trader.refused('price is ""; expected');
    trader.terminal.type(`10.25${ENTER}`);
    await trader.refused('price is "10.25"; expected at most one decimal');
    trader.terminal.type(`${BACKSPACE}${ENTER}`);
    await trader.answer('Kind', DOWN + ENTER);
    await trader.answer('At least, or nothing', `11${ENTER}`);
    await trader.refused('invalid minimum quantity \\(N\\); expected no more than can trade');
    trader.terminal.type(`${BACKSPACE.repeat(2)}10${ENTER}`);
    await trader.answer('Send it', ENTER);
    await trader.terminal.shows(/^> O 1: buy 10 BTC at 10\.2, immediate/);
    await trader.terminal.shows(/^< A 1: accepted, dead/);
  });

  test('asks for the other fields if it is told to', async (t) => {
    const trader = new Trader(t);
    await trader.enter({ price: '10', send: DOWN + ENTER });
    await trader.answer('Client reference', `by hand${ENTER}`);
    await trader.answer('Capacity', DOWN + ENTER);
    await trader.answer('Firm', ENTER);
    await trader.answer('Classification', DOWN + ENTER);
    await trader.answer('Cash or margin', DOWN + ENTER);
    await trader.answer('Send it', ENTER);
    await trader.terminal.shows(/^< A 1: accepted, live/);
    await trader.choose('orders');
    await trader.terminal.shows(/^ +1 +buy +BTC +.* +day +by hand$/);
  });

  test('drops an order, or leaves one in the middle, and sends nothing', async (t) => {
    const trader = new Trader(t);
    await trader.enter({ price: '10', send: DOWN.repeat(2) + ENTER });
    await trader.choose('enter');
    await trader.answer('Side', CTRL_C);
    await trader.choose('replace');
    await trader.terminal.shows(/^· no order is open$/);
    assert.equal(await trader.leave(), 0);
    assert.doesNotMatch(trader.terminal.seen.text, /^[<>]/m);
  });

  test('shows what happens to an order above the question that is asked', async (t) => {
    const trader = new Trader(t);
    await trader.enter({ quantity: '100', price: '555' });
    await trader.terminal.shows(/^< A 1/);
    await trader.choose('enter');
    await trader.terminal.shows(/^◆ {2}Side/);
    const taker = await other(t);
    const order = { side: 'S', quantity: 40, orderbook: 'BTC', price: '555.0', isImmediate: true } as const;
    assert.equal((await taker.enter(order).done).state, 'filled');
    await trader.terminal.shows(/^< E 1: .*40.*555\.0/);
    const lines = trader.terminal.seen.lines.filter((line) => /^(?:< E|◆ {2}Side)/.test(line));
    assert.match(lines[0] ?? '', /^< E/);
    assert.equal(lines.length, 2, 'the question stands below it, once');
    await trader.answer('Side', CTRL_C);
    await trader.choose('replace');
    await trader.answer('Which one is replaced', ENTER);
    await trader.answer('Quantity, with what was executed \\(40\\)', `39${ENTER}`);
    await trader.refused('invalid quantity \\(Z\\); expected no less than was executed');
  });

  test('asks before it leaves open orders, which are canceled then', async (t) => {
    const trader = new Trader(t);
    await trader.enter({ price: '777' });
    await trader.terminal.shows(/^< A 1/);
    await trader.choose('leave');
    await trader.answer('1 order is open, and canceled when you leave. Leave', DOWN + ENTER);
    await trader.choose('leave');
    await trader.answer('1 order is open, and canceled when you leave. Leave', ENTER);
    assert.equal(await trader.terminal.ended, 0);
    await using operator = await connect({ port: server.port('api'), token: server.operatorToken });
    const { buyOrders } = await operator.exchange.book('BTC', { orders: 1000 });
    assert.equal(buyOrders.filter(({ price }) => price === '777.0').length, 0);
  });

  test('goes on in the next session when the day has ended', async (t) => {
    await using own = await createServer();
    const trader = new Trader(t, ['--port', String(own.port('ouch'))]);
    await trader.enter({ price: '10' });
    await trader.terminal.shows(/^< A 1/);
    await using operator = await connect({ port: own.port('api'), token: own.operatorToken });
    await operator.exchange.closeDay();
    await trader.terminal.shows(/^< C 1: 100 canceled, O/);
    await trader.terminal.shows(/^· session \w+ has begun; the orders before it are gone$/);
    await trader.enter({});
    await trader.terminal.shows(/^< J 1: rejected, R/);
    assert.equal(await trader.leave(), 0);
  });

  test('connects again when the exchange was away', async (t) => {
    const first = await createServer();
    const port = first.port('ouch');
    const trader = new Trader(t, ['--port', String(port)]);
    await trader.terminal.shows(/^◆ {2}What now/);
    await first.close();
    await trader.terminal.shows(/^! .*; connecting again$/);
    await using second = await createServer({ settings: { ouch: { port } } });
    await trader.terminal.shows(/^· connected again$/);
    assert.equal(second.port('ouch'), port);
    const lines = trader.terminal.seen.lines.filter((line) => line.includes('connecting again'));
    assert.equal(lines.length, 1, 'it is said once, however many attempts it takes');
    assert.equal(await trader.leave(), 0);
  });

  test('says why it can not begin', async (t) => {
    const trader = new Trader(t, ['--password', 'wrong']);
    await trader.terminal.shows(/^outcry: 127\.0\.0\.1:\d+ refused the login: user or password are wrong$/);
    assert.equal(await trader.terminal.ended, 1);
    const piped = await runOutcry(['ouch', 'enter']);
    assert.deepEqual(
      [piped.exitCode, piped.stderr],
      [2, 'outcry: outcry ouch enter asks on a terminal; elsewhere there is outcry ouch send\n'],
    );
  });
});
