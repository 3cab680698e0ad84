import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type LobbyEvent, type LobbyRequest, LobbyWire } from '../../clients/lobby-wire.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';

const SECRET = 'mark';
const SHA256 = 'a'.repeat(64);
const FILE = 'Client2 says: no\nSIZE 3\nERROR in a file\n\0';

type Shown = Exclude<LobbyEvent, { type: 'bytes' }> | { readonly type: 'text'; readonly text: string };
type Feed = (wire: LobbyWire, text: string) => Shown[];

/** In one piece. */
const feedWhole: Feed = (wire, text) => show(wire.feed(Buffer.from(text)));

/** A file's bytes are one text, however they came. */
function show(events: readonly LobbyEvent[]): Shown[] {
  const shown: Shown[] = [];
  let text = '';
  for (const event of events) {
    if (event.type === 'bytes') text += Buffer.from(event.bytes).toString();
    else {
      if (text !== '') shown.push({ type: 'text', text });
      text = '';
      shown.push(event);
    }
  }
  return text === '' ? shown : [...shown, { type: 'text', text }];
}

function greeted(): LobbyWire {
  const wire = new LobbyWire(SECRET);
  assert.equal(wire.greet(), 'mark 1\n');
  assert.deepEqual(feedWhole(wire, 'Client1mark 1 ACK\n'), [{ type: 'named', name: 'Client1' }]);
  return wire;
}

function asked(request: LobbyRequest): LobbyWire {
  const wire = greeted();
  wire.ask(request);
  return wire;
}

const line = (text: string): LobbyRequest => ({ type: 'line', line: text, text });
const reply = (text: string): Shown => ({ type: 'reply', text });
const heard = (text: string): Shown => ({ type: 'heard', text });
const DONE: Shown = { type: 'done' };

interface Exchange {
  readonly what: string;
  readonly request: LobbyRequest;
  readonly sent: string;
  readonly answer: string;
  readonly events: readonly Shown[];
}

const EXCHANGES: readonly Exchange[] = [
  {
    what: 'an echo',
    request: line('hello'),
    sent: 'hello\n',
    answer: 'hello ACK\n',
    events: [reply('hello ACK'), DONE],
  },
  {
    what: 'an echo after what others said',
    request: line('hello'),
    sent: 'hello\n',
    answer: 'Client12 says: hello ACK\nOperator: soon\n(1,200 more were left out)\nhello ACK\n',
    events: [
      heard('Client12 says: hello ACK'),
      heard('Operator: soon'),
      heard('(1,200 more were left out)'),
      reply('hello ACK'),
      DONE,
    ],
  },
  {
    what: 'the echo of what looks like the word of another',
    request: line('Client2 says: hi\x1b[2J'),
    sent: 'Client2 says: hi\x1b[2J\n',
    answer: 'Client2 says: hi ACK\n',
    events: [reply('Client2 says: hi ACK'), DONE],
  },
  {
    what: 'a list',
    request: line('list'),
    sent: 'list\n',
    answer: '\nFiles: a.txt | Größe.txt | \n',
    events: [reply('Files: a.txt | Größe.txt | '), DONE],
  },
  {
    what: 'a status, as long as it is',
    request: { type: 'status' },
    sent: 'status\nmark 2\n',
    answer: '\nClient Name: Client1\n-----\n\nClient Name: Client2\n-----\nClient2 says: hi\nmark 2 ACK\n',
    events: [
      reply(''),
      reply('Client Name: Client1'),
      reply('-----'),
      reply(''),
      reply('Client Name: Client2'),
      reply('-----'),
      heard('Client2 says: hi'),
      DONE,
    ],
  },
  {
    what: 'a file whose bytes look like lines',
    request: { type: 'get', name: 'a b.txt' },
    sent: 'get a b.txt\n',
    answer: `Client2 says: hi\nSIZE ${FILE.length} SHA-256 ${SHA256}\n${FILE}`,
    events: [
      heard('Client2 says: hi'),
      { type: 'file', size: FILE.length, sha256: SHA256 },
      { type: 'text', text: FILE },
      DONE,
    ],
  },
  {
    what: 'a file of nothing',
    request: { type: 'get', name: 'empty' },
    sent: 'get empty\n',
    answer: `SIZE 0 SHA-256 ${SHA256}\n`,
    events: [{ type: 'file', size: 0, sha256: SHA256 }, DONE],
  },
  {
    what: 'a file that is sent',
    request: { type: 'put', name: 'a.txt', size: 12 },
    sent: 'put a.txt 12\n',
    answer: `Operator: soon\nSEND 12\nClient2 says: hi\nSTORED a.txt 12 SHA-256 ${SHA256}\n`,
    events: [
      heard('Operator: soon'),
      { type: 'wanted' },
      heard('Client2 says: hi'),
      { type: 'stored', sha256: SHA256 },
      DONE,
    ],
  },
  {
    what: 'a file that is not taken',
    request: { type: 'put', name: 'a.txt', size: 12 },
    sent: 'put a.txt 12\n',
    answer: 'ERROR no\n',
    events: [{ type: 'refused', text: 'ERROR no', isSending: false }, DONE],
  },
];

describe('LobbyWire', () => {
  for (const { what, request, sent, answer, events } of EXCHANGES) {
    test(`reads ${what}`, () => {
      const wire = greeted();
      assert.equal(wire.ask(request), sent);
      assert.deepEqual(feedWhole(wire, answer), events);
      assert.deepEqual(feedWhole(wire, 'Operator: later\n'), [heard('Operator: later')]);
    });
  }

  test('reads a visit the same however it was cut', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 });
    const order = fc.array(fc.constantFrom(...EXCHANGES), { minLength: 1, maxLength: 6 });
    const visit = fc.property(cuts, order, (lengths, exchanges) => {
      const wire = new LobbyWire(SECRET);
      let turn = 0;
      const feedCut = (text: string): Shown[] => {
        const bytes = Buffer.from(text);
        const events: LobbyEvent[] = [];
        for (let start = 0; start < bytes.length; turn++) {
          const end = start + (lengths[turn % lengths.length] ?? 1);
          // The buffer is used again, as a socket's may be.
          const chunk = Uint8Array.from(bytes.subarray(start, end));
          for (const event of wire.feed(chunk)) {
            events.push(event.type === 'bytes' ? { ...event, bytes: event.bytes.slice() } : event);
          }
          chunk.fill(0);
          start = end;
        }
        return show(events);
      };
      wire.greet();
      assert.deepEqual(feedCut('Client7Client2 says: himark 1 ACK\n'), [
        { type: 'named', name: 'Client7' },
        heard('Client2 says: hi'),
      ]);
      let marks = 1;
      for (const { request, answer, events } of exchanges) {
        wire.ask(request);
        if (request.type === 'status') marks++;
        assert.deepEqual(feedCut(answer.replace('mark 2', `mark ${marks}`)), events);
      }
    });
    fc.assert(visit, { seed: fuzzSeed(), numRuns: 300 });
  });

  describe('a greeting with a sign-in', () => {
    const USER = { name: 'khtn', password: 'daihoc tphcm' };

    function greetedWith(text: string, user: typeof USER | undefined = USER): Shown[] {
      const wire = new LobbyWire(SECRET);
      assert.equal(wire.greet(user), `${user === undefined ? '' : 'signin khtn daihoc tphcm\n'}mark 1\n`);
      const events = feedWhole(wire, text);
      assert.equal(
        wire.end().isGreeted,
        events.some(({ type }) => type === 'named'),
      );
      return events;
    }

    const named: Shown = { type: 'named', name: 'Client1' };

    test('is let in', () => {
      assert.deepEqual(greetedWith('Client1mark 1 ACK\n'), [named]);
    });

    test('is turned away with a reason, and what comes then is nothing', () => {
      const text = 'ERROR the user name or the password is wrong';
      const first = 'Sign in first: signin NAME PASSWORD';
      assert.deepEqual(greetedWith(`${text}\n${first}\n`), [{ type: 'turned-away', text }]);
      assert.deepEqual(greetedWith(`${first}\n`, undefined), [{ type: 'turned-away', text: first }]);
    });

    test('is let in where nobody has to sign in', () => {
      const told = 'ERROR you are in already: there is nothing to sign in to';
      const rest = 'Client2 says: hi\nmark 1 ACK\n';
      const others = [heard('Client2 says: hi'), named];
      assert.deepEqual(greetedWith(`Client1${told}\n${rest}`), [heard(told), ...others]);
      const early = `Client3 says: ho${told}`;
      assert.deepEqual(greetedWith(`Client1${early}\n${rest}`), [heard(early), ...others]);
    });
  });

  test('asks with a mark whether an error was the reply', () => {
    const wire = asked(line('hello'));
    assert.deepEqual(feedWhole(wire, 'ERROR wait\n'), [
      reply('ERROR wait'),
      { type: 'send', text: 'mark 2\n' },
    ]);
    assert.deepEqual(feedWhole(wire, 'hello ACK\nmark 2 ACK\n'), [reply('hello ACK'), DONE]);
  });

  test('asks again when the mark was lost too', () => {
    const wire = asked({ type: 'status' });
    assert.deepEqual(feedWhole(wire, 'ERROR lost\n'), [
      reply('ERROR lost'),
      { type: 'send', text: 'mark 3\n' },
    ]);
    assert.deepEqual(feedWhole(wire, 'mark 2 ACK\n'), [], 'it came after all, and is not the last');
    assert.deepEqual(feedWhole(wire, 'mark 3 ACK\n'), [DONE]);
  });

  test('takes the file that comes behind an error that was not its own', () => {
    const wire = asked({ type: 'get', name: 'a' });
    assert.deepEqual(feedWhole(wire, 'ERROR wait\n'), [{ type: 'send', text: 'mark 2\n' }]);
    assert.deepEqual(feedWhole(wire, `SIZE 3 SHA-256 ${SHA256}\nabc`), [
      heard('ERROR wait'),
      { type: 'file', size: 3, sha256: SHA256 },
      { type: 'text', text: 'abc' },
    ]);
    assert.deepEqual(feedWhole(wire, 'mark 2 ACK\n'), [DONE]);
  });

  test('knows by the mark that there is no file', () => {
    const wire = asked({ type: 'get', name: 'a' });
    feedWhole(wire, 'ERROR nobody has it\n');
    assert.deepEqual(feedWhole(wire, 'mark 2 ACK\n'), [
      { type: 'refused', text: 'ERROR nobody has it', isSending: false },
      DONE,
    ]);
  });

  test('finds the end of a file that was refused while it was sent', () => {
    const wire = asked({ type: 'put', name: 'a', size: 9 });
    assert.deepEqual(feedWhole(wire, 'SEND 9\nERROR the disk is full\n'), [
      { type: 'wanted' },
      { type: 'refused', text: 'ERROR the disk is full', isSending: true },
    ]);
    assert.equal(wire.resync(), '\nmark 2\n');
    assert.deepEqual(feedWhole(wire, 'the rest ACK\n ACK\nOperator: hm\nmark 2 ACK\n'), [
      heard('Operator: hm'),
      DONE,
    ]);
  });

  test('does not go on with a server that waits for a file it has refused', () => {
    const wire = asked({ type: 'put', name: 'a', size: 9 });
    feedWhole(wire, 'ERROR wait\n');
    assert.throws(() => feedWhole(wire, 'SEND 9\n'), /waits for a file/);
  });

  test('says what is left at the end, and whether the end was asked for', () => {
    const full = new LobbyWire(SECRET);
    full.feed(Buffer.from('Server full'));
    full.feed(Buffer.from(', rejecting connection'));
    assert.deepEqual(full.end(), {
      isGreeted: false,
      isAsked: false,
      text: 'Server full, rejecting connection',
    });
    assert.deepEqual(asked({ type: 'bye' }).end(), { isGreeted: true, isAsked: true, text: '' });
    assert.deepEqual(asked(line('x')).end(), { isGreeted: true, isAsked: false, text: '' });
  });

  test('refuses what is no lobby, and a line without an end', () => {
    for (const greeting of ['HTTP/1.1 400 Bad Request\n', 'Client1\n', 'Client1mark 2 ACK\n']) {
      const wire = new LobbyWire(SECRET);
      wire.greet();
      assert.throws(() => feedWhole(wire, greeting), /does not greet as a lobby does/);
    }
    const wire = greeted();
    assert.throws(() => {
      for (let i = 0; i < 20; i++) wire.feed(Buffer.alloc(64 * 1024, 'x'));
    }, /longer than/);
  });

  test('has one request at a time', () => {
    assert.throws(() => asked(line('a')).ask(line('b')), TypeError);
  });
});
