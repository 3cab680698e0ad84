/** Questions on a terminal that is pretended, and what is printed above them. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import type { ReadStream } from 'node:tty';
import { PromptScreen } from '../../../clients/cli/prompt-screen.ts';
import { Prompts } from '../../../clients/cli/prompts.ts';
import { until } from '../../support/until.ts';
import { VirtualScreen } from '../../support/virtual-screen.ts';

const KEYS = { down: '\x1b[B', enter: '\r', backspace: '\x7f', ctrlC: '\x03', ctrlD: '\x04', esc: '\x1b' };
const FRUIT = [
  { value: 'apple', label: 'an apple' },
  { value: 'pear', label: 'a pear' },
];

interface Session {
  readonly prompts: Prompts;
  readonly screen: PromptScreen;
  readonly seen: VirtualScreen;
  readonly input: PassThrough;
  type(keys: string): void;
  /** Waits until it is to be seen. */
  shows(text: string): Promise<void>;
}

function open(t: TestContext, columns = 80): Session {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  const seen = new VirtualScreen(columns);
  const screen = new PromptScreen(seen);
  const prompts = new Prompts(input as unknown as ReadStream, screen);
  t.after(() => {
    prompts.close();
    screen.destroy();
    input.destroy();
  });
  return {
    ...{ prompts, screen, seen, input },
    type: (keys) => input.write(keys),
    shows: async (text) => void (await until(`${text} is shown`, () => seen.text.includes(text))),
  };
}

const anything = () => undefined;

describe('a question', () => {
  test('is answered by one of its choices, the default one first', async (t) => {
    const { prompts, type, shows } = open(t);
    const first = prompts.choose('Which?', FRUIT, 'pear');
    await shows('● a pear');
    type(KEYS.enter);
    assert.equal(await first, 'pear');
    const second = prompts.choose('And now?', FRUIT);
    await shows('● an apple');
    type(KEYS.down);
    await shows('● a pear');
    type(KEYS.enter);
    assert.equal(await second, 'pear');
  });

  test('is answered by its default, or by what is typed', async (t) => {
    const { prompts, type, shows } = open(t);
    const first = prompts.type({ message: 'How many?', byDefault: '100', flaw: anything });
    await shows('│  100');
    type(KEYS.enter);
    assert.equal(await first, '100');
    const second = prompts.type({ message: 'How many more?', byDefault: '100', flaw: anything });
    await shows('How many more?');
    type('25');
    await shows('│  25');
    type(KEYS.enter);
    assert.equal(await second, '25');
  });

  test('is asked on while the answer is wrong, and says why', async (t) => {
    const { prompts, type, shows } = open(t);
    const flaw = (answer: string) => (answer === '7' ? undefined : `${answer || 'nothing'} is not 7`);
    const answer = prompts.type({ message: 'Seven?', flaw });
    await shows('Seven?');
    type(KEYS.enter);
    await shows('nothing is not 7');
    type('8');
    await shows('│  8');
    type(KEYS.enter);
    await shows('8 is not 7');
    type(KEYS.backspace);
    type('7');
    await shows('│  7');
    type(KEYS.enter);
    assert.equal(await answer, '7');
  });

  test('is left by Esc, Ctrl-C and Ctrl-D', async (t) => {
    const { prompts, type, shows } = open(t);
    for (const key of [KEYS.ctrlC, KEYS.ctrlD, KEYS.esc]) {
      const message = `Left by ${JSON.stringify(key)}?`;
      const answer = prompts.type({ message, flaw: anything });
      await shows(message);
      type(key);
      assert.equal(await answer, undefined);
    }
  });

  test('is left when the questions are closed, and none is asked afterwards', async (t) => {
    const { prompts, shows, seen } = open(t);
    const answer = prompts.choose('Which?', FRUIT);
    await shows('Which?');
    prompts.close();
    assert.equal(await answer, undefined);
    assert.equal(await prompts.choose('Another?', FRUIT), undefined);
    assert.doesNotMatch(seen.text, /Another/);
  });

  test('is left when there is nobody to answer any more', async (t) => {
    const { prompts, shows, input } = open(t);
    const answer = prompts.choose('Which?', FRUIT);
    await shows('Which?');
    input.end();
    assert.equal(await answer, undefined);
  });
});

describe('what is printed while a question is asked', () => {
  test('stands above it, and the question goes on', async (t) => {
    const { prompts, screen, seen, type, shows } = open(t);
    screen.print('before');
    const answer = prompts.choose('Which?', FRUIT);
    await shows('● an apple');
    screen.print('one');
    screen.print('two\nthree');
    const question = ['│', '◆  Which?', '│  ● an apple', '│  ○ a pear', '└'];
    assert.deepEqual(seen.lines, ['before', 'one', 'two', 'three', ...question, '']);
    type(KEYS.down);
    await shows('● a pear');
    screen.print('four');
    const moved = ['│', '◆  Which?', '│  ○ an apple', '│  ● a pear', '└'];
    assert.deepEqual(seen.lines, ['before', 'one', 'two', 'three', 'four', ...moved, '']);
    type(KEYS.enter);
    await answer;
    screen.print('five');
    const answered = ['│', '◇  Which?', '│  a pear'];
    assert.deepEqual(seen.lines, ['before', 'one', 'two', 'three', 'four', ...answered, 'five', '']);
  });

  test('leaves what is being typed whole, also where lines are longer than the terminal is wide', async (t) => {
    const { prompts, screen, seen, type, shows } = open(t, 20);
    const answer = prompts.type({ message: 'A question of some length?', flaw: anything });
    await shows('length?');
    type('a long answer, too, it is');
    await until('all of it is shown', () => seen.text.replaceAll(/\n(?:│ {2})?/g, '').includes('too, it is'));
    const before = seen.lines;
    screen.print('< an answer that is longer than a line');
    assert.deepEqual(seen.lines, ['< an answer that is ', 'longer than a line', ...before]);
    type('!');
    await shows('!');
    assert.deepEqual(seen.lines.slice(0, 2), ['< an answer that is ', 'longer than a line']);
    assert.equal(seen.lines.length, before.length + 2);
    type(KEYS.enter);
    assert.equal(await answer, 'a long answer, too, it is!');
  });
});
