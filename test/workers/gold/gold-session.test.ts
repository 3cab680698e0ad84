import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type GoldCommand,
  type GoldNotice,
  type GoldRow,
  RATES_ADDRESS,
} from '../../../src/protocol/gold.ts';
import { USERS_ADDRESS } from '../../../src/protocol/users.ts';
import { hostIndexOf } from '../../../src/values/address.ts';
import { HELP_TEXT, WELCOME_TEXT } from '../../../workers/gold/gold-replies.ts';
import { answerOf, GoldHosts, type GoldHostsOptions, SJC } from '../../support/gold-hosts.ts';
import { framed } from '../../support/seed-gold-client.ts';

const PROMPT = 'Type your user name and password on one line, with a space between them.';
const HOW = 'Type a date and a type, such as 2025-01-02 SJC.';
const SJC_TEXT =
  'SJC, Hồ Chí Minh, SJC: buy 82,500.00, sell 84,500.00 (82,500,000 to 84,500,000 VND/lượng), 2025-01-02 09:00:00';

/** Answers a look-up with SJC, and the rest with something that fits. */
function rates(command: GoldCommand): unknown {
  switch (command.type) {
    case 'look-up':
    case 'latest':
      return answerOf([SJC]);
    case 'range':
      return { days: [answerOf([SJC])], total: 3 };
    case 'types':
      return ['SJC', 'Nhẫn'];
    case 'dates':
      return { dates: ['2025-01-02', '2025-01-01'], total: 2 };
    default:
      return null;
  }
}

/** A client of lines that is signed in. */
function entered(options: GoldHostsOptions = {}): GoldHosts {
  const gold = new GoldHosts({ rates, ...options });
  gold.enter(1);
  gold.ratesAsked.length = 0;
  return gold;
}

function change(
  gold: GoldHosts,
  client: number,
  ...pairs: readonly (readonly [GoldRow, GoldRow | null])[]
): string {
  const notice: GoldNotice = {
    type: 'gold-changed',
    date: '2025-01-02',
    source: 'tygia',
    timeMs: 0,
    rows: pairs.map(([row]) => row),
    before: pairs.map(([, before]) => before),
  };
  gold.hosts.tell(gold.addressOf(client), notice);
  return gold.heard(client);
}

const UP: GoldRow = { ...SJC, buy: '82,600.00', buyVnd: 82_600_000 };
const UP_TEXT = '~ SJC, Hồ Chí Minh, SJC: buy 82,600.00 (+100.00), sell 84,500.00 (0.00)';

describe('the dialogue of the original client', () => {
  test('goes from the welcome to the rates', () => {
    const gold = new GoldHosts({ rates });
    assert.equal(gold.open(1), WELCOME_TEXT);
    assert.equal(gold.send(1, framed('')), '');
    assert.equal(gold.send(1, framed('-signin')), PROMPT);
    assert.equal(gold.send(1, framed('khtn daihoc tphcm')), `Welcome khtn. ${HOW}`);
    assert.equal(gold.send(1, framed('2025-01-02 SJC')), SJC_TEXT);
    assert.equal(gold.send(1, framed('')), 'Type -help for help.');
    assert.equal(gold.send(1, framed('-quit')), 'Goodbye.');
    assert.ok(gold.isClosed(1));
  });

  test('signs up, and finds names taken', () => {
    const gold = new GoldHosts();
    gold.open(1);
    gold.send(1, framed(''), framed('-signup'));
    const refused = 'ERROR the account khtn already exists; type -signin';
    assert.equal(gold.send(1, framed('khtn x')), refused);
    assert.equal(gold.send(1, framed('-signup')), PROMPT);
    assert.equal(gold.send(1, framed('new a b')), `Welcome new, your account is made. ${HOW}`);
    assert.equal(gold.users.passwords.get('new'), 'a b');
  });

  test('is the same in lines, each answer with an empty line behind it', () => {
    const gold = new GoldHosts({ rates });
    gold.open(1);
    assert.equal(gold.send(1, '-signin\nkhtn daihoc tphcm\r\n'), `${PROMPT}\n\nWelcome khtn. ${HOW}\n\n`);
    assert.equal(gold.send(1, '2025-01-02 SJC\n\n'), `${SJC_TEXT}\n\nType -help for help.\n\n`);
    assert.equal(gold.send(1, '-quit'), '');
    assert.equal(gold.send(1, ''), 'Goodbye.');
  });

  test('tells who is not signed in to do so, but helps', () => {
    const gold = new GoldHosts({ rates });
    gold.open(1);
    for (const text of ['2025-01-02 SJC', '-types', '-watch SJC', 'hello', 'khtn daihoc tphcm']) {
      assert.equal(gold.send(1, framed(text)), 'Sign in first: type -signin or -signup.');
    }
    assert.equal(gold.send(1, framed('-HELP')), HELP_TEXT);
    assert.deepEqual(gold.ratesAsked, []);
  });

  test('asks nobody to sign in where that is off, but lets whoever wants', () => {
    const gold = new GoldHosts({ rates, isSignInAsked: false });
    gold.open(1);
    assert.equal(gold.send(1, framed('2025-01-02 SJC')), SJC_TEXT);
    gold.send(1, framed('-signin'));
    assert.equal(gold.send(1, framed('khtn daihoc tphcm')), `Welcome khtn. ${HOW}`);
  });
});

describe('the line behind -signin and -signup', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['khtn wrong', 'ERROR the user name or the password is wrong'],
    ['nobody daihoc tphcm', 'ERROR the user name or the password is wrong'],
    [`${'x'.repeat(33)} x`, 'ERROR the user name or the password is wrong'],
    ['khtn', 'ERROR it is used so: USER PASSWORD'],
    ['-help', 'ERROR it is used so: USER PASSWORD'],
    ['-quit', 'Goodbye.'],
    ['', 'Nothing was done.'],
  ];
  for (const [line, answer] of cases) {
    test(`that is ${JSON.stringify(line)} is answered: ${answer}`, () => {
      const gold = new GoldHosts();
      gold.open(1);
      gold.send(1, '-signin\n');
      assert.equal(gold.send(1, `${line}\n`), `${answer}\n\n`);
      if (line !== '-quit') assert.match(gold.send(1, 'khtn daihoc tphcm\n'), /^Sign in first/);
    });
  }

  test('is refused with its reason at sign-up', () => {
    const gold = new GoldHosts();
    gold.open(1);
    const signUp = (line: string) => gold.send(1, '-signup\n', `${line}\n`).split('\n\n')[1];
    const name = 'ERROR a user name is 1 to 32 printable characters without white space';
    assert.equal(signUp(`${'x'.repeat(33)} x`), name);
    assert.equal(signUp('a\u0007b x'), name);
    assert.equal(signUp('name \0'), 'ERROR a password is 1 to 1024 bytes');
  });

  test('is answered before what came behind it', () => {
    const gold = new GoldHosts({ rates });
    gold.open(1);
    gold.users.isSilent = true;
    assert.equal(gold.send(1, '-signin\nkhtn x\n-help\n'), `${PROMPT}\n\n`);
    gold.hosts.live(31_000);
    assert.equal(gold.heard(1), `ERROR the server is busy: try again later\n\n${HELP_TEXT}\n\n`);
  });

  test('signs in another user, and keeps the one there was if it is wrong', () => {
    const gold = entered();
    gold.users.passwords.set('other', 'x');
    gold.send(1, '-signin\n', 'other wrong\n');
    assert.equal(gold.mainOf(1).users.get(1), 'khtn');
    gold.send(1, '-signin\n', 'other x\n');
    assert.equal(gold.mainOf(1).users.get(1), 'other');
    assert.deepEqual(gold.logged(), ['gold: khtn has left', 'gold: other has signed in']);
  });

  test('is nowhere but in the question to the directory', () => {
    const gold = new GoldHosts();
    gold.open(1);
    const heard = gold.send(1, '-signin\n', 'khtn marked-secret\n', '-signup\n', 'a marked-secret\n');
    const all = [heard, ...gold.logged(), JSON.stringify(gold.mainOf(1).said), gold.memory(1)];
    assert.equal(gold.users.asked.length, 2);
    assert.doesNotMatch(all.join('\n'), /marked-secret/);
  });
});

describe('questions about rates', () => {
  const cases: readonly (readonly [string, GoldCommand, RegExp])[] = [
    ['-types', { type: 'types' }, /^SJC\nNhẫn$/],
    ['-types 2025-01-02', { type: 'types', date: '2025-01-02' }, /^SJC/],
    ['2025-01-02', { type: 'types', date: '2025-01-02' }, /^SJC/],
    ['-dates', { type: 'dates', limit: 200 }, /^2025-01-02\n2025-01-01$/],
    ['-latest', { type: 'latest' }, /^2025-01-02 from tygia\nSJC, Hồ/],
    ['-latest  ho chi minh', { type: 'latest', wanted: 'ho chi minh' }, /^2025-01-02 from tygia\n/],
    [
      '2025-01-01..2025-01-09 SJC',
      { type: 'range', from: '2025-01-01', to: '2025-01-09', wanted: 'SJC', limit: 200 },
      /^2025-01-02 82,500\.00 84,500\.00 \(82,500,000 84,500,000 VND\/lượng\)\n2 more$/,
    ],
  ];
  for (const [line, command, answer] of cases) {
    test(`such as ${line}`, () => {
      const gold = entered();
      const heard = gold.send(1, `${line}\n`);
      assert.match(heard.replace(/\n\n$/, ''), answer);
      assert.deepEqual(gold.ratesAsked, [command]);
    });
  }

  test('that nothing fits are answered with what is near', () => {
    let nearest: unknown = { missing: 'type', nearest: 'SJC' };
    const gold = entered({ rates: () => nearest });
    const ask = () => gold.send(1, '2025-01-02 SJ\x1b[2JX\n');
    assert.equal(ask(), 'There is no SJX on 2025-01-02; did you mean SJC?\n\n');
    nearest = { missing: 'date', nearest: '2025-01-01' };
    assert.equal(ask(), 'There are no rates of 2025-01-02; the nearest date is 2025-01-01.\n\n');
  });

  test('that can not be answered say so', () => {
    const gold = entered({ rates: () => undefined });
    gold.send(1, '-dates\n');
    gold.hosts.live(10_000);
    assert.match(gold.heard(1), /^ERROR .*; try again later\n\n$/);
    assert.equal(gold.send(1, '-help\n'), `${HELP_TEXT}\n\n`);
  });
});

describe('what is wrong on the wire', () => {
  test('is told, and the session goes on', () => {
    const gold = new GoldHosts();
    gold.open(1);
    assert.equal(gold.send(1, 'a\xff'.repeat(10), ''), 'Sign in first: type -signin or -signup.');
    assert.equal(gold.send(1, Uint8Array.of(0x61, 0xff), ''), 'ERROR that was not UTF-8');
    assert.equal(gold.send(1, `${'x'.repeat(257)}\n`), 'ERROR a message has 256 bytes at most\n\n');
    const mixed = 'ERROR this connection has text messages; begin a new one for headers';
    assert.equal(gold.send(1, framed('-quit'), ''), mixed);
    assert.equal(gold.send(1, '-help\n'), `${HELP_TEXT}\n\n`);
    const reasons = gold.mainOf(1).ignored.get(1);
    assert.deepEqual(reasons, [{ 'not-utf-8': 1 }, { 'message-too-long': 1 }, { 'mixed-framing': 1 }]);
  });

  test('ends the session where no next message can be found', () => {
    const gold = new GoldHosts();
    gold.open(1);
    gold.send(1, framed(''));
    const text = gold.send(1, framed('-help', 3), framed('-quit'));
    assert.equal(
      text,
      'Sign in first: type -signin or -signup.ERROR a header is a number and spaces, 64 bytes',
    );
    assert.equal(gold.mainOf(1).closed.get(1), 'it sent what is no header');
  });

  test('undoes the asking for a password', () => {
    const gold = new GoldHosts();
    gold.open(1);
    gold.send(1, '-signin\n');
    gold.send(1, `${'x'.repeat(257)}\n`);
    assert.equal(gold.send(1, 'khtn daihoc tphcm\n'), 'Sign in first: type -signin or -signup.\n\n');
  });
});

describe('what a client sends ahead', () => {
  test('is not read on beyond a limit while an answer is awaited', () => {
    const gold = entered({ rates: () => undefined });
    gold.send(1, '-dates\n');
    for (let i = 0; i < 400; i++) gold.send(1, `${'x'.repeat(200)}\n`);
    assert.ok(gold.isHeld(1));
    gold.hosts.live(10_000);
    assert.ok(!gold.isHeld(1));
    assert.equal(gold.heard(1).split('\n\n').length, 1 + 400 + 1);
  });

  test('waits until the client has taken the answers before, and no longer than a minute', () => {
    const gold = entered();
    const asked = 3000;
    for (let i = 0; i < asked; i++) gold.send(1, '2025-01-02 SJC\n');
    assert.ok(gold.ratesAsked.length < asked);
    gold.drained(1);
    assert.equal(gold.ratesAsked.length, asked);
    for (let i = 0; i < asked; i++) gold.send(1, '2025-01-02 SJC\n');
    gold.hosts.live(61_000);
    assert.equal(gold.mainOf(1).closed.get(1), 'it took nothing for 60 s');
  });

  test('is answered to the end when it sends no more', () => {
    const gold = entered({ rates: () => undefined });
    gold.send(1, '-dates\n-help\n-types');
    gold.ended(1);
    assert.ok(!gold.isClosed(1));
    gold.hosts.live(10_000);
    assert.match(gold.heard(1), new RegExp(`^ERROR .*\n\n${HELP_TEXT}\n\n`, 's'));
    gold.hosts.live(10_000);
    assert.ok(gold.isClosed(1));
  });

  test('is answered if it could have become a header', () => {
    const gold = new GoldHosts({ isSignInAsked: false });
    gold.open(1);
    gold.send(1, '2025', '');
    gold.ended(1);
    assert.equal(gold.heard(1), 'ERROR 2025 is no date; dates are written yyyy-mm-dd');
    assert.ok(gold.isClosed(1));
  });

  test('is counted', () => {
    const gold = new GoldHosts();
    gold.open(1);
    gold.send(1, framed(''), framed('-help'));
    assert.equal(gold.mainOf(1).frames.get(1), 2);
  });
});

describe('watching', () => {
  test('brings the changes of what was named, between two answers', () => {
    const gold = entered();
    assert.equal(gold.send(1, '-watch sjc\n'), 'Watching sjc; -unwatch ends it.\n\n');
    const session = gold.addressOf(1);
    assert.deepEqual(gold.ratesAsked, [
      { type: 'latest', wanted: 'sjc' },
      { type: 'watch', session },
    ]);
    const ring: GoldRow = { ...SJC, company: 'PNJ', type: 'Nhẫn', code: 'N' };
    assert.equal(change(gold, 1, [UP, SJC], [ring, null]), `${UP_TEXT}\n`);
    assert.equal(change(gold, 1, [ring, null]), '');
    assert.equal(gold.send(1, '-watch nhan\n'), 'Watching sjc, nhan; -unwatch ends it.\n\n');
    assert.match(change(gold, 1, [ring, null]), /^~ PNJ, .* \(new\)\n$/);
    assert.equal(gold.send(1, '-unwatch\n'), 'Watching nothing.\n\n');
    assert.equal(change(gold, 1, [SJC, UP]), '');
    assert.deepEqual(gold.ratesAsked.at(-1), { type: 'unwatch', session });
  });

  test('has each row once while an answer is awaited, against what it was before', () => {
    let isSilent = false;
    const gold = entered({ rates: (command) => (isSilent ? undefined : rates(command)) });
    gold.send(1, '-watch SJC\n');
    isSilent = true;
    gold.send(1, '-dates\n');
    assert.equal(change(gold, 1, [{ ...UP, buy: '82,550.00', buyVnd: 82_550_000 }, SJC]), '');
    assert.equal(change(gold, 1, [UP, { ...SJC, buyVnd: 82_550_000 }]), '');
    gold.hosts.live(10_000);
    assert.ok(gold.heard(1).endsWith(`later\n\n${UP_TEXT}\n`));
  });

  test('leaves out and counts what is too much', () => {
    const gold = entered();
    gold.send(1, '-watch SJC\n');
    const rows = Array.from(
      { length: 100 },
      (_, i) => [{ ...UP, code: `C${i}`, brand: 'SJC' }, SJC] as const,
    );
    const text = change(gold, 1, ...rows);
    assert.ok(Buffer.byteLength(text) < 2048);
    const shown = text.split('\n').length - 2;
    assert.ok(text.endsWith(`\n~ ${100 - shown} more\n`), text.slice(-100));
  });

  test('is refused for what there is not, and beyond eight', () => {
    const gold = entered({
      rates: (command) =>
        command.type === 'latest' && command.wanted === 'SJX'
          ? { missing: 'type', nearest: 'SJC' }
          : rates(command),
    });
    assert.equal(gold.send(1, '-watch SJX\n'), 'There is no SJX; did you mean SJC?\n\n');
    for (let i = 0; i < 8; i++) gold.send(1, `-watch type ${i}\n`);
    assert.equal(gold.send(1, '-watch one\n'), 'ERROR 8 types can be watched at once; -unwatch ends it\n\n');
    assert.match(gold.send(1, '-watch TYPE 0\n'), /^Watching type 0, /);
  });

  test('goes on when the rates were lost', () => {
    const gold = entered({ hosts: 3 });
    const host = hostIndexOf(RATES_ADDRESS, 3);
    const client = clientElsewhere(gold, host);
    gold.enter(client);
    gold.send(client, '-watch SJC\n');
    gold.ratesAsked.length = 0;
    gold.replace(host, []);
    gold.hosts.live(2000);
    assert.deepEqual(gold.ratesAsked.at(-1), { type: 'watch', session: gold.addressOf(client) });
  });
});

describe('a client that is signed out elsewhere', () => {
  test('is told, and is asked to sign in', () => {
    const gold = entered();
    gold.send(1, '-watch SJC\n');
    const text = gold.signOut(1, 'the password\x1b[2J was changed');
    assert.equal(text, '~ You were signed out: the password was changed.\n');
    assert.equal(change(gold, 1, [UP, SJC]), '');
    assert.equal(gold.send(1, '-dates\n'), 'Sign in first: type -signin or -signup.\n\n');
    assert.equal(gold.mainOf(1).users.get(1), '');
  });

  test('hears of it in one piece with headers', () => {
    const gold = new GoldHosts();
    gold.open(1);
    gold.send(1, framed('-signin'), framed('khtn daihoc tphcm'));
    assert.equal(gold.signOut(1, 'why'), '~ You were signed out: why.');
  });
});

describe('the end of a client', () => {
  test('is told by the server that closes it', () => {
    const gold = entered();
    gold.command(1, { type: 'closing', message: '' });
    assert.equal(gold.heard(1), 'The server closes this connection: Server is shutting down\n\n');
    gold.open(2);
    gold.command(2, { type: 'kick', connection: 2, reason: 'enough' });
    assert.equal(gold.heard(2), 'The server closes this connection: enough');
    assert.deepEqual([gold.isClosed(1), gold.isClosed(2)], [true, true]);
  });

  test('does not wait for an answer when it is kicked, but does when the server shuts down', () => {
    const gold = entered({ rates: () => undefined });
    gold.send(1, '-dates\n');
    gold.command(1, { type: 'closing', message: 'noon' });
    assert.equal(gold.heard(1), '');
    gold.command(1, { type: 'kick', connection: 1, reason: 'enough' });
    assert.ok(gold.isClosed(1));
  });

  test('frees it, however it went', () => {
    const gold = entered({ rates: () => undefined });
    gold.send(1, '-dates\n');
    gold.gone(1, 'it broke');
    assert.ok(gold.isClosed(1));
    assert.deepEqual(gold.logged(), ['gold: khtn has left']);
    gold.hosts.live(11_000);
    assert.deepEqual(gold.hosts.errors, []);
  });
});

/** Whose session is in another host. */
function clientElsewhere(gold: GoldHosts, host: number): number {
  let client = 2;
  while (gold.hostOf(client) === host) client++;
  return client;
}

describe('a part of the server that is lost', () => {
  const LOST = 'ERROR a part of the server failed: send again what was not answered';

  test('takes nothing from a client whose session it had but what was on its way', () => {
    const gold = new GoldHosts({ hosts: 3, rates });
    const users = hostIndexOf(USERS_ADDRESS, 3);
    const client = clientElsewhere(gold, users);
    gold.enter(client);
    gold.send(client, '-watch SJC\n');
    gold.replace(gold.hostOf(client), [client]);
    assert.equal(gold.heard(client), `${LOST}\n\n`);
    assert.match(gold.send(client, '2025-01-02 SJC\n'), /^SJC, /);
    assert.equal(change(gold, client, [UP, SJC]), `${UP_TEXT}\n`);
  });

  test('leaves headers what they were', () => {
    const gold = new GoldHosts();
    gold.open(1);
    gold.send(1, framed(''), framed('-signin'));
    gold.replace(0, [1]);
    assert.equal(gold.heard(1), LOST);
    assert.equal(gold.send(1, framed('')), 'Type -help for help.', 'nobody is asked for a password any more');
    assert.match(gold.send(1, '-help\n'.repeat(20)), /^ERROR a header is/);
  });

  test('signs out whom the directory does not take back', () => {
    const gold = entered();
    const memory = gold.memory(1)?.replace('"epoch":3', '"epoch":2');
    const text = gold.open(2, memory);
    assert.equal(text, `${LOST}\n\n~ You were signed out: the password was changed.\n`);
    assert.match(gold.send(2, '-dates\n'), /^Sign in first/);
  });

  test('is told of while nothing can be stored, to those who can tell it from an answer', () => {
    const gold = entered();
    gold.open(2);
    gold.send(2, framed(''));
    gold.hosts.system.tellStoreFailed();
    gold.hosts.settle();
    assert.match(gold.heard(1), /^~ Nothing can be stored at the moment: .*\n$/);
    assert.equal(gold.heard(2), '');
  });
});
