import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { LobbyScreen } from '../../../clients/cli/lobby-screen.ts';
import { until } from '../../support/until.ts';

interface Session {
  readonly screen: LobbyScreen;
  readonly input: PassThrough;
  readonly taken: string[];
  /** What the terminal was sent since the last look. */
  look(): string;
}

/** A terminal of 80 columns, unless it is a pipe. */
function open(
  t: TestContext,
  isTerminal: boolean,
  onInterrupt = () => {},
  onTyped = (_line: string) => {},
): Session {
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { columns: 80, rows: 24 });
  const screen = new LobbyScreen({ input, output, isTerminal, onInterrupt, onTyped });
  const taken: string[] = [];
  t.after(() => screen.close());
  return { screen, input, taken, look: () => String(output.read() ?? '') };
}

/** Takes every line, and says that it has. */
function takeAll({ screen, taken }: Session): Promise<void> {
  const take = async () => {
    for await (const line of screen.lines('Client1: ')) {
      taken.push(line);
      screen.print(`took ${line}`);
    }
  };
  return take();
}

const PROMPT = '\x1b[1G\x1b[0JClient1: \x1b[10G';
const CLEAR = '\x1b[1G\x1b[0J';

describe('LobbyScreen on a terminal', () => {
  test('prompts, and again behind what a line has led to', async (t) => {
    const session = open(t, true);
    const taking = takeAll(session);
    assert.equal(session.look(), PROMPT);
    session.input.write('hi\r');
    await until('it is taken', () => session.taken.length === 1);
    session.input.end();
    await taking;
    assert.ok(session.look().includes(`${CLEAR}took hi\n${PROMPT}`));
  });

  test('keeps the line that is being typed whole and last', async (t) => {
    const session = open(t, true);
    const taking = takeAll(session);
    session.input.write('half a');
    let shown = '';
    await until('it is echoed', () => {
      shown += session.look();
      return shown.endsWith('half a');
    });
    session.screen.print('Client2 says: hi');
    assert.equal(session.look(), `${CLEAR}Client2 says: hi\n\x1b[1G\x1b[0JClient1: half a\x1b[16G`);
    session.input.write(' line\r');
    await until('it is taken', () => session.taken.length === 1);
    assert.deepEqual(session.taken, ['half a line']);
    session.input.end();
    await taking;
  });

  test('clears all rows of a long line that is being typed', async (t) => {
    const session = open(t, true);
    const taking = takeAll(session);
    session.input.write('x'.repeat(200));
    let shown = '';
    await until('it is echoed', () => {
      shown += session.look();
      return (shown.match(/x/g) ?? []).length >= 200;
    });
    session.screen.print('Client2 says: hi');
    assert.ok(session.look().startsWith(`\x1b[2A${CLEAR}Client2 says: hi\n`));
    session.input.end();
    await taking;
  });

  test('lets nothing through that moves the cursor', (t) => {
    const session = open(t, true);
    session.screen.print('a\x1b[2J\x07b\nc');
    assert.equal(session.look(), 'ab c\n');
  });

  test('prompts no more when Ctrl-D has come while a line was dealt with', async (t) => {
    const session = open(t, true);
    const lines = session.screen.lines('Client1: ');
    const first = lines.next();
    session.input.write('hi\r');
    assert.deepEqual(await first, { value: 'hi', done: false });
    session.look();
    session.input.write('\x04');
    await until('it is read', () => session.input.readableLength === 0);
    session.screen.print('hi ACK');
    assert.deepEqual(await lines.next(), { value: undefined, done: true });
    assert.equal(session.look(), `${CLEAR}hi ACK\n`);
  });

  test('has no lines when it was closed before they were asked for', async (t) => {
    const session = open(t, true);
    session.screen.close();
    await takeAll(session);
    assert.equal(session.look(), '');
  });

  test('tells of Ctrl-C', async (t) => {
    let interrupts = 0;
    const session = open(t, true, () => interrupts++);
    const taking = takeAll(session);
    session.input.write('\x03');
    await until('it is told', () => interrupts === 1);
    session.screen.close();
    await taking;
  });
});

describe('LobbyScreen with a secret prompt', () => {
  const UP = '\x1b[A';

  /** What follows a line `-signin` is secret. */
  function openSecret(t: TestContext) {
    const session = open(
      t,
      true,
      () => {},
      (line) => {
        session.screen.prompt =
          line === '-signin' ? { text: 'secret: ', isSecret: true } : { text: 'open: ' };
      },
    );
    session.screen.prompt = { text: 'open: ' };
    return session;
  }

  test('shows nothing of what is typed, and brings it back no more', async (t) => {
    const session = openSecret(t);
    const lines = session.screen.lines();
    const first = lines.next();
    session.input.write('-signin\r');
    assert.equal((await first).value, '-signin');
    session.look();
    const second = lines.next();
    session.input.write('geh\x7feim\r');
    assert.equal((await second).value, 'geeim');
    assert.equal(session.look(), 'secret: \n');
    const third = lines.next();
    session.input.write(`${UP}\r`);
    assert.equal((await third).value, '-signin');
    assert.match(session.look(), /open: .*-signin/s);
  });

  test('shows nothing of it either if it is typed ahead', async (t) => {
    const session = openSecret(t);
    const lines = session.screen.lines();
    const first = lines.next();
    session.input.write('-signin\rgeheim\rhello\r');
    const typed = [(await first).value, (await lines.next()).value, (await lines.next()).value];
    assert.deepEqual(typed, ['-signin', 'geheim', 'hello']);
    const seen = session.look();
    assert.doesNotMatch(seen, /geheim/);
    assert.match(seen, /hello/);
  });

  test('stays below what is printed meanwhile', async (t) => {
    const session = openSecret(t);
    const lines = session.screen.lines();
    const first = lines.next();
    session.input.write('-signin\r');
    await first;
    const second = lines.next();
    session.input.write('geheim');
    session.look();
    session.screen.print('news');
    assert.equal(session.look(), `${CLEAR}news\nsecret: `);
    session.input.write('\r');
    assert.equal((await second).value, 'geheim');
  });
});

describe('LobbyScreen in a pipe', () => {
  test('has lines and nothing else', async (t) => {
    const session = open(t, false);
    const taking = takeAll(session);
    session.input.end('one\ntwo');
    await taking;
    assert.equal(session.look(), 'took one\ntook two\n');
  });
});
