import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ExchangeCommand } from '../../../src/protocol/exchange.ts';
import { FLOW } from '../../../src/protocol/link.ts';
import { encodeClientPacket, encodeServerPacket } from '../../../src/protocol/soupbintcp/packets.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { accountOf, ExchangeHosts, type ExchangeHostsOptions } from '../../support/exchange-hosts.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const LOGIN = encodeClientPacket({
  type: 'login-request',
  user: 'Alice',
  password: 'Secret',
  requestedSession: '',
  sequence: 1,
});
const ALIVE = encodeClientPacket({ type: 'client-heartbeat' });
const LOGOUT = encodeClientPacket({ type: 'logout-request' });
const CHAT = encodeClientPacket({ type: 'debug', text: 'hello' });
const HEARTBEAT = Buffer.from(encodeServerPacket({ type: 'server-heartbeat' }));
const END = Buffer.from(encodeServerPacket({ type: 'end-of-session' }));

/** The client is not read on before its login is answered. */
const LOGIN_FLOW = [FLOW.pauseInput, FLOW.resumeInput];

function data(text: string): Uint8Array {
  return encodeClientPacket({ type: 'unsequenced', message: Buffer.from(text) });
}

function sequenced(text: string): Buffer {
  return Buffer.from(encodeServerPacket({ type: 'sequenced', message: Buffer.from(text) }));
}

function debug(text: string): Buffer {
  return Buffer.from(encodeServerPacket({ type: 'debug', text }));
}

/** What the exchange is handed of packets of the client. */
function entry(client: number, ...packets: readonly Uint8Array[]): string {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(accountOf(client), 0);
  head.writeUInt32LE(client, 4);
  return Buffer.concat([head, ...packets]).toString('hex');
}

function left(client: number): ExchangeCommand {
  return { type: 'left', account: accountOf(client), connection: client };
}

/** With client 1 logged in. */
function withTrader(options?: ExchangeHostsOptions): ExchangeHosts {
  const floor = new ExchangeHosts(options);
  floor.open(1);
  floor.send(1, LOGIN);
  floor.takeHeard();
  return floor;
}

describe('a trader who logs in', () => {
  test('is asked about at the exchange, as he has said it, and accepted', () => {
    const floor = new ExchangeHosts({ orderbookForm: 'uint32' });
    assert.equal(floor.open(1).length, 0);
    const request = encodeClientPacket({
      type: 'login-request',
      user: 'alice',
      password: 'pass word',
      requestedSession: 'SESS01',
      sequence: 17,
    });
    const accepted = '001f4120202020534553533031202020202020202020202020202020202020';
    assert.equal(floor.send(1, request).toString('hex'), `${accepted}3137`);
    assert.deepEqual(floor.heard, [
      {
        type: 'log-in',
        user: 'alice',
        password: 'pass word',
        requestedSession: 'SESS01',
        sequence: 17,
        form: 'uint32',
        client: { address: 'ouch/1', connection: 1 },
      },
    ]);
    assert.equal(floor.main(1).users.get(1), 'ALICE');
    assert.equal(floor.main(1).frames.get(1), 1);
  });

  test('may come from another host than that of the exchange', () => {
    const floor = new ExchangeHosts({ hosts: 2 });
    const client = floor.farClient;
    floor.open(client);
    assert.equal(floor.send(client, LOGIN)[2], 0x41);
    floor.takeHeard();
    floor.send(client, data('order'));
    assert.deepEqual(floor.heard, [entry(client, data('order'))]);
    assert.deepEqual(
      floor.say(client, { type: 'sequenced', bytes: sequenced('x'), isPage: false }),
      sequenced('x'),
    );
  });

  for (const reason of ['A', 'S'] as const) {
    test(`is told ${reason} when he is refused, and why, and closed`, () => {
      const floor = new ExchangeHosts({ onLogin: () => ({ type: 'login-refused', reason, text: 'no' }) });
      floor.open(1);
      const rejected = Buffer.from(encodeServerPacket({ type: 'login-rejected', reason }));
      assert.deepEqual(floor.send(1, LOGIN), Buffer.concat([debug('no'), rejected]));
      assert.equal(floor.closeOf(1), `its login was refused: ${reason}`);
    });
  }

  test('is refused when his sequence number is none', () => {
    const floor = new ExchangeHosts({ isDebugOn: false });
    floor.open(1);
    const request = Uint8Array.from(LOGIN);
    request[48] = 0x78;
    assert.equal(floor.send(1, request).toString('hex'), '00024a53');
    assert.equal(floor.closeOf(1), 'its login was refused: S');
    assert.deepEqual(floor.heard, []);
  });

  test('may say that he is there before, and what he likes', () => {
    const floor = new ExchangeHosts();
    floor.open(1);
    assert.equal(floor.send(1, ALIVE, CHAT).length, 0);
    assert.equal(floor.send(1, LOGIN)[2], 0x41);
    assert.deepEqual(floor.main(1).ignored.get(1), [{ debug: 1 }]);
  });

  test('leaves again when he has gone meanwhile', () => {
    const floor = new ExchangeHosts({ onLogin: () => undefined });
    floor.open(1);
    floor.send(1, LOGIN);
    floor.gone(1);
    assert.equal(floor.closeOf(1), undefined);
    floor.takeHeard();
    floor.say(1, {
      type: 'logged-in',
      account: accountOf(1),
      session: 'S',
      sequence: 1,
      lastSequence: 0,
      lastToken: -1,
    });
    assert.deepEqual(floor.heard, [left(1)]);
    assert.equal(floor.closeOf(1), '');
  });
});

describe('the packets of a trader', () => {
  test('go on as they came, many at once, those that are none for the exchange left out', () => {
    const floor = withTrader();
    const packets = ['one', 'two', '', 'four'].map(data);
    floor.send(1, Buffer.concat(packets));
    floor.send(1, Buffer.concat([ALIVE, ...packets, ALIVE, data('five'), ALIVE]));
    assert.deepEqual(floor.takeHeard(), [entry(1, ...packets), entry(1, ...packets, data('five'))]);
    floor.send(1, Buffer.concat([ALIVE, ALIVE]));
    assert.deepEqual(floor.heard, []);
    assert.equal(floor.main(1).frames.get(1), 1 + 4 + 8 + 2);
  });

  test('are answered with what the exchange says', () => {
    const floor = withTrader();
    const bytes = Buffer.concat([sequenced('a'), sequenced('bc')]);
    assert.deepEqual(floor.say(1, { type: 'sequenced', bytes, isPage: false }), bytes);
    assert.deepEqual(floor.say(1, { type: 'ignored', text: 'no\x07pe' }), debug('nope'));
    assert.deepEqual(floor.main(1).flows.get(1), LOGIN_FLOW);
  });

  test('are not explained where that is not wanted', () => {
    const floor = withTrader({ isDebugOn: false });
    assert.equal(floor.say(1, { type: 'ignored', text: 'nope' }).length, 0);
  });

  for (const { kind, packet, reason } of [
    { kind: 'a second login', packet: LOGIN, reason: 'it sent a second login' },
    {
      kind: 'no type',
      packet: Uint8Array.of(0, 0),
      reason: 'it sent a packet of a length that is not allowed',
    },
    {
      kind: 'too many bytes, of which only the length is handed on',
      packet: Uint8Array.of(255, 255),
      reason: 'it sent a packet of a length that is not allowed',
    },
    {
      kind: 'a type of a server',
      packet: sequenced('x'),
      reason: 'it sent a packet of a type that is none of a client',
    },
    {
      kind: 'a type that nobody knows',
      packet: Uint8Array.of(0, 1, 0),
      reason: 'it sent a packet of a type that is none of a client',
    },
  ]) {
    test(`end with ${kind}: what came before counts, what comes behind does not`, () => {
      const floor = withTrader();
      floor.farewell = { type: 'sequenced', bytes: sequenced('done'), isPage: false };
      const sent = floor.send(1, Buffer.concat([data('before'), packet, data('after')]));
      assert.deepEqual(floor.heard, [entry(1, data('before')), left(1)]);
      assert.deepEqual(sent, Buffer.concat([debug(reason), sequenced('done')]));
      assert.equal(floor.closeOf(1), reason);
      assert.deepEqual(floor.main(1).ignored.get(1), [{ 'bad-packet': 1 }]);
    });
  }

  test('before the login close the connection', () => {
    const floor = new ExchangeHosts();
    floor.open(1);
    floor.send(1, Buffer.concat([data('order'), LOGIN]));
    assert.equal(floor.closeOf(1), 'it sent data before it had logged in');
    assert.deepEqual(floor.heard, []);
  });

  test('before the answer to the login are handed on behind it', () => {
    const floor = new ExchangeHosts();
    floor.open(1);
    const sent = floor.send(1, Buffer.concat([LOGIN, data('order')]), data('more'));
    assert.equal(sent[2], 0x41);
    assert.equal(floor.closeOf(1), undefined);
    assert.deepEqual(floor.heard.slice(1), [entry(1, data('order')), entry(1, data('more'))]);
  });

  test('with a logout before the answer to the login come behind Login Accepted', () => {
    const floor = new ExchangeHosts();
    floor.open(1);
    const sent = floor.send(1, Buffer.concat([LOGIN, data('order'), LOGOUT, data('too late')]));
    assert.equal(sent[2], 0x41);
    assert.equal(floor.closeOf(1), '');
    assert.deepEqual(floor.heard.slice(1), [entry(1, data('order')), left(1)]);
  });

  test('of a login with a byte too few close it', () => {
    const floor = new ExchangeHosts();
    floor.open(1);
    const short = Uint8Array.from(LOGIN.subarray(0, 48));
    short[1] = 46;
    floor.send(1, short);
    assert.equal(floor.closeOf(1), 'it sent a login that is none');
  });

  test('never make the session fail, whatever is in them', () => {
    const random = new Random(fuzzSeed());
    for (let round = 0; round < 300; round++) {
      const floor = new ExchangeHosts();
      floor.open(1);
      const packets = Array.from({ length: random.below(8) }, () => {
        const packet = Uint8Array.from(random.pick([LOGIN, ALIVE, CHAT, LOGOUT, data('some data')]));
        if (random.chance(0.3)) {
          const at = 2 + random.below(packet.length - 2);
          packet[at] = (packet[at] as number) ^ (1 << random.below(8));
        }
        return packet;
      });
      floor.send(1, random.chance(0.5) ? LOGIN : ALIVE, Buffer.concat([ALIVE, ...packets]));
      floor.gone(1);
      assert.deepEqual([floor.hosts.errors, floor.hosts.system.deadLetters.counts], [[], {}]);
      assert.notEqual(floor.closeOf(1), undefined);
    }
  });
});

describe('the times of a session', () => {
  test('a trader hears something at least every second, and no heartbeat where that is something else', () => {
    const floor = withTrader();
    floor.hosts.live(999);
    assert.equal(floor.sent(1).length, 0);
    floor.hosts.live(1);
    assert.deepEqual(floor.sent(1), HEARTBEAT);
    floor.hosts.live(600);
    floor.say(1, { type: 'sequenced', bytes: sequenced('x'), isPage: false });
    floor.hosts.live(999);
    assert.equal(floor.sent(1).length, 0);
    floor.hosts.live(1);
    assert.deepEqual(floor.sent(1), HEARTBEAT);
    floor.hosts.live(3000);
    assert.deepEqual(floor.sent(1), Buffer.concat([HEARTBEAT, HEARTBEAT, HEARTBEAT]));
  });

  test('one who says nothing for fifteen seconds is closed', () => {
    const floor = withTrader();
    floor.hosts.live(14_000);
    floor.send(1, CHAT);
    floor.hosts.live(14_999);
    assert.equal(floor.closeOf(1), undefined);
    floor.hosts.live(1);
    assert.equal(floor.closeOf(1), 'silent for 15 s');
    assert.deepEqual(floor.heard, [left(1)]);
  });

  test('one who does not log in within thirty seconds is closed, whatever else he says', () => {
    const floor = new ExchangeHosts();
    floor.open(1);
    floor.hosts.live(20_000);
    floor.send(1, ALIVE);
    floor.hosts.live(9999);
    assert.equal(floor.closeOf(1), undefined);
    floor.hosts.live(1);
    assert.equal(floor.closeOf(1), 'nobody has logged in for 30 s');
  });

  test('one who waits for the exchange is not to blame', () => {
    const floor = new ExchangeHosts({ onLogin: () => undefined });
    floor.open(1);
    floor.send(1, LOGIN);
    floor.hosts.live(60_000);
    assert.equal(floor.closeOf(1), undefined);
    const accepted = {
      type: 'logged-in',
      account: accountOf(1),
      session: 'S',
      sequence: 1,
      lastSequence: 0,
      lastToken: -1,
    } as const;
    assert.equal(floor.say(1, accepted)[2], 0x41);
    floor.hosts.live(14_999);
    assert.equal(floor.closeOf(1), undefined);
  });

  test('a host that stood still does not count that as silence', () => {
    const floor = withTrader();
    floor.hosts.advance(60_000);
    assert.equal(floor.closeOf(1), undefined);
    assert.deepEqual(floor.sent(1), HEARTBEAT);
    floor.hosts.live(15_000);
    assert.equal(floor.closeOf(1), 'silent for 15 s');
  });

  test('one timer is all that a session needs, however much is said', () => {
    const floor = withTrader();
    const sent: Buffer[] = [];
    for (let i = 0; i < 1000; i++) {
      const dueMs = floor.hosts.nextDueMs();
      sent.push(floor.send(1, data('x')));
      assert.equal(floor.hosts.nextDueMs(), dueMs);
      floor.hosts.live(1);
    }
    assert.deepEqual(Buffer.concat([...sent, floor.sent(1)]), HEARTBEAT);
  });
});

describe('a page of messages', () => {
  test('is asked after: the exchange hears when the client has taken it', () => {
    const floor = withTrader();
    assert.deepEqual(
      floor.say(1, { type: 'sequenced', bytes: sequenced('x'), isPage: true }),
      sequenced('x'),
    );
    assert.deepEqual(floor.main(1).flows.get(1), [...LOGIN_FLOW, FLOW.pauseInput, FLOW.tellDrained]);
    assert.deepEqual(floor.heard, []);
    floor.drained(1);
    assert.deepEqual(floor.heard, [{ type: 'page-taken', account: accountOf(1), connection: 1 }]);
  });
});

describe('a session ends', () => {
  test('at once with a logout, behind what was said before', () => {
    const floor = withTrader();
    floor.farewell = { type: 'sequenced', bytes: sequenced('last'), isPage: false };
    const sent = floor.send(1, Buffer.concat([data('a'), LOGOUT, data('b')]), data('c'));
    assert.deepEqual(floor.heard, [entry(1, data('a')), left(1)]);
    assert.deepEqual(sent, sequenced('last'));
    assert.equal(floor.closeOf(1), '');
  });

  test('with a logout that comes before any login', () => {
    const floor = new ExchangeHosts();
    floor.open(1);
    floor.send(1, LOGOUT);
    assert.deepEqual([floor.closeOf(1), floor.heard], ['', []]);
  });

  for (const { kind, isHeardOut, end } of [
    { kind: 'half-closed', isHeardOut: true, end: (floor: ExchangeHosts) => floor.ended(1) },
    {
      kind: 'told of the shutdown',
      isHeardOut: false,
      end: (floor: ExchangeHosts) => floor.command(1, { type: 'closing', message: 'bye' }),
    },
  ]) {
    test(`in order when the connection is ${kind}: what was answered before is sent`, () => {
      const floor = withTrader();
      floor.farewell = { type: 'sequenced', bytes: sequenced('last'), isPage: false };
      end(floor);
      const hearOut = { ...left(1), type: 'hear-out' };
      assert.deepEqual(floor.heard, isHeardOut ? [hearOut, left(1)] : [left(1)]);
      assert.deepEqual(floor.sent(1).subarray(-7), sequenced('last'));
      assert.equal(floor.closeOf(1), '');
    });
  }

  test('when the connection is gone: nothing is sent, and nothing is a dead letter', () => {
    const floor = withTrader({ hosts: 2 });
    floor.farewell = { type: 'sequenced', bytes: sequenced('last'), isPage: true };
    floor.gone(1);
    assert.deepEqual(floor.heard, [left(1)]);
    assert.equal(floor.sent(1).length, 0);
    assert.equal(floor.closeOf(1), '');
    assert.deepEqual(
      floor.hosts.systems.map((system) => system.deadLetters.counts),
      [{}, {}],
    );
  });

  test('with the reason of the operator who kicks it, which the client is told', () => {
    const floor = withTrader();
    floor.command(1, { type: 'kick', connection: 1, reason: 'enough' });
    assert.deepEqual(floor.sent(1), debug('enough'));
    assert.equal(floor.closeOf(1), 'enough');
    assert.deepEqual(floor.heard, [left(1)]);
  });

  test('with as much of what an operator says as fits a packet', () => {
    const floor = withTrader();
    floor.command(1, { type: 'closing', message: 'x'.repeat(100_000) });
    assert.deepEqual(floor.sent(1), debug('x'.repeat(1000)));
    assert.deepEqual([floor.closeOf(1), floor.hosts.errors], ['', []]);
  });

  test('when another connection takes the account over, of which the exchange need not be told', () => {
    const floor = withTrader();
    const reason = 'another connection has logged in';
    assert.deepEqual(floor.say(1, { type: 'dismissed', reason }), debug(reason));
    assert.deepEqual([floor.closeOf(1), floor.heard], [reason, []]);
  });

  for (const notice of [{ type: 'dismissed', reason: 'another' }, { type: 'session-ended' }] as const) {
    test(`when it was leaving and is ${notice.type} on the way: the answer of the exchange finds it`, () => {
      const floor = withTrader({ hosts: 2 });
      const client = floor.farClient;
      floor.open(client);
      floor.send(client, LOGIN);
      floor.farewell = notice;
      floor.gone(client);
      assert.equal(floor.closeOf(client), '');
      assert.deepEqual(
        floor.hosts.systems.map((system) => system.deadLetters.counts),
        [{}, {}],
      );
    });
  }

  test('with the day, and says so', () => {
    const floor = withTrader();
    assert.deepEqual(floor.say(1, { type: 'session-ended' }), END);
    assert.deepEqual([floor.closeOf(1), floor.heard], ['', []]);
  });

  test('when the exchange is lost: the client comes back and goes on', () => {
    const floor = withTrader({ hosts: 2 });
    const client = floor.farClient;
    floor.open(client);
    floor.send(client, LOGIN);
    floor.replace(1 - floor.hostOf(client));
    assert.equal(floor.closeOf(client), 'the exchange was lost');
  });

  test('when it was lost itself: the client comes back as well', () => {
    const floor = new ExchangeHosts();
    floor.open(1, { isReplacement: true });
    assert.deepEqual([floor.closeOf(1), floor.heard], ['the worker thread that served it ended', []]);
  });
});

describe('a client whose answers can not be stored', () => {
  test('is told so, whether it has logged in or not', () => {
    const floor = withTrader();
    floor.open(2);
    floor.hosts.system.tellStoreFailed();
    floor.hosts.settle();
    const text = 'nothing can be stored at the moment; answers come when there is room again';
    assert.deepEqual([floor.sent(1), floor.sent(2)], [debug(text), debug(text)]);
  });
});
