/** The lobby over real sockets, with the clients of the original system byte for byte, and others. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { resolveConfig } from '../../src/config.ts';
import { USERS_ADDRESS, type UsersCommand } from '../../src/protocol/users.ts';
import { Server } from '../../src/server.ts';
import { type ServerProcess, startOutcry } from '../support/server-process.ts';
import { temporaryFolder } from '../support/stored-bank.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

interface Lobby {
  readonly server: Server;
  readonly port: number;
  /** The folder whose files are served. */
  readonly files: string;
  readonly log: readonly string[];
}

async function startLobby(
  t: TestContext,
  flags: Readonly<Record<string, string>> = {},
  data?: string,
): Promise<Lobby> {
  const files = join(temporaryFolder(t), 'files');
  const log: string[] = [];
  const sink = { write: (line: string) => log.push((JSON.parse(line) as { msg: string }).msg) };
  const server = await Server.start({
    services: ['lobby'],
    config: resolveConfig({
      file: null,
      environment: {},
      flags: { 'lobby-port': '0', 'lobby-files-folder': files, ...flags },
    }),
    log: pino({ level: 'info' }, sink),
    dataFolder: data,
    onFatal: (error) => assert.fail(error),
  });
  t.after(() => server.stop());
  return { server, port: server.services[0]?.port ?? 0, files, log };
}

/** Sends a message and waits until all that was received is what it was before and `reply`. */
async function says(client: TestClient, message: string, reply: string | RegExp): Promise<string> {
  const before = client.text.length;
  client.send(message);
  const received = () => client.text.slice(before);
  await until(
    `${JSON.stringify(message)} is answered with ${reply}, not ${JSON.stringify(received())}`,
    () => (typeof reply === 'string' ? received() === reply : reply.test(received())),
  );
  return received();
}

async function enter(port: number, name: string): Promise<TestClient> {
  const client = await TestClient.connect(port);
  await client.receives(name);
  assert.equal(client.text, name);
  return client;
}

const TIME = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{6}';

function statusOf(
  port: number,
  clients: readonly { readonly name: string; readonly isHere: boolean }[],
): RegExp {
  const texts = clients.map(
    ({ name, isHere }) =>
      `\nClient Name: ${name}\nClient Address: \\('127\\.0\\.0\\.1', ${port}\\)\n` +
      `Client Connection Time: ${TIME}\nClient Disconnect Time: ${isHere ? 'None' : TIME}\n-{20}\n`,
  );
  return new RegExp(`^${texts.join('')}$`);
}

describe('the lobby and the clients of the original system', () => {
  test('they talk as they always have, byte for byte', async (t) => {
    const { port, files, log } = await startLobby(t);
    mkdirSync(files);
    for (const name of ['tester2.txt', 'tester1.txt', '.hidden']) writeFileSync(join(files, name), name);
    const one = await enter(port, 'Client1');
    await says(one, 'Client1: list', '\nFiles: tester1.txt | tester2.txt | ');
    await says(one, 'Client1: status', statusOf(port, [{ name: 'Client1', isHere: true }]));
    await says(one, 'Client1: Hello', 'Hello ACK');
    await says(one, 'Client1: ', ' ACK');
    const two = await enter(port, 'Client2');
    await says(two, 'Client2: Test', 'Test ACK');
    const both = [
      { name: 'Client1', isHere: true },
      { name: 'Client2', isHere: true },
    ];
    await says(two, 'Client2: status', statusOf(port, both));
    const before = two.text;
    two.send('Client2: bye');
    await two.isLetGo();
    assert.equal(two.text, before, 'bye is acknowledged with the close alone');
    const oneLeft = [
      { name: 'Client1', isHere: true },
      { name: 'Client2', isHere: false },
    ];
    const status = await says(one, 'Client1: status', statusOf(port, oneLeft));
    await says(one, 'Client1: häßlich 漢字', Buffer.from('häßlich 漢字 ACK').toString('latin1'));
    one.send('Client1: bye');
    await one.isLetGo();
    const [since, until] = [...status.matchAll(/(?:Connection|Disconnect) Time: (2.*)/g)].slice(1);
    const of = (name: string) => log.filter((line) => line.startsWith(name));
    assert.deepEqual(of('Client2'), [
      `Client2 has connected to the server. Created at: ${since?.[1]}`,
      'Client2: Test',
      'Client2: status',
      'Client2: bye',
      `Client2 has disconnected at: ${until?.[1]}`,
    ]);
    assert.equal(of('Client1')[3], 'Client1: Hello');
  });

  test('the fourth of three is rejected, and let in when there is room', async (t) => {
    const { port } = await startLobby(t);
    const clients = [
      await enter(port, 'Client1'),
      await enter(port, 'Client2'),
      await enter(port, 'Client3'),
    ];
    const rejected = await TestClient.connect(port);
    await rejected.isLetGo();
    assert.equal(rejected.text, 'Server full, rejecting connection');
    clients[1]?.send('Client2: bye');
    await clients[1]?.isLetGo();
    const next = await enter(port, 'Client4');
    clients[0]?.reset();
    await until('the place of a client that broke off is free', async () => {
      const client = await TestClient.connect(port);
      await until('it is answered', () => client.text.length > 0);
      client.reset();
      return client.text === 'Client5';
    });
    await says(next, 'Client4: still here', 'still here ACK');
  });

  test("their messages end with a pause, and others' with a newline", async (t) => {
    const { port } = await startLobby(t);
    const client = await enter(port, 'Client1');
    await says(client, 'one\r\ntwo\nthree', 'one ACK\ntwo ACK\nthree ACK');
    await says(client, 'four\n', 'four ACK\n');
  });

  test('they are told when the server shuts down, and closed', async (t) => {
    const { server, port } = await startLobby(t);
    const [one, two] = [await enter(port, 'Client1'), await enter(port, 'Client2')];
    await says(two, 'hello\n', 'hello ACK\n');
    await server.drain();
    assert.ok(one.text.endsWith('Client1Server is shutting down'));
    assert.ok(two.text.endsWith('hello ACK\nServer is shutting down\n'));
    await Promise.all([one.isLetGo(), two.isLetGo()]);
  });
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('a lobby whose clients sign in', () => {
  const FIRST = 'Sign in first: signin NAME PASSWORD';

  test('lets in who is right, and forgets nobody when its threads end', async (t) => {
    const flags = { 'server-hosts': '3', 'users-sign-in-services': 'lobby', 'users-scrypt-cost': '16384' };
    const lobby = await startLobby(t, flags, temporaryFolder(t));
    const add: UsersCommand = { type: 'add', name: 'khtn', password: Buffer.from('a b'), role: 'user' };
    await lobby.server.hosts.ask(USERS_ADDRESS, add, 10_000);
    const client = await TestClient.connect(lobby.port);
    await says(client, 'Hello\n', `${FIRST}\n`);
    await says(client, 'signin khtn a\n', 'ERROR the user name or the password is wrong\n');
    await says(client, 'signin khtn a b\n', 'Client1');
    await says(client, 'Client1: Hello\n', 'Hello ACK\n');
    for (let host = 0; host < 3; host++) {
      await killThread(lobby, host);
      await until('it is answered', async () => {
        const before = client.text.length;
        client.send(`${host}\n`);
        await until('something comes', () => client.text.length > before);
        return client.text.slice(before).includes(`${host} ACK\n`);
      });
    }
    const disable: UsersCommand = { type: 'set-disabled', name: 'khtn', isDisabled: true };
    await until('the directory knows of the session again', async () => {
      await lobby.server.hosts.ask(USERS_ADDRESS, disable, 10_000);
      return client.isDropped;
    });
    assert.match(client.text, /You were signed out: .*\n$/);
    assert.ok(lobby.log.includes('Client1 has signed in as khtn'));
    assert.doesNotMatch(lobby.log.join('\n'), /a b/);
  });
});

describe('files over the lobby', () => {
  const PUT = { 'lobby-is-put-allowed': 'true', 'lobby-file-bytes-max': '4000000' };

  test('are got as they are, and put as they are sent', async (t) => {
    const { port, files } = await startLobby(t, PUT);
    const content = randomBytes(3_000_001);
    const client = await enter(port, 'Client1');
    await says(client, `put big file.bin ${content.length}\n`, `SEND ${content.length}\n`);
    const before = client.text.length;
    client.send(content);
    client.send('after\n');
    const stored = `STORED big file.bin ${content.length} SHA-256 ${sha256(content)}\n`;
    await client.receives(`${stored}after ACK\n`);
    assert.equal(client.text.slice(before), `${stored}after ACK\n`);
    assert.deepEqual(readdirSync(files), ['big file.bin']);
    assert.ok(readFileSync(join(files, 'big file.bin')).equals(content));
    const start = client.text.length;
    client.send('get big file.bin\nafter\n');
    const head = `SIZE ${content.length} SHA-256 ${sha256(content)}\n`;
    const end = start + head.length + content.length + 'after ACK\n'.length;
    await until('all of it is there', () => client.receivedBytes >= end);
    const bytes = Buffer.from(client.text.slice(start), 'latin1');
    assert.equal(bytes.subarray(0, head.length).toString(), head);
    assert.ok(bytes.subarray(head.length, -'after ACK\n'.length).equals(content));
  });

  test('leave nothing when they stop halfway', async (t) => {
    const { port, files } = await startLobby(t, { ...PUT, 'lobby-clients-max': '10' });
    const isEmpty = () => readdirSync(files).length === 0;
    const ways: readonly ((client: TestClient) => void)[] = [
      (client) => client.reset(),
      (client) => client.socket.destroy(),
      (client) => client.end(),
    ];
    for (const [i, leave] of ways.entries()) {
      const client = await enter(port, `Client${i + 1}`);
      await says(client, 'put a.bin 1000000\n', 'SEND 1000000\n');
      client.send(Buffer.alloc(300_000));
      await until('a part of it is written', () => !isEmpty());
      leave(client);
      await until('nothing is left of it', isEmpty);
    }
  });

  test('have names that lead nowhere else, and are never replaced', async (t) => {
    const { port, files } = await startLobby(t, PUT);
    mkdirSync(files);
    writeFileSync(join(files, '..', 'secret'), 'secret');
    writeFileSync(join(files, 'a'), 'a');
    symlinkSync('../secret', join(files, 'link'));
    symlinkSync('/dev/zero', join(files, 'zero'));
    const client = await enter(port, 'Client1');
    for (const name of ['../secret', '/etc/passwd', '..\\secret', '.', '..', '.hidden', 'a\x1b[2J', 'a\0']) {
      await says(client, `get ${name}\n`, /^ERROR a name is 1 to 255 bytes, [\x20-\x7e]*\n$/);
      await says(client, `put ${name} 5\n`, /^ERROR a name is 1 to 255 bytes, [\x20-\x7e]*\n$/);
    }
    for (const name of ['link', 'zero', '%2e%2e%2fsecret', 'none']) {
      await says(client, `get ${name}\n`, `ERROR no file here is called ${name}\n`);
    }
    await says(client, 'put a 5\n', 'ERROR there is a a already, and no file is replaced\n');
    await says(client, 'put b 4000001\n', /^ERROR b has 4000001 bytes; files here have 4000000 at most\n$/);
    await says(client, 'list\n', '\nFiles: a | \n');
    assert.deepEqual(readdirSync(files).sort(), ['a', 'link', 'zero']);
  });

  test('are not taken unless that is allowed', async (t) => {
    const { port, files } = await startLobby(t);
    const client = await enter(port, 'Client1');
    await says(
      client,
      'put a 5\n',
      /^ERROR this server takes no files; its setting lobby\.is_put_allowed is false\n$/,
    );
    await says(client, 'list\n', '\nFiles: \n');
    assert.throws(() => readdirSync(files));
  });

  test('are got to their end while the server shuts down', async (t) => {
    const { server, port, files } = await startLobby(t, { 'drain-silent-seconds': '1' });
    mkdirSync(files);
    const content = randomBytes(20_000_000);
    writeFileSync(join(files, 'a'), content);
    const client = await enter(port, 'Client1');
    client.socket.pause();
    client.send('get a\n');
    await until('the kernel is full', () => client.socket.bytesRead < 10_000_000);
    const drained = server.drain();
    client.socket.resume();
    await drained;
    await client.isLetGo();
    const { text } = client;
    const bytes = Buffer.from(text.slice(text.indexOf('\n') + 1), 'latin1');
    assert.ok(bytes.subarray(0, content.length).equals(content));
    assert.equal(bytes.subarray(content.length).toString(), 'Server is shutting down\n');
  });
});

describe('what one client of the lobby sends', () => {
  test('reaches others and the log without control characters', async (t) => {
    const { port, log } = await startLobby(t);
    const [one, two] = [await enter(port, 'Client1'), await enter(port, 'Client2')];
    await says(one, 'say \x1b[31mred\x1b[0m \x07\x9b2J\u202etxt.exe\t!\n', 'Said to 1 other\n');
    await two.receives('Client1 says: red txt.exe !');
    assert.equal(two.text, 'Client2Client1 says: red \ufffdtxt.exe !'.replace('\ufffd', ''));
    assert.ok(log.includes('Client1: say red txt.exe !'), log.join('\n'));
    assert.doesNotMatch(log.join(''), /\p{Cc}/u);
  });

  test('is bounded, however it comes', async (t) => {
    const { port } = await startLobby(t, { 'lobby-message-bytes-max': '256' });
    const [one, two] = [await enter(port, 'Client1'), await enter(port, 'Client2')];
    for (let i = 0; i < 100; i++) one.send('x'.repeat(100_000));
    await one.receives('ERROR a message has 256 bytes at most');
    await says(one, 'short', 'short ACK');
    one.send('a\n'.repeat(100_000));
    await until('all are answered', () => one.text.endsWith('a ACK\n'.repeat(100_000)));
    await says(two, 'Client2: hello', 'hello ACK');
  });
});

describe('many clients of the lobby', () => {
  test('come and go, each with a name of its own, and the last are told of', async (t) => {
    const CLIENTS = 2000;
    const { port, server } = await startLobby(t, { 'lobby-clients-max': '4000' });
    const names = new Set<string>();
    const startMs = performance.now();
    const visit = async () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const [name] = await once(socket, 'data');
      names.add(String(name));
      socket.write('bye\n');
      await once(socket, 'end');
      socket.destroy();
    };
    for (let i = 0; i < CLIENTS; i += 200) await Promise.all(Array.from({ length: 200 }, visit));
    const seconds = (performance.now() - startMs) / 1000;
    t.diagnostic(`${CLIENTS} came and went in ${seconds.toFixed(1)} s`);
    assert.equal(names.size, CLIENTS);
    assert.ok(names.has(`Client${CLIENTS}`));
    const last = await enter(port, `Client${CLIENTS + 1}`);
    const status = await says(last, 'status\n', /Disconnect Time: None\n-{20}\n$/);
    assert.match(status, /^\n\(1,001 earlier clients are left out\)\n\nClient Name: Client1002\n/);
    assert.equal(status.match(/None/g)?.length, 1);
    await server.drain();
  });
});

async function killThread({ server, log }: Lobby, index: number): Promise<void> {
  const replaced = () => log.filter((line) => line.endsWith('was replaced')).length;
  const before = replaced();
  server.hosts.pool.threads[index]?.terminate();
  await until('the host is replaced', () => replaced() > before);
}

describe('a lobby that breaks', () => {
  for (const isDurable of [false, true]) {
    test(`keeps its clients and their names when its threads end (${isDurable ? 'durable' : 'in memory'})`, async (t) => {
      const data = isDurable ? temporaryFolder(t) : undefined;
      const lobby = await startLobby(t, { 'server-hosts': '3', 'lobby-clients-max': '6' }, data);
      const clients: TestClient[] = [];
      for (let i = 1; i <= 6; i++) clients.push(await enter(lobby.port, `Client${i}`));
      for (let host = 0; host < 3; host++) {
        await killThread(lobby, host);
        for (const [i, client] of clients.entries()) {
          const before = client.text.length;
          await until('it is answered', async () => {
            client.send(`Client${i + 1}: ${host}\n`);
            await until('something comes', () => client.text.length > before);
            return client.text.slice(before).includes(`${host} ACK\n`);
          });
        }
        await until('it is full again', async () => {
          const next = await TestClient.connect(lobby.port);
          await next.isLetGo();
          return next.text === 'Server full, rejecting connection';
        });
      }
      clients[0]?.send('bye\n');
      await clients[0]?.isLetGo();
      const next = await enter(lobby.port, 'Client7');
      const status = await says(
        next,
        'status\n',
        /Client Name: Client7\n.*\n.*\nClient Disconnect Time: None\n-{20}\n$/,
      );
      const here = [...status.matchAll(/Client Name: (\w+)\n.*\n.*\nClient Disconnect Time: None/g)];
      assert.deepEqual(
        here.map(([, name]) => name),
        ['Client2', 'Client3', 'Client4', 'Client5', 'Client6', 'Client7'],
      );
    });
  }

  test('knows after a kill who was there before, and gives no name again', async (t) => {
    const folder = temporaryFolder(t);
    const before = await serve(t, folder);
    const [one, two] = [await enter(before.port, 'Client1'), await enter(before.port, 'Client2')];
    two.send('bye\n');
    await two.isLetGo();
    await says(one, 'put a.bin 5\n', 'SEND 5\n');
    one.send('hel');
    await until('a part is there', () => readdirSync(join(folder, 'files')).length === 1);
    before.signal('SIGKILL');
    await before.exited();
    const after = await serve(t, folder);
    const three = await enter(after.port, 'Client3');
    const clients = ['Client1', 'Client2', 'Client3'].map((name) => ({ name, isHere: name === 'Client3' }));
    await says(three, 'Client3: status', statusOf(after.port, clients));
    assert.deepEqual(readdirSync(join(folder, 'files')), []);
    three.send('Client3: bye');
    await three.isLetGo();
    assert.equal((await after.interrupted()).code, 0);
    const verify = await startOutcry(t, ['data', 'verify', join(folder, 'data')]).exited();
    assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  });
});

/** `outcry serve` with all in `folder`. */
async function serve(t: TestContext, folder: string): Promise<ServerProcess> {
  const ports = ['bank', 'lobby', 'api'].flatMap((service) => [`--${service}-port`, '0']);
  const files = ['--lobby-files-folder', join(folder, 'files'), '--lobby-is-put-allowed', 'true'];
  const args = ['serve', '--data', join(folder, 'data'), '--log-level', 'warn', ...ports, ...files];
  return startOutcry(t, args).listening(/lobby.*127\.0\.0\.1:(\d+)/);
}
