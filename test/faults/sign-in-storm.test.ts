/** Sign-ins by the thousand: attackers wait, others do not, and nothing grows. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { createServer, type OutcryServer } from '../../src/create-server.ts';
import { USERS_ADDRESS } from '../../src/protocol/users.ts';
import { until } from '../support/until.ts';
import { bytesOf, fromOf, UsersHosts } from '../support/users-hosts.ts';

const ATTACKER = '127.0.0.2';
const ATTACKERS = 50;
/** Of each attacker, behind one another. */
const PIPELINED = 20;
const STORM_ATTEMPTS = 30_000;
const SAMPLE_ATTEMPTS = 1000;
/** Heaps grow until they are collected; four kilobytes of each attempt would be more. */
const GROWTH_BYTES_MAX = 64_000_000;
/** Ten of them sign up, the others sign in. */
const OTHERS_MIN = 15;
const WANT_NAME = 50;
const LIMIT_MS = 60_000;

/** A gold client of lines that notes every answer; an answer ends at an empty line. */
class Talker {
  readonly socket: Socket;
  readonly answers: string[] = [];
  #rest = '';

  private constructor(port: number, localAddress: string) {
    this.socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
    this.socket.setEncoding('utf8');
    this.socket.on('error', () => {});
    this.socket.on('data', (text: string) => {
      const answers = `${this.#rest}${text}`.split('\n\n');
      this.#rest = answers.pop() ?? '';
      this.answers.push(...answers);
    });
  }

  static async connect(port: number, localAddress = '127.0.0.1'): Promise<Talker> {
    const talker = new Talker(port, localAddress);
    await once(talker.socket, 'connect');
    talker.socket.write('-help\n');
    await until('it is welcomed', () => talker.answers.length > 0);
    talker.answers.length = 0;
    return talker;
  }

  /** What is answered to all of these lines, one an answer. */
  async asks(...lines: readonly string[]): Promise<readonly string[]> {
    const end = this.answers.length + lines.length;
    this.socket.write(lines.map((line) => `${line}\n`).join(''));
    await until('all is answered', () => this.answers.length >= end, LIMIT_MS);
    return this.answers.splice(0);
  }
}

async function startServer(t: TestContext): Promise<OutcryServer> {
  const server = await createServer({
    services: ['gold', 'bank'],
    settings: { users: { scrypt_cost: 16_384 }, server: { hosts: 2 } },
  });
  t.after(() => server.close());
  return server;
}

function counted(answers: readonly string[], part: string): number {
  return answers.filter((answer) => answer.includes(part)).length;
}

describe('a storm of wrong sign-ins', () => {
  test('makes the attackers wait and nobody else, and memory stays flat', async (t) => {
    const port = (await startServer(t)).port('gold');
    const honest = await Talker.connect(port);
    const welcome = /^Welcome honest, your account is made/;
    assert.match((await honest.asks('-signup', 'honest good password')).at(-1) ?? '', welcome);
    const attackers = await Promise.all(
      Array.from({ length: ATTACKERS }, () => Talker.connect(port, ATTACKER)),
    );
    const memory: number[] = [];
    let answered = 0;
    let isOver = false;
    const heard = new Map<string, number>();
    const storm = attackers.map(async (attacker, i) => {
      for (let round = 0; !isOver; round++) {
        const lines = Array.from({ length: PIPELINED }, (_, j) => [
          '-signin',
          `${j % 2 === 0 ? 'honest' : `name${i}-${round}-${j}`} wrong${j}`,
        ]);
        for (const answer of await attacker.asks(...lines.flat())) {
          if (answer.startsWith('Type your')) continue;
          if (++answered % SAMPLE_ATTEMPTS === 0) memory.push(process.memoryUsage.rss());
          const kind = answer.replace(/\d+ s$/, 'N s');
          heard.set(kind, (heard.get(kind) ?? 0) + 1);
        }
      }
    });
    const failed: unknown[] = [];
    const over = Promise.all(storm).catch((error: unknown) => failed.push(error));
    const others: string[] = [];
    const isEnough = () => answered >= STORM_ATTEMPTS && others.length >= OTHERS_MIN;
    while (!isEnough() && failed.length === 0) {
      const client = await Talker.connect(port);
      const name = `other${others.length}`;
      if (others.length < 10) others.push((await client.asks('-signup', `${name} x`)).at(-1) ?? '');
      else others.push((await client.asks('-signin', `other${others.length % 10} x`)).at(-1) ?? '');
      client.socket.destroy();
    }
    isOver = true;
    await over;
    for (const attacker of attackers) attacker.socket.destroy();
    assert.deepEqual(failed, []);
    assert.deepEqual(
      others.filter((answer) => !answer.startsWith('Welcome other')),
      [],
      'others are let in',
    );
    const wrong = heard.get('ERROR the user name or the password is wrong') ?? 0;
    assert.ok(wrong >= 5 && wrong <= 40, `${wrong} were hashed`);
    assert.deepEqual(
      [...heard.keys()].filter((kind) => !/wrong|busy/.test(kind)),
      [],
    );
    const middle = memory.slice(10, 15);
    const end = memory.slice(25, 30);
    const growth = Math.min(...end) - Math.min(...middle);
    assert.ok(growth < GROWTH_BYTES_MAX, `${growth} bytes more`);
    t.diagnostic(`${answered} attempts, ${others.length} others, ${JSON.stringify([...heard])}`);
  });

  test('fills no table beyond its limit, of however many names and addresses it is', () => {
    const users = new UsersHosts({ addressFailuresMax: 1000 });
    let most = { counted: 0, waiting: 0, claimed: 0 };
    for (let i = 0; i < 70_000; i++) {
      const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      const attempt = { type: 'sign-in', name: `name${i}`, password: bytesOf('wrong'), wantsToken: false };
      users.hosts.main.ask(USERS_ADDRESS, { ...attempt, ...fromOf(address) }, () => {});
      if (i % 66 < 65) continue;
      users.hosts.settle();
      const { counted, waiting, claimed } = users.directory.load;
      most = {
        counted: Math.max(most.counted, counted),
        waiting: Math.max(most.waiting, waiting),
        claimed: Math.max(most.claimed, claimed),
      };
      users.work();
      users.hosts.advance(10);
    }
    assert.equal(most.waiting, 64);
    assert.ok(most.counted > 80_000 && most.counted <= 2 * 65_536, `${most.counted} are counted`);
  });
});

describe('a name that many want', () => {
  test('is one client’s, over as many connections at once', async (t) => {
    const port = (await startServer(t)).port('gold');
    const talkers = await Promise.all(Array.from({ length: WANT_NAME }, () => Talker.connect(port)));
    const answers = await Promise.all(
      talkers.map(async (talker, i) => (await talker.asks('-signup', `KhTn password${i}`)).at(-1) ?? ''),
    );
    assert.equal(counted(answers, 'Welcome KhTn, your account is made.'), 1);
    assert.equal(counted(answers, 'ERROR the account KhTn already exists; type -signin'), WANT_NAME - 1);
    const winner = answers.findIndex((answer) => answer.startsWith('Welcome'));
    const [, answer] = (await talkers[winner]?.asks('-signin', `khtn password${winner}`)) ?? [];
    assert.match(answer ?? '', /^Welcome KhTn\./);
    for (const { socket } of talkers) socket.destroy();
  });
});
