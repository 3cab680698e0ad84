/** Accounts and their connections: logins, what is told again, who has left, and what operators do. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SequencedStream, StreamMemory } from '../../../workers/exchange/sequenced-stream.ts';
import { enterOf, optionsOf, packetOf, packetsIn, TestVenue, wordsOf } from '../../support/venues.ts';

describe('a login', () => {
  test('takes user and password in any case, and padded', () => {
    const trader = new TestVenue().logIn('  alice', { password: 'SeCrEt   ' });
    assert.deepEqual(trader.news(), ['S S']);
    assert.equal(trader.sequence, 1);
  });

  test('with a wrong user or password is refused with A', () => {
    const venue = new TestVenue();
    assert.equal(venue.logIn('MALLORY').refusal, 'A');
    assert.equal(venue.logIn('ALICE', { password: 'secre' }).refusal, 'A');
    assert.equal(venue.logIn('ALICE', { password: '' }).refusal, 'A');
  });

  test('to the session of the day goes on, to another one is refused with S', () => {
    const venue = new TestVenue();
    const { session } = venue.logIn('ALICE');
    assert.match(session, /^[0-9A-Z]{1,10}$/);
    assert.equal(venue.logIn('ALICE', { session: ` ${session} ` }).refusal, undefined);
    assert.equal(venue.logIn('ALICE', { session: 'OTHER' }).refusal, 'S');
    venue.turn((exchange) => exchange.closeDay());
    assert.equal(venue.logIn('ALICE', { session }).refusal, 'S', 'that one is over');
  });

  test('that asks for message 0 gets the last one, for one beyond the end the next one', () => {
    const venue = new TestVenue();
    venue.logIn('ALICE').send(enterOf(1), enterOf(2));
    const last = venue.logIn('ALICE', { sequence: 0 });
    assert.equal(last.sequence, 3);
    assert.deepEqual(last.news(), ['A[2] B q100 p23000 L']);
    const next = venue.logIn('ALICE', { sequence: 1000 });
    assert.equal(next.sequence, 4);
    assert.deepEqual(next.news(), []);
  });

  test('that asks for message 0 where there is none gets the first one', () => {
    const venue = new TestVenue(optionsOf({ day: 'by-hand' }));
    assert.equal(venue.logIn('ALICE', { sequence: 0 }).sequence, 1);
  });

  test('takes the account over, and withdraws nothing', () => {
    const venue = new TestVenue();
    const first = venue.logIn('ALICE');
    first.enter(1);
    const second = venue.logIn('ALICE', { sequence: 3 });
    assert.equal(first.ended, 'dismissed');
    first.leave();
    first.sendBytes(packetOf(enterOf(2)));
    assert.deepEqual(second.news(), []);
    assert.deepEqual(second.cancel(1), ['C[1] -100 U']);
    assert.deepEqual(venue.exchange.figures().ignored, { connection: 1 });
  });

  test('goes on under the tokens of the account, whatever the connection', () => {
    const venue = new TestVenue();
    venue.logIn('ALICE').enter(7);
    const again = venue.logIn('ALICE', { sequence: 9 });
    assert.deepEqual(again.enter(7), []);
    assert.deepEqual(again.enter(8), ['A[8] B q100 p23000 L']);
  });

  test('may have books as numbers, and is answered in them', () => {
    const venue = new TestVenue();
    const trader = venue.logIn('ALICE', { form: 'uint32' });
    trader.send(enterOf(1, { book: 4422 }));
    trader.replace(1, 2, { quantity: 7 });
    const packets = packetsIn(trader.received);
    assert.deepEqual(packets.map(wordsOf), ['S S', 'A[1] B q100 p23000 L', 'U[2] was 1 q7 p23000 L']);
    assert.equal(packets[1]?.readUInt32BE(3 + 28), 4422);
    assert.equal(packets[2]?.readUInt32BE(3 + 18), 4422);
    assert.equal(packets[2]?.toString('latin1', 3 + 22, 3 + 26), 'DAY ');
    assert.deepEqual(trader.enter(3, { book: '4422' }).at(-1), 'J[3] S');
  });
});

describe('who leaves', () => {
  test('has his orders withdrawn after the grace, unless he is back', () => {
    const venue = new TestVenue(optionsOf({ disconnectGraceMs: 5000 }));
    const alice = venue.logIn('ALICE');
    alice.send(enterOf(1), enterOf(2));
    alice.leave();
    venue.advance(4999);
    const again = venue.logIn('ALICE', { sequence: 4 });
    venue.advance(10_000);
    assert.deepEqual(again.news(), []);
    again.leave();
    venue.advance(5000);
    assert.deepEqual(venue.logIn('ALICE', { sequence: 4 }).news(), ['C[1] -100 L', 'C[2] -100 L']);
  });

  test('has orders that others may still take in the grace', () => {
    const venue = new TestVenue(optionsOf({ disconnectGraceMs: 5000 }));
    const [alice, bob] = [venue.logIn('ALICE'), venue.logIn('BOB')];
    alice.enter(1);
    alice.leave();
    bob.enter(1, { side: 'S', quantity: 30 });
    venue.advance(5000);
    const again = venue.logIn('ALICE', { sequence: 3 });
    assert.deepEqual(again.news(), ['E[1] 30 at 23000 A m1', 'C[1] -70 L']);
  });

  test('is noticed when his session is lost', () => {
    const venue = new TestVenue();
    const alice = venue.logIn('ALICE');
    alice.enter(1);
    venue.turn((exchange) => exchange.gone(alice.client.address));
    assert.deepEqual(venue.logIn('ALICE', { sequence: 3 }).news(), ['C[1] -100 L']);
  });

  test('before, or as somebody else, changes nothing', () => {
    const venue = new TestVenue();
    const alice = venue.logIn('ALICE');
    alice.enter(1);
    venue.turn((exchange) => {
      exchange.left(alice.account, 999);
      exchange.left(999, alice.client.connection);
      exchange.left(-1, 0);
      exchange.pageTaken(999, 1);
    });
    assert.deepEqual(alice.cancel(1).at(-1), 'C[1] -100 U');
  });
});

describe('a raw connection', () => {
  test('hears whether the venue is open, is numbered, and has tokens of its own', () => {
    const venue = new TestVenue();
    const [first, second] = [venue.connectRaw(), venue.connectRaw()];
    assert.deepEqual(first.news(), ['S S']);
    assert.deepEqual(first.enter(0, { book: 4422, group: 'DAY\0' }), ['A[0] B q100 p23000 L']);
    assert.deepEqual(second.enter(0, { book: 4422, side: 'S' }), [
      'S S',
      'A[0] S q100 p23000 L',
      'E[0] 100 at 23000 R m1',
    ]);
    assert.deepEqual(new TestVenue(optionsOf({ day: 'by-hand' })).connectRaw().news(), ['S E']);
  });

  test('hears when the venue as a whole is halted and resumed, and of the days', () => {
    const venue = new TestVenue();
    const raw = venue.connectRaw();
    const named = venue.logIn('ALICE');
    venue.turn((exchange) => exchange.halt({ id: '4422' }));
    venue.turn((exchange) => exchange.halt({}));
    venue.turn((exchange) => exchange.halt({}));
    assert.deepEqual(venue.connectRaw().news(), ['S E']);
    venue.turn((exchange) => exchange.resume({ id: '7203' }));
    venue.turn((exchange) => exchange.resume({}));
    assert.deepEqual(raw.news(), ['S S', 'S E', 'S S']);
    assert.deepEqual(named.news(), ['S S']);
    raw.enter(5, { book: 4422 });
    venue.turn((exchange) => exchange.closeDay());
    venue.turn((exchange) => exchange.openDay());
    assert.deepEqual(raw.news(), ['C[5] -100 O', 'S E', 'S S']);
    assert.equal(raw.ended, undefined);
    assert.deepEqual(raw.enter(1, { book: 4422 }), ['A[1] B q100 p23000 L']);
  });

  test('is forgotten with its account when it is closed', () => {
    const venue = new TestVenue();
    const [raw, alice] = [venue.connectRaw(), venue.logIn('ALICE')];
    raw.enter(1, { book: 4422 });
    raw.leave();
    assert.equal(venue.exchange.figures().openOrders, 0);
    assert.equal(venue.exchange.figures().accounts, 1);
    assert.equal(venue.connectRaw().account, raw.account, 'its number is free');
    assert.notEqual(raw.account, alice.account);
  });

  test('leaves its orders behind where that is wanted, until they are done', () => {
    const venue = new TestVenue(optionsOf({ isRawCancelOnDisconnect: false }));
    const [raw, alice] = [venue.connectRaw(), venue.logIn('ALICE')];
    raw.enter(1, { book: 4422, quantity: 10 });
    raw.leave();
    assert.equal(venue.exchange.figures().accounts, 2);
    assert.deepEqual(alice.enter(1, { side: 'S', quantity: 10 }).at(-1), 'E[1] 10 at 23000 R m1');
    assert.equal(venue.exchange.figures().accounts, 1);
  });
});

describe('a slow client', () => {
  test('gets no more than it takes, and then all of it, in order', () => {
    const venue = new TestVenue();
    const [slow, fast] = [venue.logIn('ALICE'), venue.logIn('BOB')];
    slow.isSlow = true;
    for (let token = 1; token <= 10_000; token++) {
      slow.sendBytes(packetOf(enterOf(token, { price: token })));
      fast.sendBytes(packetOf(enterOf(token, { price: token })));
    }
    assert.ok(slow.received.length < 400 * 1024, `${slow.received.length} bytes wait`);
    assert.equal(packetsIn(fast.received).length, 10_001);
    slow.isSlow = false;
    slow.takePages();
    assert.deepEqual(packetsIn(slow.received).map(wordsOf), packetsIn(fast.received).map(wordsOf));
  });

  test('loses nothing by it where there is no journal, however little memory there is', () => {
    const venue = new TestVenue(optionsOf({ streamMemoryBytes: 100_000, isDurable: false }));
    const slow = venue.logIn('ALICE');
    slow.isSlow = true;
    for (let token = 1; token <= 8_000; token++) slow.sendBytes(packetOf(enterOf(token)));
    slow.isSlow = false;
    slow.takePages();
    assert.equal(slow.ended, undefined);
    assert.equal(packetsIn(slow.received).length, 1 + 8_000);
  });

  test('that sends no more hears when it has been told all', () => {
    const venue = new TestVenue();
    const slow = venue.logIn('ALICE');
    slow.isSlow = true;
    for (let token = 1; token <= 8_000; token++) slow.sendBytes(packetOf(enterOf(token)));
    const hearOut = () => venue.turn((exchange) => exchange.hearOut(slow.account, slow.client.connection));
    hearOut();
    assert.notEqual(slow.notices.at(-1)?.type, 'all-told');
    slow.isSlow = false;
    slow.takePages();
    assert.equal(slow.notices.at(-1)?.type, 'all-told');
    assert.equal(packetsIn(slow.received).length, 1 + 8_000);
  });

  test('gets the end of the session behind all that came before', () => {
    const venue = new TestVenue();
    const slow = venue.logIn('ALICE');
    slow.isSlow = true;
    for (let token = 1; token <= 8_000; token++) slow.sendBytes(packetOf(enterOf(token)));
    venue.turn((exchange) => exchange.closeDay());
    assert.equal(slow.ended, undefined);
    const next = venue.logIn('ALICE');
    assert.deepEqual(next.enter(1), ['J[1] R'], 'the next session has begun');
    slow.isSlow = false;
    slow.takePages();
    assert.equal(slow.ended, 'session-ended');
    const packets = packetsIn(slow.received);
    assert.equal(packets.length, 1 + 8_000 + 8_000 + 1);
    assert.equal(wordsOf(packets.at(-1) ?? Buffer.alloc(0)), 'S E');
  });
});

describe('messages that are in memory no more', () => {
  const STREAM_MEMORY = 128 * 1024;

  function full(isDurable: boolean) {
    const venue = new TestVenue(optionsOf({ streamMemoryBytes: STREAM_MEMORY, isDurable }));
    const alice = venue.logIn('ALICE');
    for (let token = 1; token <= 8_000; token++) alice.sendBytes(packetOf(enterOf(token)));
    return { venue, all: alice.received };
  }

  test('are read from the journal, and then those in memory follow', () => {
    const { venue, all } = full(true);
    const again = venue.logIn('ALICE', { sequence: 2 });
    assert.equal(again.received.length, 0);
    const packets = packetsIn(all);
    while (venue.coldReads.length > 0) {
      const { line, place } = venue.coldReads.pop() ?? assert.fail();
      assert.ok(place.first <= line.next);
      const part = Buffer.concat(packets.slice(line.next - 1, line.next + 999));
      venue.turn((exchange) => exchange.coldRead(line, part));
      again.takePages();
    }
    assert.ok(again.received.equals(Buffer.concat(packets.slice(1))));
    assert.match(again.enter(8_001).at(-1) ?? '', /^A\[8001\]/);
  });

  test('make the client log in again if the journal has them no more', () => {
    const { venue } = full(true);
    const again = venue.logIn('ALICE', { sequence: 2 });
    const { line } = venue.coldReads.pop() ?? assert.fail();
    venue.turn((exchange) => exchange.coldRead(line, undefined));
    assert.equal(again.ended, 'dismissed');
    venue.turn((exchange) => exchange.coldRead(line, Buffer.alloc(0)));
    assert.equal(venue.exchange.figures().connected, 0);
  });

  test('are gone without a journal: S', () => {
    const { venue } = full(false);
    assert.equal(venue.logIn('ALICE', { sequence: 2 }).refusal, 'S');
    assert.equal(venue.logIn('ALICE', { sequence: 0 }).refusal, undefined);
  });

  test('do not take the memory of other sessions along', () => {
    const memory = new StreamMemory(STREAM_MEMORY);
    const stream = new SequencedStream(memory);
    stream.begin(10);
    stream.takeFresh(1);
    stream.clear();
    assert.equal(memory.bytes, 0);
  });
});

describe('whatever comes', () => {
  test('is explained if it has no effect, up to a limit', () => {
    const venue = new TestVenue();
    const alice = venue.logIn('ALICE');
    alice.sendBytes(
      Buffer.concat([
        packetOf(Buffer.from('Q')),
        packetOf(Buffer.from([7])),
        packetOf(Buffer.alloc(0)),
        packetOf(Buffer.from('O123')),
        Buffer.from([0, 2, 0x53, 0x4f]),
        packetOf(enterOf(1)),
        Buffer.from([0, 50, 0x55, 1, 2]),
      ]),
    );
    assert.deepEqual(alice.ignored, [
      'ignored: no message is called Q',
      'ignored: no message is called 0x07',
      'ignored: the message is empty',
      'ignored: O has 4 bytes, which no such message has',
      'ignored: only Unsequenced Data packets, each whole, are taken here',
      'ignored: only Unsequenced Data packets, each whole, are taken here',
    ]);
    assert.deepEqual(alice.news().at(-1), 'A[1] B q100 p23000 L', 'what is right among it counts');
    assert.deepEqual(venue.exchange.figures().ignored, { message: 3, length: 1, packet: 2 });
    alice.sendBytes(Buffer.concat(Array.from({ length: 100 }, () => packetOf(Buffer.from('Q')))));
    assert.equal(alice.ignored.length, 6 + 17);
    assert.equal(alice.ignored.at(-1), 'and 84 more');
  });

  test('is not explained where nobody wants it', () => {
    const venue = new TestVenue(optionsOf({ isDebugOn: false }));
    const alice = venue.logIn('ALICE');
    alice.sendBytes(packetOf(Buffer.from('Q')));
    assert.deepEqual(alice.ignored, []);
  });

  test('does nothing if it is shorter than a head, or a packet has no length', () => {
    const venue = new TestVenue();
    const alice = venue.logIn('ALICE');
    venue.turn((exchange) => exchange.take(new Uint8Array(7), 0, 7));
    alice.sendBytes(Buffer.from([0, 0, 0x55, 1]));
    alice.sendBytes(Buffer.from([0]));
    assert.deepEqual(alice.news(), ['S S']);
  });
});

describe('a venue that is started again', () => {
  /** All that ALICE and BOB and a raw client have is stored. */
  function stored(grace = 0) {
    const options = optionsOf({ disconnectGraceMs: grace });
    const venue = new TestVenue(options);
    const [alice, bob, raw] = [venue.logIn('ALICE'), venue.logIn('BOB'), venue.connectRaw()];
    alice.send(enterOf(1), enterOf(2, { book: '7203\0', group: 'DAY\0', price: 100 }));
    bob.send(enterOf(1, { side: 'S', quantity: 30 }), enterOf(2, { price: 50 }));
    raw.enter(1, { book: 4422, price: 40 });
    const events = venue.exchange.takeLogged() ?? assert.fail();
    const bytes = events.bytes.slice();
    const again = (changes = {}) =>
      new TestVenue({ ...options, ...changes }, (exchange) => exchange.apply(bytes, 0, bytes.length));
    return { venue, alice, again };
  }

  test('withdraws the orders of all who were there, and tells them when they come', () => {
    const { again } = stored();
    const venue = again();
    assert.deepEqual(venue.logIn('ALICE', { sequence: 5 }).news(), ['C[1] -70 L', 'C[2] -100 L']);
    assert.deepEqual(venue.logIn('BOB', { sequence: 5 }).news(), ['C[2] -100 L']);
    assert.equal(venue.exchange.figures().accounts, 2, 'the raw client is forgotten');
  });

  test('keeps them for the grace: tokens, sessions, numbers and queues go on', () => {
    const { venue: before, alice, again } = stored(1000);
    const venue = again();
    assert.equal(venue.exchange.session, before.exchange.session);
    const back = venue.logIn('ALICE', { sequence: 1, session: alice.session });
    assert.ok(back.received.equals(alice.received), 'byte for byte');
    back.news();
    assert.deepEqual(back.enter(2), []);
    assert.deepEqual(back.replace(1, 3, { quantity: 100 }), ['U[3] was 1 q70 p23000 L']);
    assert.deepEqual(back.enter(4, { side: 'S', price: 50, quantity: 10 }), [
      'A[4] S q10 p50 L',
      'D[4] -10 10 at 23000 R',
    ]);
    venue.exchange.orders.check();
    for (const { book } of venue.exchange.books.list) book.check();
    venue.advance(1000);
    assert.deepEqual(venue.logIn('BOB', { sequence: 5 }).news(), ['C[2] -100 L']);
  });

  test('goes on from the last time that it told, when its clock was set back', () => {
    const { venue } = stored();
    const state = venue.exchange.freeze();
    const again = new TestVenue(optionsOf(), (exchange) => exchange.restore(state), venue.nowMs - 2000);
    assert.equal(again.exchange.clock.nowMs, venue.nowMs);
  });

  test('withdraws with S what has no book or no trader in the settings any more', () => {
    const { again } = stored(1000);
    const { venue } = optionsOf();
    const [first] = venue.books;
    const venueWithout = again({ venue: { ...venue, books: [first ?? assert.fail()] } });
    const alice = venueWithout.logIn('ALICE', { sequence: 5 });
    assert.deepEqual(alice.news(), ['C[2] -100 S']);
    assert.deepEqual(alice.enter(90, { book: '7203' }), ['J[90] S']);
    assert.equal(venueWithout.exchange.figures().books, 2);
    const traders = venue.traders.filter(({ user }) => user !== 'ALICE');
    const without = again({ venue: { ...venue, traders } });
    assert.equal(without.logIn('ALICE').refusal, 'A');
    assert.equal(without.exchange.figures().openOrders, 1, 'only that of BOB is left');
  });

  test('knows the orders of numbered books by what they meant then', () => {
    const { again } = stored();
    const { venue } = optionsOf();
    const books = venue.books.map((book) => ({ ...book, number: book.number === 4422 ? 7203 : 4422 }));
    const renumbered = again({ venue: { ...venue, books }, isRawCancelOnDisconnect: false });
    const [book] = renumbered.exchange.books.select({ id: '4422', group: 'DAY' });
    assert.deepEqual(book?.book.levels(true, 9), [{ price: 40, quantity: 100, orders: 1 }]);
    const raw = renumbered.connectRaw();
    raw.enter(1, { book: 7203, price: 41 });
    assert.equal(book?.book.bestBid, 41);
  });
});

describe('operators', () => {
  test('withdraw orders of a user, of a book, or all', () => {
    const venue = new TestVenue();
    const [alice, bob] = [venue.logIn('ALICE'), venue.logIn('BOB')];
    for (const trader of [alice, bob]) {
      trader.send(enterOf(1), enterOf(2, { book: '7203' }), enterOf(3, { group: 'NGHT' }));
      trader.news();
    }
    const cancel = (selection: object) => venue.turn((exchange) => exchange.cancelAll(selection));
    assert.equal(cancel({ user: 'alice', id: '4422', group: 'DAY' }), 1);
    assert.deepEqual(alice.news(), ['C[1] -100 S']);
    assert.equal(cancel({ id: '7203' }), 2);
    assert.equal(cancel({ user: 'NOBODY' }), undefined);
    assert.equal(cancel({}), 3);
    assert.deepEqual(alice.news(), ['C[2] -100 S', 'C[3] -100 S']);
    assert.deepEqual(bob.news(), ['C[2] -100 S', 'C[1] -100 S', 'C[3] -100 S']);
  });

  test('open and close the day, once each', () => {
    const venue = new TestVenue();
    assert.equal(venue.turn((exchange) => exchange.openDay()).isChanged, false);
    const closed = venue.turn((exchange) => exchange.closeDay());
    assert.deepEqual({ ...closed, session: '' }, { isChanged: true, state: 'before-open', session: '' });
    assert.equal(venue.turn((exchange) => exchange.closeDay()).isChanged, false);
    const opened = venue.turn((exchange) => exchange.openDay());
    assert.deepEqual(opened, { isChanged: true, state: 'open', session: closed.session });
  });

  test('see figures', () => {
    const venue = new TestVenue();
    const [alice, bob] = [venue.logIn('ALICE'), venue.logIn('BOB')];
    alice.enter(1);
    bob.send(enterOf(1, { side: 'S', quantity: 30 }), enterOf(2, { price: 0 }));
    venue.turn((exchange) => exchange.halt({ id: '7203' }));
    bob.leave();
    assert.deepEqual(venue.exchange.figures(), {
      state: 'open',
      session: venue.exchange.session,
      books: 4,
      halted: 2,
      accounts: 2,
      connected: 1,
      openOrders: 1,
      accepted: 2,
      rejected: 1,
      trades: 1,
      ignored: {},
    });
    const [book] = venue.exchange.books.select({ id: '4422', group: 'DAY ' });
    assert.equal(book?.lastPrice, 23_000);
    assert.equal(book?.volume, 30);
    assert.equal(book?.trades.count, 1);
    assert.deepEqual(book?.trades.at(0), {
      date: 20260731,
      counter: 1,
      price: 23_000,
      quantity: 30,
      isBuy: false,
      timeMs: venue.nowMs,
    });
  });
});
