import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { watch } from '../../../src/values/watch.ts';

/** Shows `texts`, one after the other, and is interrupted behind the last one. */
async function shown(
  texts: readonly string[],
  screen: { readonly isTTY?: boolean; readonly rows?: number },
): Promise<readonly string[]> {
  const written: string[] = [];
  const interrupted = new AbortController();
  let i = 0;
  await watch(
    async () => {
      const text = texts[i++];
      if (text !== undefined) return text;
      interrupted.abort();
      throw new Error('what was asked is given up');
    },
    {
      screen: { ...screen, write: (text) => written.push(text) },
      everyMs: 1,
      signal: interrupted.signal,
    },
  );
  return written;
}

describe('watch', () => {
  test('appends where there is no terminal', async () => {
    assert.deepEqual(await shown(['one\n', 'two\n'], {}), ['one\n', 'two\n']);
  });

  test('draws in place on a terminal, and clears what is left of what was there', async () => {
    assert.deepEqual(await shown(['one\nand\n', 'two\n'], { isTTY: true, rows: 24 }), [
      '\x1b[H\x1b[Jone\x1b[K\nand\x1b[K\n\x1b[J',
      '\x1b[Htwo\x1b[K\n\x1b[J',
    ]);
  });

  test('counts what the terminal has no room for', async () => {
    assert.deepEqual(await shown(['1\n2\n3\n4\n'], { isTTY: true, rows: 4 }), [
      '\x1b[H\x1b[J1\x1b[K\n2\x1b[K\n… 2 more lines\x1b[K\n\x1b[J',
    ]);
    assert.deepEqual(await shown(['1\n2\n3\n'], { isTTY: true, rows: 4 }), [
      '\x1b[H\x1b[J1\x1b[K\n2\x1b[K\n3\x1b[K\n\x1b[J',
    ]);
  });

  test('shows all on a terminal that says it has no rows', async () => {
    assert.deepEqual(await shown(['1\n2\n3\n'], { isTTY: true, rows: 0 }), [
      '\x1b[H\x1b[J1\x1b[K\n2\x1b[K\n3\x1b[K\n\x1b[J',
    ]);
  });

  test('ends while it waits, too', async () => {
    const interrupted = new AbortController();
    const watching = watch(async () => 'text\n', {
      screen: { write: () => setImmediate(() => interrupted.abort()) },
      everyMs: 3_600_000,
      signal: interrupted.signal,
    });
    await watching;
  });

  test('throws what went wrong', async () => {
    const watching = watch(async () => Promise.reject(new Error('gone')), {
      screen: { write: () => {} },
      everyMs: 1,
      signal: new AbortController().signal,
    });
    await assert.rejects(watching, /gone/);
  });
});
