import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ClientFrame, encodeFrame, FRAME } from '../../../src/protocol/api/frames.ts';
import { DESK_ADDRESS } from '../../../src/protocol/desk.ts';
import type { ApiSettings, ServiceSettings } from '../../../src/protocol/host-task.ts';
import { startApi } from '../../../workers/api/api-service.ts';
import { type AskedOfMain, TestHosts } from '../../support/actors.ts';
import { USERS_SETTINGS } from '../../support/users-settings.ts';

const SETTINGS: ApiSettings = {
  limits: { frameBytes: 65_536, requests: 4, streams: 2, idleMs: 60_000 },
  operatorToken: 'the token',
  server: 'outcry/0',
  isSignInAsked: false,
};
const SERVICES: ServiceSettings = {
  bank: { lineLengthMax: 1024, accountsMax: 16, uploadsMax: 16, hashKey: [1, 2] },
  users: USERS_SETTINGS,
  lobby: {
    clientsMax: 3,
    messageBytesMax: 256,
    isPutAllowed: true,
    fileBytesMax: 1000,
    isSignInAsked: false,
  },
};
const CLIENT = 4;
const FULL_SIZE = 10;

function createHosts(): TestHosts {
  const makeSession = startApi(SETTINGS, SERVICES);
  return new TestHosts({ createSession: (_, connection) => makeSession(connection) });
}

function open(
  hosts: TestHosts,
  options: { readonly address?: string; readonly isReplacement?: true } = {},
): void {
  const { address = '127.0.0.1:1000', ...rest } = options;
  const common = { type: 'open', service: 'api', localAddress: '', sinceMs: 0 } as const;
  hosts.main.command({ ...common, connection: CLIENT, remoteAddress: address, ...rest });
  hosts.settle();
}

function send(hosts: TestHosts, ...frames: readonly ClientFrame[]): void {
  hosts.main.sendFrames(CLIENT, Buffer.concat(frames.map(encodeFrame)));
  hosts.settle();
}

/** What the client has been sent, as far as it is text. */
const textOf = (hosts: TestHosts) => hosts.main.written.get(CLIENT) ?? '';
const isClosed = (hosts: TestHosts) => hosts.main.closed.has(CLIENT);

describe('ApiSession > the token of operators', () => {
  const counts = ['127.0.0.1:1', '127.9.9.9:65535', '::1:5000', '::ffff:127.0.0.1:80', 'in-process'];
  const never = [
    '10.0.0.1:1',
    '::1:2:5000',
    '::2:1',
    '::ffff:10.0.0.1:127',
    '1127.0.0.1:1',
    'in-process:1',
    'unknown',
  ];
  for (const [addresses, isAdmitted] of [
    [counts, true],
    [never, false],
  ] as const) {
    for (const address of addresses) {
      test(`${isAdmitted ? 'counts' : 'counts for nothing'} at ${address}`, () => {
        const hosts = createHosts();
        open(hosts, { address });
        send(hosts, [FRAME.hello, { protocol: 1, token: 'the token' }]);
        assert.equal(isClosed(hosts), !isAdmitted);
        assert.equal(textOf(hosts).includes('ERR_API_DENIED'), !isAdmitted);
      });
    }
  }
});

describe('ApiSession', () => {
  test('that takes the place of a lost one says so and closes, whatever comes', () => {
    const hosts = createHosts();
    open(hosts, { isReplacement: true });
    assert.match(textOf(hosts), /ERR_HOST_LOST.*connect again/s);
    assert.ok(isClosed(hosts));
    send(hosts, [FRAME.hello, { protocol: 1 }]);
    assert.equal(hosts.main.inFlight, 0);
  });

  test('of an unknown length of frame closes without reading behind it', () => {
    const hosts = createHosts();
    open(hosts);
    hosts.main.sendFrames(CLIENT, Uint8Array.of(255, 255, 255, 255));
    hosts.settle();
    assert.match(textOf(hosts), /a frame of 4294967295 bytes is longer than 65536/);
    assert.ok(isClosed(hosts));
    assert.deepEqual(hosts.main.ignored.get(CLIENT), [{ 'bad-frame': 1 }]);
  });

  test('shows no control characters of its client in the log or in the list of connections', () => {
    const hosts = createHosts();
    open(hosts);
    send(hosts, [FRAME.hello, { protocol: 1, name: '\u001b[31mAnn\u0007' }]);
    assert.equal(hosts.main.users.get(CLIENT), 'Ann');
  });

  test('whose client has not said hello says so when the server closes, in place of an event', () => {
    const hosts = createHosts();
    open(hosts);
    hosts.main.command({ type: 'closing', message: 'so long' });
    hosts.settle();
    assert.match(textOf(hosts), /ERR_API_CLOSING/);
    assert.doesNotMatch(textOf(hosts), /so long/);
    assert.ok(hosts.main.closed.has(CLIENT));
  });

  test('answers what it can when nothing can be stored, and keeps its streams', () => {
    const hosts = createHosts();
    open(hosts);
    send(
      hosts,
      [FRAME.hello, { protocol: 1, token: 'the token' }],
      [FRAME.request, 1, 'admin.status', {}, 1000, null],
      [FRAME.request, 2, 'lobby.get', { name: 'a' }, 1000, null],
    );
    hosts.system.tellStoreFailed();
    hosts.settle();
    assert.equal(textOf(hosts).match(/ERR_STORE_WRITE/g)?.length, 2, 'an event, and the answer');
    assert.match(textOf(hosts), /trouble/);
    const [status, file] = hosts.main.asked as [AskedOfMain, AskedOfMain];
    status.reply({ tardy: true });
    file.reply({ name: 'a', mark: '', size: 0, sha256: 'the hash' });
    hosts.settle();
    assert.doesNotMatch(textOf(hosts), /tardy/);
    assert.match(textOf(hosts), /the hash/);
  });
});

describe('ApiSession > an upload', () => {
  const item = (bytes: number): ClientFrame => [FRAME.items, 1, [new Uint8Array(bytes)]];

  function begin(): TestHosts {
    const hosts = createHosts();
    open(hosts);
    const params = { name: 'file', size: FULL_SIZE };
    send(hosts, [FRAME.hello, { protocol: 1 }], [FRAME.request, 1, 'lobby.put', params, 60_000, null]);
    return hosts;
  }

  const asked = (hosts: TestHosts) =>
    hosts.main.asked.map(({ message }) => (message as { type: string }).type);
  const told = (hosts: TestHosts) => hosts.main.told.map(({ address, message }) => [address, message]);

  function answer(hosts: TestHosts, value: unknown): void {
    hosts.main.asked.at(-1)?.reply(value);
    hosts.settle();
  }

  test('takes items within the credit that the server gives, and answers behind the last', () => {
    const hosts = begin();
    answer(hosts, 'the part');
    send(hosts, item(4), item(6), [FRAME.end, 1]);
    answer(hosts, null);
    answer(hosts, null);
    assert.deepEqual(asked(hosts), ['begin-put', 'append-put', 'append-put', 'finish-put']);
    answer(hosts, { size: FULL_SIZE, sha256: 'the hash' });
    assert.match(textOf(hosts), /the hash/);
    assert.deepEqual(told(hosts), []);
  });

  test('is not given credit by its client', () => {
    const hosts = begin();
    answer(hosts, 'the part');
    send(hosts, [FRAME.credit, 1, 1_000_000]);
    assert.match(textOf(hosts), /credit came for what sends no items/);
    assert.ok(isClosed(hosts));
    assert.deepEqual(told(hosts), [[DESK_ADDRESS, { type: 'abandon-put', part: 'the part' }]]);
  });

  test('of more items than there is credit for closes the connection', () => {
    const hosts = begin();
    answer(hosts, 'the part');
    send(hosts, item(1), item(1), item(1), item(1), item(1));
    assert.match(textOf(hosts), /items came that no credit was given for/);
    assert.ok(isClosed(hosts));
  });

  test('may be ended before it is open', () => {
    const hosts = begin();
    send(hosts, [FRAME.end, 1]);
    answer(hosts, 'the part');
    assert.match(textOf(hosts), /ERR_FILE_SIZE/);
    assert.deepEqual(told(hosts), [[DESK_ADDRESS, { type: 'abandon-put', part: 'the part' }]]);
  });

  test('whose client is gone before it is open leaves no part behind', () => {
    const hosts = begin();
    hosts.main.command({ type: 'closed', connection: CLIENT, reason: '', isCutOff: false });
    hosts.settle();
    answer(hosts, 'the part');
    assert.deepEqual(told(hosts), [[DESK_ADDRESS, { type: 'abandon-put', part: 'the part' }]]);
    assert.ok(isClosed(hosts));
  });

  test('whose client half-closes has all there will be', () => {
    const hosts = begin();
    answer(hosts, 'the part');
    send(hosts, item(3));
    hosts.main.command({ type: 'ended', connection: CLIENT });
    hosts.settle();
    answer(hosts, null);
    assert.match(textOf(hosts), /ERR_FILE_SIZE/);
    assert.ok(isClosed(hosts));
  });
});
