/**
 * Passwords and what else stands for somebody: whatever people type and whatever goes wrong, they are in no log, no output,
 * no dead letter and no file. What is stored of a password is its hash by scrypt.
 */
import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { type Client, connect } from '../../clients/index.ts';
import { resolveConfig } from '../../src/config.ts';
import { FRAME } from '../../src/protocol/api/frames.ts';
import { USERS_ADDRESS } from '../../src/protocol/users.ts';
import { Server } from '../../src/server.ts';
import { hostIndexOf, toAddress } from '../../src/values/address.ts';
import { messageOf, type OutcryError } from '../../src/values/errors.ts';
import { runOutcry } from '../clients/cli/outcry-process.ts';
import { GoldStub } from '../support/gold-stubs.ts';
import { isReplaced, kill, type Started } from '../support/mortal-hosts.ts';
import { ApiClient } from '../support/raw-api-client.ts';
import { type ServerProcess, startOutcry } from '../support/server-process.ts';
import { temporaryFolder } from '../support/stored-bank.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** Every password of these tests begins with it. */
const MARK = 'Sesame7q';
const KEY = 'k3yOfBtmc';

/** How the text may stand among bytes: as it is, in UTF-16, in hexadecimal, as numbers, and within base64. */
function formsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const hex = bytes.toString('hex');
  const within = [0, 1, 2].map((pad) => {
    const coded = Buffer.concat([Buffer.alloc(pad), bytes]).toString('base64');
    return coded.slice(Math.ceil((8 * pad) / 6), Math.floor((8 * (pad + bytes.length)) / 6));
  });
  return [
    text,
    Buffer.from(text, 'utf16le').toString('latin1'),
    hex,
    hex.toUpperCase(),
    (hex.match(/../g) ?? []).join(' '),
    [...bytes].join(','),
    [...bytes].join(', '),
    ...within,
    ...within.map((part) => part.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

/** The places in which any of `texts` is found. */
function placesOf(texts: readonly string[], places: Readonly<Record<string, string>>): readonly string[] {
  const forms = texts.flatMap(formsOf);
  return Object.entries(places)
    .filter(([, content]) => forms.some((form) => content.includes(form)))
    .map(([place]) => place);
}

/** All files below the folder, as Latin-1. */
function filesIn(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
  return Object.fromEntries(files.map((path) => [path, readFileSync(path, 'latin1')]));
}

/** Types lines, each of which is answered. */
async function talk(port: number, lines: readonly string[]): Promise<string> {
  const client = await TestClient.connect(port);
  await until('it is welcomed', () => client.text.includes('Welcome'));
  for (const line of lines) {
    const before = client.text.length;
    client.send(`${line}\n`);
    await until(`${line} is answered`, () => /\n\n$/.test(client.text.slice(before)));
  }
  client.end();
  await until('it is let go', () => client.hasEnded);
  return client.text;
}

/** In headers: what the original client sends. */
function framed(text: string): string {
  return `${String(Buffer.byteLength(text)).padEnd(64)}${text}`;
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('it is not refused'),
    (thrown: Error) => thrown,
  );
  return error.message;
}

interface StoredHash {
  readonly parameters: { readonly N: number; readonly r: number; readonly p: number };
  readonly salt: string;
  readonly hash: string;
}

/** The export has these users, with hashes of these passwords by scrypt. */
function assertHashed(exported: string, passwords: Readonly<Record<string, string>>): void {
  const events = exported.split('\n').filter((line) => line.includes('"created"'));
  const salts = new Set<string>();
  for (const [name, password] of Object.entries(passwords)) {
    const line = events.find((event) => event.includes(`"${name}"`)) ?? assert.fail(`${name} is not stored`);
    const { parameters, salt, hash } = findHash(JSON.parse(line)) ?? assert.fail(`no hash in ${line}`);
    const { N, r, p } = parameters;
    const made = scryptSync(password, Buffer.from(salt, 'base64'), 32, { N, r, p, maxmem: 256 * N * r });
    assert.equal(made.toString('base64'), hash, `${name} has another password`);
    salts.add(salt);
  }
  assert.equal(salts.size, Object.keys(passwords).length, 'each has a salt of its own');
}

function findHash(value: unknown): StoredHash | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if ('parameters' in value && 'salt' in value && 'hash' in value) return value as StoredHash;
  return Object.values(value)
    .map(findHash)
    .find((found) => found !== undefined);
}

function startServe(t: TestContext, stub: GoldStub): Promise<ServerProcess> {
  stub.answerWith('status-500');
  const variables = {
    OUTCRY_BANK_PORT: '0',
    OUTCRY_GOLD_PORT: '0',
    OUTCRY_GOLD_PROVIDERS: 'btmc',
    OUTCRY_GOLD_BTMC_URL: stub.url,
    OUTCRY_GOLD_BTMC_KEY: KEY,
    OUTCRY_USERS_SIGN_IN_SERVICES: 'gold lobby',
    OUTCRY_USERS_SCRYPT_COST: '16384',
    OUTCRY_LOG_LEVEL: 'trace',
    // Snapshots are written, too.
    OUTCRY_DATA_SNAPSHOT_BYTES: '4096',
  };
  return startOutcry(t, ['serve'], { variables }).listening(/^bank +127\.0\.0\.1:(\d+) .*nc /m);
}

function portOf(server: ServerProcess, service: string): number {
  return Number(new RegExp(`^${service} +127\\.0\\.0\\.1:(\\d+)`, 'm').exec(server.stdout)?.[1]);
}

/** Returns a token that is still good. */
async function useApi(port: number, seen: Record<string, string>): Promise<string> {
  const client = await connect({ port });
  const { users } = client;
  await users.signUp('carol', `${MARK} carol`);
  const refused = [
    () => users.signIn('carol', `${MARK} wrong`),
    () => users.signUp('carol', `${MARK} taken`),
    () => users.signUp('no name', MARK),
    () => users.signUp('x'.repeat(100), MARK),
    () => users.signIn('carol', MARK.repeat(1000)),
    () => users.changePassword(`${MARK} wrong`, `${MARK} new`),
    () => users.changePassword(`${MARK} carol`, MARK.repeat(1000)),
  ];
  for (const [i, attempt] of refused.entries()) seen[`client ${i}`] = await rejection(attempt());
  const { token } = await users.changePassword(`${MARK} carol`, `${MARK} carol 2`);

  const raw = await ApiClient.connect(port);
  const wrong = [
    { name: 'carol', password: Buffer.from(MARK) },
    { name: 'carol', password: [MARK] },
    { name: 'carol', password: { [MARK]: MARK } },
    { name: 5, password: MARK },
    { name: 'carol', password: MARK, remember: MARK },
    { name: 'carol', newPassword: MARK },
  ];
  for (const [i, params] of wrong.entries()) {
    const error = await raw.failed(raw.request('users.sign-in', params));
    seen[`api ${i}`] = JSON.stringify(error);
  }
  raw.sendValue([FRAME.request, 'sign-in', { password: MARK }, MARK]);
  await raw.tcp.isLetGo();
  seen['api protocol'] = JSON.stringify(raw.frames);
  await client.close();
  return token;
}

/** What operators do, and look at. */
async function useCommands(server: ServerProcess, seen: Record<string, string>): Promise<void> {
  const data = ['--data', join(server.folder, 'data')];
  const file = join(server.folder, 'users.txt');
  writeFileSync(file, `dan,${MARK} dan\r\nfrank ${MARK}\n${MARK}\n,${MARK}\nx\u0000 ${MARK}\n`);
  const run = async (args: readonly string[], input = '') => {
    const { stdout, stderr, exitCode } = await runOutcry([...args, ...data], input);
    seen[args.join(' ')] = stdout + stderr;
    return exitCode;
  };
  const password = `${MARK} eve\n`;
  assert.equal(await run(['admin', 'users', 'add', 'eve', '--role', 'operator'], password), 0);
  assert.equal(await run(['admin', 'users', 'add', 'ali'], password), 1);
  assert.equal(await run(['admin', 'users', 'import', file]), 1);
  assert.equal(await run(['admin', 'users', 'password', 'dan'], password), 0);
  for (const command of ['status', 'sessions', 'limits', 'dead-letters', 'actors', 'users']) {
    assert.equal(await run(['admin', command]), 0);
    assert.equal(await run(['admin', command, '--json']), 0);
  }
  assert.match(seen['admin limits'] ?? '', /gold\.btmc_key +\(set\)/);
}

interface Here extends Started {
  readonly port: number;
  /** All that was logged, with its fields. */
  readonly lines: readonly string[];
}

/** A server in this process, whose hosts can be made to die. */
async function startHere(t: TestContext): Promise<Here> {
  const lines: string[] = [];
  const log: string[] = [];
  const fatal: OutcryError[] = [];
  const sink = {
    write: (line: string) => {
      const { level, msg } = JSON.parse(line) as { level: number; msg: string };
      log.push(`${level} ${msg}`);
      lines.push(line);
    },
  };
  const server = await Server.start({
    services: ['api'],
    config: resolveConfig({
      file: null,
      environment: {},
      flags: { 'api-port': '0', 'server-hosts': '2', 'gold-providers': 'none' },
    }),
    log: pino({ level: 'trace' }, sink),
    dataFolder: temporaryFolder(t),
    onFatal: (error) => fatal.push(error),
  });
  t.after(() => server.stop());
  return { server, log, lines, fatal, port: server.services[0]?.port ?? 0 };
}

/** What becomes of it. */
async function signUp(client: Client, number: number): Promise<string> {
  try {
    const { user } = await client.users.signUp(`user${number}`, `${MARK} ${number}`);
    return user.name;
  } catch (error) {
    return messageOf(error);
  }
}

describe('a password', () => {
  test('that is typed, well or badly, is nowhere but in its hash', async (t) => {
    const stub = await GoldStub.start(t, 'btmc');
    const server = await startServe(t, stub);
    const goldPort = portOf(server, 'gold');
    const seen: Record<string, string> = {
      gold: await talk(goldPort, [
        `ali ${MARK} too early`,
        ...['-signup', `ali ${MARK} one`, `2025-01-02 ${MARK}`],
        ...['-signup', `ALI ${MARK} taken`],
        ...['-signin', `ali ${MARK} wrong`, '-signin', `nobody ${MARK} wrong`],
        ...['-signin', `ali${MARK}`, '-signin', `ali ${MARK}${'x'.repeat(1024)}`],
        ...['-signup', `${'x'.repeat(33)} ${MARK}`, '-signup', `\u001b[2J ${MARK}`, `${MARK}\u0000`],
        ...['-signup', `bob ${MARK} one`],
      ]),
    };
    const client = await TestClient.connect(goldPort);
    client.send(framed('-signin') + framed(`ali ${MARK} one`));
    await until('it is signed in', () => client.text.includes('Welcome ali.'));
    client.end(framed(`ali ${MARK}`).slice(0, -2));

    const lobby = await TestClient.connect(portOf(server, 'lobby'));
    for (const line of [`sign in ali ${MARK}`, `signin ali ${MARK} wrong`, `signin ali ${MARK} one`]) {
      const before = lobby.text.length;
      lobby.send(`${line}\n`);
      await until(`${line} is answered`, () => lobby.text.length > before);
    }
    await until('it is in the lobby', () => lobby.text.includes('Client1'));
    lobby.end(`signin ali ${MARK} again\n`);

    const token = await useApi(portOf(server, 'api'), seen);
    await useCommands(server, seen);
    await until('the source was asked with the key', () =>
      stub.requests.some(({ path }) => path.includes(KEY)),
    );
    const { code, stdout, stderr } = await server.interrupted('SIGTERM');
    assert.equal(code, 0, stderr);
    const data = join(server.folder, 'data');
    const exported = await runOutcry(['data', 'export', data]);
    assert.equal(exported.exitCode, 0, exported.stderr);
    const places = { ...seen, stdout, stderr, exported: exported.stdout, ...filesIn(data) };

    assert.deepEqual(placesOf([MARK, KEY, token], places), []);
    // It would have been found: names are.
    assert.ok(placesOf(['ali'], filesIn(data)).length > 0);
    assert.match(stdout + stderr, /gold: ali has signed up/);
    assert.match(stdout + stderr, /gold: btmc was refused: status 500/);
    assertHashed(exported.stdout, { ali: `${MARK} one`, bob: `${MARK} one`, eve: `${MARK} eve` });
  });

  test('that is on its way when a thread dies or an actor throws is in no dead letter', async (t) => {
    const here = await startHere(t);
    const { server, port, lines } = here;
    const operator = await connect({ port, token: server.operatorToken });
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect({ port })));
    t.after(() => Promise.all([operator, ...clients].map((client) => client.close())));
    const seen: Record<string, string> = {};
    // The directory can make nothing of a name that is none.
    const password = Buffer.from(`${MARK} thrown`);
    const poison = { type: 'sign-in', name: 5, password, token: MARK, session: MARK };
    await assert.rejects(server.hosts.ask(USERS_ADDRESS, poison, 5000));
    await isReplaced(here, 1);

    const home = hostIndexOf(USERS_ADDRESS, server.hosts.links.length);
    const attempts = clients.map(signUp);
    // Two are hashed at a time: the others are under way.
    await Promise.race(attempts);
    kill(here, home);
    server.hosts.tell(USERS_ADDRESS, poison);
    await isReplaced(here, 2);
    for (const [i, text] of (await Promise.all(attempts)).entries()) seen[`attempt ${i}`] = text;

    const nobody = toAddress('users/nobody');
    server.hosts.tell(nobody, poison);
    const found = await until('there is a letter to nobody', async () => {
      const answer = await operator.admin.deadLetters();
      return answer.recent.some(({ actor }) => actor === nobody) && answer;
    });
    const letters = JSON.stringify(found);
    const log = lines.join('\n');
    assert.match(letters, /password: …, token: …, session: …/);
    assert.match(log, /dead letter for users\/directory: poison/);
    assert.deepEqual(placesOf([MARK], { ...seen, letters, log }), []);
  });
});
