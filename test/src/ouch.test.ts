/** Both doors of the exchange over real sockets. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect } from '../../clients/index.ts';
import { resolveConfig } from '../../src/config.ts';
import { EXCHANGE_ADDRESS } from '../../src/protocol/exchange.ts';
import { encodeClientPacket, type LoginAccepted } from '../../src/protocol/soupbintcp/packets.ts';
import { Server } from '../../src/server.ts';
import { hostIndexOf } from '../../src/values/address.ts';
import { Random } from '../../workers/runtime/random.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { createLogRecorder, type LogRecorder } from '../support/log-recorder.ts';
import { order, packetOf, Trader } from '../support/order-client.ts';
import { temporaryFolder } from '../support/stored-bank.ts';
import { resetNow, TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const TRADERS = 60;
/** With a password of his own: whatever becomes of his login, it is nobody else's. */
const LONER = { user: 'LONER', password: 'ALONE' };

interface Floor {
  readonly server: Server;
  readonly port: number;
  readonly rawPort: number;
  readonly recorder: LogRecorder;
}

async function openFloor(flags: Readonly<Record<string, string>> = {}, data?: string): Promise<Floor> {
  const recorder = createLogRecorder();
  const traders = Array.from({ length: TRADERS }, (_, i) => ({ user: `T${i}`, password: 'OUTCRY' }));
  const server = await Server.start({
    services: ['ouch', 'ouch-raw', 'api'],
    config: resolveConfig({
      file: null,
      environment: {},
      flags: {
        'ouch-port': '0',
        'ouch-raw-port': '0',
        'api-port': '0',
        'gold-providers': 'none',
        ...flags,
      },
      venue: { traders: [...traders, LONER] },
    }),
    log: recorder.log,
    dataFolder: data,
    onFatal: (error) => assert.fail(error),
  });
  const portOf = (service: string) => server.services.find(({ name }) => name === service)?.port ?? 0;
  return { server, port: portOf('ouch'), rawPort: portOf('ouch-raw'), recorder };
}

async function floorFor(
  t: TestContext,
  flags?: Readonly<Record<string, string>>,
  data?: string,
): Promise<Floor> {
  const floor = await openFloor(flags, data);
  t.after(() => floor.server.stop());
  return floor;
}

describe('a trading floor', () => {
  let floor: Floor;
  let traders = 0;

  before(async () => {
    floor = await openFloor({ 'server-hosts': '2' });
  });
  after(() => floor.server.stop());

  /** The name of a trader whom no other test knows. */
  function newUser(): string {
    assert.ok(traders < TRADERS);
    return `T${traders++}`;
  }

  async function enter(user = newUser()): Promise<Trader> {
    const trader = await Trader.connect(floor.port);
    assert.equal((await trader.logIn(user)).type, 'login-accepted');
    return trader;
  }

  function closes(): string[] {
    return floor.recorder.entries.flatMap(({ msg }) => (msg.includes('closed') ? [msg] : []));
  }

  test('is where two trade with each other', async () => {
    const seller = await enter();
    const buyer = await enter();
    const priceTenths = 7_000_000;
    seller.send(order({ token: 1, side: 'S', priceTenths }));
    assert.deepEqual(await seller.hears(2), ['S', 'A1 L']);
    buyer.send(order({ token: 7, quantity: 60, priceTenths: priceTenths + 5 }));
    assert.deepEqual(await buyer.hears(3), ['S', 'A7 L', 'E7 60@7000000 R']);
    assert.deepEqual((await seller.hears(3)).slice(2), ['E1 60@7000000 A']);
    seller.send(
      {
        type: 'replace',
        existingToken: 1,
        replacementToken: 2,
        quantity: 140,
        priceTenths,
        timeInForce: 99_999,
        display: ' ',
        minimumQuantity: 0,
      },
      { type: 'cancel', token: 1, quantity: 0 },
      { type: 'cancel', token: 2, quantity: 0 },
    );
    assert.deepEqual((await seller.hears(5)).slice(3), ['U2 q80 L', 'C2 80 U']);
    assert.deepEqual(seller.debugs.length, 1);
  });

  test('takes a session cut at any byte', async () => {
    const request = encodeClientPacket({
      type: 'login-request',
      user: newUser(),
      password: 'outcry',
      requestedSession: '',
      sequence: 0,
    });
    const bytesOf = (token: number) =>
      Buffer.concat([
        packetOf(order({ token, priceTenths: 10 })),
        encodeClientPacket({ type: 'client-heartbeat' }),
        packetOf({ type: 'cancel', token, quantity: 0 }),
        encodeClientPacket({ type: 'logout-request' }),
      ]);
    const count = bytesOf(0).length;
    for (let cut = 1; cut <= count; cut++) {
      // Within the process each write is a chunk of its own.
      const trader = new Trader(floor.server.connect('ouch'));
      trader.stream.write(request.subarray(0, Math.min(cut, 48)));
      trader.stream.write(request.subarray(Math.min(cut, 48)));
      await until('the login is answered', () => trader.packets.length > 0);
      trader.stream.write(bytesOf(cut).subarray(0, cut));
      if (cut < count) trader.stream.write(bytesOf(cut).subarray(cut));
      await trader.isClosed();
      assert.deepEqual(trader.gists.slice(-2), [`A${cut} L`, `C${cut} 100 U`], `cut at ${cut}`);
    }
  });

  test('takes a session byte by byte', async () => {
    const trader = new Trader(floor.server.connect('ouch'));
    const request = encodeClientPacket({
      type: 'login-request',
      user: newUser(),
      password: 'OUTCRY',
      requestedSession: '',
      sequence: 1,
    });
    for (const byte of request) trader.stream.write(Uint8Array.of(byte));
    await trader.hears(1);
    for (const byte of packetOf(order({ priceTenths: 10 }))) trader.stream.write(Uint8Array.of(byte));
    assert.deepEqual(await trader.hears(2), ['S', 'A1 L']);
  });

  test('takes thousands of orders in one piece, and answers them in their order', async () => {
    const trader = await enter();
    const orders = Array.from({ length: 5000 }, (_, i) => order({ token: i, priceTenths: 10 }));
    trader.send(...orders);
    const gists = await trader.hears(5001);
    assert.deepEqual(gists, ['S', ...orders.map(({ token }) => `A${token} L`)]);
    trader.write({ type: 'logout-request' });
    await trader.isClosed();
  });

  test('tells who comes back what he has missed, byte for byte', async () => {
    const user = newUser();
    const first = await enter(user);
    first.send(order({ token: 1, priceTenths: 10 }), order({ token: 2, priceTenths: 10 }));
    await first.hears(3);
    resetNow(first.stream as Socket);
    const again = await enter(user);
    assert.deepEqual(await again.hears(5), ['S', 'A1 L', 'A2 L', 'C1 100 L', 'C2 100 L']);
    assert.deepEqual(again.sequenced.slice(0, 3), first.sequenced);
    again.write({ type: 'logout-request' });
    const { session } = again.packets[0] as LoginAccepted;
    const third = await Trader.connect(floor.port);
    const accepted = await third.logIn(user, { requestedSession: session, sequence: 4 });
    assert.deepEqual(accepted, { type: 'login-accepted', session, sequence: 4 });
    assert.deepEqual(await third.hears(2), ['C1 100 L', 'C2 100 L']);
  });

  test('lets nobody in with a wrong password, or to a session that is not', async () => {
    const user = newUser();
    for (const { request, reason } of [
      { request: { password: 'OUTCRY1' }, reason: 'A' },
      { request: { user: 'NOBODY' }, reason: 'A' },
      { request: { requestedSession: 'GONE' }, reason: 'S' },
    ]) {
      const trader = await Trader.connect(floor.port);
      assert.deepEqual(await trader.logIn(user, request), { type: 'login-rejected', reason });
      assert.equal(trader.debugs.length, 1);
      await trader.isClosed();
    }
    const trader = await Trader.connect(floor.port);
    assert.equal((await trader.logIn(user, { password: 'outcry' })).type, 'login-accepted');
  });

  test('has one connection for an account, the newest, and withdraws nothing when it changes', async () => {
    const user = newUser();
    const first = await enter(user);
    first.send(order({ priceTenths: 10 }));
    await first.hears(2);
    const second = await enter(user);
    await first.isClosed();
    assert.match(first.debugs.join(), /another connection/);
    // What the first one still says has no effect.
    first.send(order({ token: 9, priceTenths: 10 }));
    second.send({ type: 'cancel', token: 1, quantity: 0 });
    assert.deepEqual(await second.hears(3), ['S', 'A1 L', 'C1 100 U']);
  });

  test('survives a hundred who want the same account, and leaves it to one', async () => {
    const user = newUser();
    const all = await Promise.all(Array.from({ length: 100 }, () => enter(user)));
    await until('one is left', () => all.filter(({ isLetGo }) => !isLetGo).length === 1);
    const last = all.find(({ isLetGo }) => !isLetGo) as Trader;
    last.send(order({ priceTenths: 10 }));
    assert.deepEqual(await last.hears(2), ['S', 'A1 L']);
  });

  test('answers who half-closes, and closes then', async () => {
    const trader = await enter();
    trader.stream.end(packetOf(order({ priceTenths: 10 })));
    await trader.isClosed();
    assert.deepEqual(trader.gists, ['S', 'A1 L']);
  });

  test('answers what was sent before a logout, and takes nothing behind it', async () => {
    const user = newUser();
    const trader = await enter(user);
    const logout = encodeClientPacket({ type: 'logout-request' });
    const packets = [
      packetOf(order({ priceTenths: 10 })),
      logout,
      packetOf(order({ token: 2, priceTenths: 10 })),
    ];
    trader.stream.write(Buffer.concat(packets));
    await trader.isClosed();
    assert.deepEqual(trader.gists, ['S', 'A1 L']);
    const again = await enter(user);
    again.send(order({ token: 3, priceTenths: 10 }));
    assert.deepEqual(await again.hears(4), ['S', 'A1 L', 'C1 100 L', 'A3 L']);
  });

  test('keeps what a slow reader has not taken, while others trade, and leaves out nothing', async () => {
    const slow = await enter();
    slow.stream.pause();
    const count = 30_000;
    const quick = await enter();
    for (let token = 0; token < count; token += 1000) {
      const orders = Array.from({ length: 1000 }, (_, i) => order({ token: token + i, priceTenths: 10 }));
      slow.send(...orders);
      quick.send(order({ token, priceTenths: 10 }), { type: 'cancel', token, quantity: 0 });
      await quick.hears(3 + (token / 1000) * 2);
    }
    slow.stream.resume();
    const gists = await slow.hears(count + 1);
    assert.deepEqual(
      gists.slice(1),
      Array.from({ length: count }, (_, token) => `A${token} L`),
    );
    slow.write({ type: 'logout-request' });
    await slow.isClosed();
  });

  test('lets no flipped bit of one disturb another', async () => {
    const random = new Random(fuzzSeed());
    const witness = await enter();
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.concat([
        encodeClientPacket({
          type: 'login-request',
          ...LONER,
          requestedSession: '',
          sequence: 0,
        }),
        packetOf(order({ token: 10 * round, priceTenths: 10 + round })),
        packetOf({ type: 'cancel', token: 10 * round, quantity: 0 }),
        encodeClientPacket({ type: 'debug', text: 'hello' }),
        encodeClientPacket({ type: 'logout-request' }),
      ]);
      const at = random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      const client = await TestClient.connect(floor.port);
      client.send(bytes.subarray(0, 49));
      await until('the login is answered', () => client.receivedBytes > 0 || client.isDropped || at < 49);
      client.end(bytes.subarray(49));
      await client.isLetGo();
      witness.send(order({ token: round, priceTenths: 20 }), { type: 'cancel', token: round, quantity: 0 });
    }
    const expected = Array.from({ length: 150 }, (_, token) => [`A${token} L`, `C${token} 100 U`]);
    assert.deepEqual(await witness.hears(301), ['S', ...expected.flat()]);
    assert.deepEqual(
      floor.recorder.entries.filter(({ level }) => level === 'error'),
      [],
    );
  });

  test('closes who does not keep to the protocol, and logs why', async () => {
    const trader = await Trader.connect(floor.port);
    trader.send(order({}));
    await trader.isClosed();
    assert.deepEqual(trader.debugs, ['it sent data before it had logged in']);
    await until('the close is logged', () => closes().some((line) => /data before it had/.test(line)));
    const long = await enter();
    long.stream.write(Buffer.concat([packetOf(order({ priceTenths: 10 })), Buffer.from('ffff55', 'hex')]));
    await long.isClosed();
    assert.deepEqual(long.gists, ['S', 'A1 L']);
    await until('the close is logged', () => closes().some((line) => /of a length that/.test(line)));
  });

  test('tells who is kicked why', async () => {
    const user = newUser();
    const trader = await enter(user);
    const api = floor.server.services.find(({ name }) => name === 'api');
    const client = await connect({ port: api?.port ?? 0, token: floor.server.operatorToken });
    const { sessions } = await client.admin.sessions();
    const session = sessions.find(
      (each) => each.service === 'ouch' && each.user === user && each.untilMs === null,
    );
    await client.admin.kick(session?.connection ?? 0, 'out of hours');
    await client.close();
    await trader.isClosed();
    assert.deepEqual(trader.debugs, ['kicked by an operator: out of hours']);
    const again = await Trader.connect(floor.port);
    assert.equal((await again.logIn(user)).type, 'login-accepted');
  });
});

describe('the raw door', () => {
  /** As the original client sends them: text is padded with NULs, the order book is a number. */
  const ENTER =
    '4f00000000736f6d657468696e670042000000c8000000034441590000000ca20001869f000000005041000000003133';
  const REPLACE = '5500000000000000050000007300000cb20001869f5000000000';
  const CANCEL = '5800000005fffffff6';

  test('serves the original client byte for byte', async (t) => {
    const { rawPort } = await floorFor(t);
    const client = await TestClient.connect(rawPort);
    const hex = () => Buffer.from(client.text, 'latin1').toString('hex');
    const replies = async (bytes: number) => {
      await until(`${bytes} bytes`, () => client.receivedBytes === bytes);
      return hex();
    };
    assert.match(await replies(10), /^53.{16}53$/);
    client.send(Buffer.from(ENTER, 'hex'));
    const accepted =
      /41.{16}00000000736f6d657468696e670042000000c8000000034441590000000ca20001869f000000005041.{16}000000004c3133$/;
    assert.match(await replies(75), accepted);
    client.send(Buffer.from(ENTER, 'hex'));
    client.send(Buffer.from(REPLACE, 'hex'));
    assert.match(
      await replies(127),
      /55.{16}0000000542000000730000000344415[94]..00000cb20001869f50.{16}000000004c00000000$/,
    );
    client.send(Buffer.from(CANCEL, 'hex'));
    assert.match(await replies(145), /43.{16}000000050000007355$/);
    client.end();
    await client.isLetGo();
  });

  test('takes messages cut anywhere, and many at once', async (t) => {
    const { server } = await floorFor(t);
    const bytes = Buffer.from(ENTER + CANCEL.replace('00000005', '00000000'), 'hex');
    for (let cut = 1; cut < bytes.length; cut++) {
      const stream = server.connect('ouch-raw');
      let received = 0;
      stream.on('data', (chunk: Uint8Array) => {
        received += chunk.length;
      });
      stream.write(bytes.subarray(0, cut));
      await nextTurn();
      stream.write(bytes.subarray(cut));
      await until('all is answered', () => received === 10 + 65 + 18);
      stream.destroy();
    }
    const client = await TestClient.connect(
      server.services.find(({ name }) => name === 'ouch-raw')?.port ?? 0,
    );
    const many = Array.from({ length: 2000 }, (_, token) => {
      const message = Buffer.from(ENTER, 'hex');
      message.writeUInt32BE(token, 1);
      return message;
    });
    client.send(Buffer.concat(many));
    await until('all are accepted', () => client.receivedBytes === 10 + 2000 * 65);
    client.reset();
  });

  test('answers what comes with the end of the input', async (t) => {
    const { rawPort } = await floorFor(t);
    const client = TestClient.open(rawPort);
    client.end(Buffer.from(ENTER, 'hex'));
    await client.isLetGo();
    assert.equal(client.receivedBytes, 75);
  });

  test('answers all that came before the end of the input, however much it is', async (t) => {
    const { rawPort } = await floorFor(t);
    const client = TestClient.open(rawPort);
    const orders = Array.from({ length: 20_000 }, (_, token) => {
      const bytes = Buffer.from(ENTER, 'hex');
      bytes.writeUInt32BE(token, 1);
      return bytes;
    });
    client.end(Buffer.concat(orders));
    await client.isLetGo();
    assert.equal(client.receivedBytes, 10 + 20_000 * 65);
  });

  test('turns the event round where that is wanted', async (t) => {
    const { rawPort } = await floorFor(t, { 'ouch-raw-is-event-inverted': 'true' });
    const client = await TestClient.connect(rawPort);
    await until('the event', () => client.receivedBytes === 10);
    assert.equal(client.text.at(-1), 'E');
    client.reset();
  });

  test('closes who sends what is none, behind the answers', async (t) => {
    const { rawPort, recorder } = await floorFor(t);
    const client = await TestClient.connect(rawPort);
    client.send(Buffer.from(`${ENTER}5a`, 'hex'));
    await client.isLetGo();
    assert.equal(client.receivedBytes, 75);
    await until('the close is logged', () =>
      recorder.entries.some(({ msg }) => /of a type that is none/.test(msg)),
    );
  });
});

describe('the times of a floor', () => {
  test('are those of its settings', async (t) => {
    const flags = {
      'ouch-heartbeat-milliseconds': '20',
      'ouch-idle-seconds': '1',
      'ouch-login-seconds': '1',
    };
    const { port, recorder } = await floorFor(t, flags);
    const stranger = await Trader.connect(port);
    const silent = await Trader.connect(port);
    await silent.logIn('T0');
    const alive = await Trader.connect(port);
    await alive.logIn('T1');
    const timer = setInterval(() => alive.write({ type: 'client-heartbeat' }), 200);
    t.after(() => clearInterval(timer));
    await Promise.all([stranger.isClosed(), silent.isClosed()]);
    assert.ok(silent.heartbeats >= 10, `${silent.heartbeats} heartbeats`);
    assert.ok(!alive.isLetGo);
    assert.deepEqual(
      [stranger.debugs, silent.debugs],
      [['nobody has logged in for 1 s'], ['silent for 1 s']],
    );
    await until(
      'both are logged',
      () => recorder.entries.filter(({ closed }) => closed !== undefined).length >= 2,
    );
  });
});

describe('a floor whose worker threads end', () => {
  test('lets the traders go, who come back and have lost nothing', async (t) => {
    const data = temporaryFolder(t);
    const { server, port, recorder } = await floorFor(t, { 'server-hosts': '2' }, data);
    const traders = await Promise.all(Array.from({ length: 6 }, () => Trader.connect(port)));
    for (const [i, trader] of traders.entries()) {
      await trader.logIn(`T${i}`);
      trader.send(order({ priceTenths: 10 }));
      await trader.hears(2);
    }
    const home = hostIndexOf(EXCHANGE_ADDRESS, 2);
    for (const [count, host] of [home, 1 - home].entries()) {
      const open = { type: 'open', connection: 0, remoteAddress: '', localAddress: '', sinceMs: 0 } as const;
      // Nobody catches what a host throws that is asked for a service it has not.
      server.hosts.links[host]?.command({ ...open, service: 'none' });
      const replaced = () => recorder.entries.filter(({ msg }) => /^host \d was replaced$/.test(msg)).length;
      await until('the host is replaced', () => replaced() === count + 1);
      if (host !== home) break;
      await Promise.all(traders.map((trader) => trader.isClosed()));
      for (const [i, trader] of traders.entries()) {
        const again = await Trader.connect(port);
        await again.logIn(`T${i}`);
        assert.deepEqual(await again.hears(3), ['S', 'A1 L', 'C1 100 L']);
        assert.deepEqual(again.sequenced.slice(0, 2), trader.sequenced);
        traders[i] = again;
      }
    }
    // Those whose sessions were elsewhere have noticed nothing.
    const isElsewhere = (trader: Trader) => !trader.isLetGo;
    await until('some were let go', () => traders.filter(isElsewhere).length < traders.length);
    for (const trader of traders.filter(isElsewhere)) {
      const before = trader.sequenced.length;
      trader.send(order({ token: 5, priceTenths: 10 }));
      assert.equal((await trader.hears(before + 1)).at(-1), 'A5 L');
    }
  });
});

describe('a floor that closes', () => {
  test('answers what was sent, ends no session, and goes on with it when it opens again', async (t) => {
    const folder = temporaryFolder(t);
    const first = await openFloor({}, folder);
    const trader = await Trader.connect(first.port);
    const accepted = (await trader.logIn('T0')) as LoginAccepted;
    trader.send(...Array.from({ length: 500 }, (_, token) => order({ token, priceTenths: 10 })));
    await trader.hears(2);
    await first.server.drain('good night');
    await trader.isClosed();
    await first.server.stop();
    assert.deepEqual(trader.debugs, ['good night']);
    assert.ok(trader.packets.every(({ type }) => type !== 'end-of-session'));
    const heard = trader.gists;
    assert.deepEqual(heard, ['S', ...Array.from({ length: heard.length - 1 }, (_, token) => `A${token} L`)]);

    const second = await floorFor(t, {}, folder);
    const again = await Trader.connect(second.port);
    const { session } = (await again.logIn('T0')) as LoginAccepted;
    assert.equal(session, accepted.session);
    const total = 1 + 2 * (heard.length - 1);
    await again.hears(total);
    assert.deepEqual(again.sequenced.slice(0, heard.length), trader.sequenced);
    assert.deepEqual(
      again.gists.slice(heard.length).sort(),
      heard
        .slice(1)
        .map((gist) => `C${gist.slice(1, -2)} 100 L`)
        .sort(),
    );
  });

  test('keeps nothing on the way that nobody needs', async (t) => {
    const { server, port } = await openFloor();
    t.after(() => server.stop());
    const traders = await Promise.all(Array.from({ length: 20 }, () => Trader.connect(port)));
    await Promise.all(traders.map((trader, i) => trader.logIn(`T${i}`)));
    for (const [i, trader] of traders.entries()) {
      trader.send(order({ priceTenths: 10 }));
      if (i % 2 === 0) resetNow(trader.stream as Socket);
    }
    await server.drain();
    await server.stop();
    assert.deepEqual(server.hosts.deadLetters, {});
  });
});
