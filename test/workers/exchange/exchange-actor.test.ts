/** The exchange among other actors: who is told what, what is due in time, and what it asks of the main thread. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ClientNotice, EXCHANGE_ADDRESS, type ExchangeFigures } from '../../../src/protocol/exchange.ts';
import type { ExchangeSettings } from '../../../src/protocol/host-task.ts';
import { type Address, hostIndexOf } from '../../../src/values/address.ts';
import { startExchange } from '../../../workers/exchange/exchange-service.ts';
import { addressIn, listening, TestHosts } from '../../support/actors.ts';
import { enterOf, entryOf, optionsOf, PASSWORD, packetOf, packetsIn, wordsOf } from '../../support/venues.ts';

/** A session that writes down what it hears. */
class Listener {
  readonly heard: ClientNotice[] = [];
  readonly address: Address;
  readonly connection: number;
  readonly #hosts: TestHosts;

  constructor(hosts: TestHosts, host: number, connection: number) {
    this.#hosts = hosts;
    this.connection = connection;
    this.address = addressIn(host, hosts.hostCount, `session-${connection}`);
    hosts.spawn(this.address, listening(this.heard));
  }

  get types(): string[] {
    return this.heard.map(({ type }) => type);
  }

  get account(): number {
    const notice = this.heard.find(({ type }) => type === 'logged-in');
    return notice?.type === 'logged-in' ? notice.account : assert.fail('it is not logged in');
  }

  get words(): string[] {
    return this.heard.flatMap((notice) =>
      notice.type === 'sequenced' ? packetsIn(Buffer.from(notice.bytes)).map(wordsOf) : [],
    );
  }

  logIn(user: string, changes: object = {}): void {
    const { address, connection } = this;
    this.#hosts.tell(EXCHANGE_ADDRESS, {
      type: 'log-in',
      user,
      password: PASSWORD,
      requestedSession: '',
      sequence: 1,
      form: 'alpha',
      client: { address, connection },
      ...changes,
    });
  }

  enter(...messages: Uint8Array[]): void {
    const bytes = entryOf(this.account, this.connection, Buffer.concat(messages.map(packetOf)));
    const host = hostIndexOf(EXCHANGE_ADDRESS, this.#hosts.hostCount);
    this.#hosts.mainOf(host).tellBytes(EXCHANGE_ADDRESS, bytes);
    this.#hosts.settle();
  }

  leave(): unknown[] {
    const { account, connection } = this;
    return this.#hosts.ask(EXCHANGE_ADDRESS, { type: 'left', account, connection });
  }
}

function hostsWith(changes: Partial<ExchangeSettings> = {}, hosts = 1): TestHosts {
  const test = new TestHosts({ hosts });
  for (const system of test.systems) startExchange(system, optionsOf(changes), 7);
  test.settle();
  return test;
}

function figuresOf(hosts: TestHosts): ExchangeFigures {
  return hosts.ask(EXCHANGE_ADDRESS, { type: 'figures' })[0] as ExchangeFigures;
}

describe('the exchange', () => {
  test('answers sessions wherever they are, each with its own messages', () => {
    const hosts = hostsWith({}, 2);
    const [alice, bob] = [new Listener(hosts, 0, 1), new Listener(hosts, 1, 2)];
    alice.logIn('ALICE');
    bob.logIn('BOB');
    alice.enter(enterOf(1));
    bob.enter(enterOf(1, { side: 'S', quantity: 30 }), enterOf(2, { side: 'S', quantity: 20 }));
    assert.deepEqual(alice.words, [
      'S S',
      'A[1] B q100 p23000 L',
      'E[1] 30 at 23000 A m1',
      'E[1] 20 at 23000 A m2',
    ]);
    assert.deepEqual(bob.words.slice(1), [
      'A[1] S q30 p23000 L',
      'E[1] 30 at 23000 R m1',
      'A[2] S q20 p23000 L',
      'E[2] 20 at 23000 R m2',
    ]);
    assert.deepEqual(bob.types, ['logged-in', 'sequenced', 'sequenced'], 'one answer for one message');
  });

  test('repeats the call of a client that has several', () => {
    const hosts = hostsWith();
    const client = new Listener(hosts, 0, 1);
    client.logIn('ALICE', { client: { address: client.address, connection: 1, call: 12 } });
    client.logIn('BOB', { client: { address: client.address, connection: 1, call: 13 } });
    assert.deepEqual(
      client.heard.map(({ call }) => call),
      [12, 12, 13, 13],
    );
  });

  test('hears that a session is lost, and that one has left', () => {
    const hosts = hostsWith({}, 2);
    const away = 1 - hostIndexOf(EXCHANGE_ADDRESS, 2);
    const [alice, bob] = [new Listener(hosts, away, 1), new Listener(hosts, 0, 2)];
    alice.logIn('ALICE');
    bob.logIn('BOB');
    for (const trader of [alice, bob]) trader.enter(enterOf(1));
    assert.equal(figuresOf(hosts).openOrders, 2);
    assert.deepEqual(bob.leave(), [null]);
    assert.equal(figuresOf(hosts).openOrders, 1);
    hosts.replace(away);
    hosts.settle();
    assert.equal(figuresOf(hosts).connected, 0);
    assert.equal(figuresOf(hosts).openOrders, 0);
  });

  test('withdraws orders when the grace is over, though nobody says anything', () => {
    const hosts = hostsWith({ disconnectGraceMs: 5000 });
    const alice = new Listener(hosts, 0, 1);
    alice.logIn('ALICE');
    alice.enter(enterOf(1));
    alice.leave();
    hosts.live(4999);
    const before = new Listener(hosts, 0, 2);
    before.logIn('BOB');
    before.enter(enterOf(1, { side: 'S', quantity: 1 }));
    assert.equal(before.words.at(-1), 'E[1] 1 at 23000 R m1');
    hosts.live(2);
    before.enter(enterOf(2, { side: 'S', quantity: 1 }));
    assert.equal(before.words.at(-1), 'A[2] S q1 p23000 L');
  });

  test('opens and closes by its calendar', () => {
    // It is a second after midnight of 1 January 1970, a Thursday, in a zone that has no other time.
    const hosts = hostsWith({ day: 'calendar', timeZone: 'UTC' });
    const alice = new Listener(hosts, 0, 1);
    alice.logIn('ALICE');
    assert.equal(figuresOf(hosts).state, 'before-open');
    hosts.live(8 * 3_600_000 - 1000);
    assert.deepEqual(alice.words, ['S S']);
    hosts.live(8 * 3_600_000);
    assert.deepEqual(alice.words, ['S S', 'S E']);
    assert.equal(alice.types.at(-1), 'session-ended');
  });

  test('does what operators ask, and says what came of it', () => {
    const hosts = hostsWith({ day: 'by-hand' });
    const ask = (message: object) => hosts.ask(EXCHANGE_ADDRESS, message)[0];
    const opened = ask({ type: 'open-day' }) as { session: string };
    assert.deepEqual(opened, { isChanged: true, state: 'open', session: opened.session });
    assert.equal(ask({ type: 'halt', id: '4422' }), 2);
    assert.equal(ask({ type: 'resume' }), 2);
    assert.equal(ask({ type: 'cancel-all' }), 0);
    assert.equal(ask({ type: 'cancel-all', user: 'NOBODY' }), null);
    assert.equal((ask({ type: 'books' }) as unknown[]).length, 4);
    assert.equal(ask({ type: 'book', id: 'NONE', levels: 1, orders: 0 }), null);
    assert.deepEqual(ask({ type: 'trades', limit: 5 }), []);
    assert.equal((ask({ type: 'close-day' }) as { isChanged: boolean }).isChanged, true);
  });

  test('goes on with a page when the client has taken the one before', () => {
    const hosts = hostsWith();
    const alice = new Listener(hosts, 0, 1);
    alice.logIn('ALICE');
    for (let token = 1; token <= 5000; token += 100) {
      alice.enter(...Array.from({ length: 100 }, (_, i) => enterOf(token + i)));
    }
    const isPage = () => alice.heard.filter((notice) => notice.type === 'sequenced' && notice.isPage).length;
    assert.equal(isPage(), 1);
    const count = alice.words.length;
    assert.ok(count < 5000);
    hosts.tell(EXCHANGE_ADDRESS, { type: 'page-taken', account: alice.account, connection: 1 });
    assert.equal(alice.words.length, 5001);
  });
});
