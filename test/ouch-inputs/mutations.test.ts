/**
 * The example inputs find what is broken: each of three engines, broken on purpose, fails those that are of its rule, and
 * the engine as it is fails none.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { failuresOf, INPUT_NAMES, play, readInput, type VenuePorts } from '../support/input-files.ts';
import { startOutcry } from '../support/server-process.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BUILT = ['src', 'workers', 'clients'];

/** A change of one built file. What is to be found must be there once. */
interface Patch {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

const BOOK = 'workers/exchange/order-book.js';
const ENTRY = 'workers/exchange/order-entry.js';

const PRIORITY_REVERSED: readonly Patch[] = [
  {
    file: BOOK,
    find: 'const resting = levels[level | FIRST];',
    put: 'const resting = levels[level | LAST];',
  },
];

/** A replace with the same price and quantity, that is: where nothing else would show. */
const REPLACE_KEEPS_ITS_PLACE: readonly Patch[] = [
  {
    file: ENTRY,
    find: 'book.book.remove(slot);\n        const open = view.getUint32(at + REPLACE.quantity) - orders.rows[slot | USED];',
    put: `const open = view.getUint32(at + REPLACE.quantity) - orders.rows[slot | USED];
        const keeps = open === orders.rows[slot | OPEN] &&
            view.getUint32(at + REPLACE.price) === orders.rows[slot | PRICE];
        if (!keeps) book.book.remove(slot);`,
  },
  {
    file: ENTRY,
    find: 'orders.setTerms(slot, price, open, counter, this.#clock.nowMs);\n        this.#trade(',
    put: 'orders.setTerms(slot, price, open, counter, this.#clock.nowMs);\n        if (!keeps) this.#trade(',
  },
];

const POST_ONLY_EXECUTES: readonly Patch[] = [
  {
    file: ENTRY,
    find: 'return display === POST_ONLY && book.crosses(isBuy, price);',
    put: 'return false;',
  },
];

/** They need somebody else: the other one of the two, or an operator. */
const NOT_ALONE = ['barrier-a', 'barrier-b', '13b-after-the-close'];

/**
 * Those that mean a venue as it is by default, where nobody logs in: each connection has tokens of its own there, so that
 * one server does for all of them.
 */
const PLAYED = INPUT_NAMES.filter((name) => {
  const { venue, clients, actions } = readInput(name);
  const isOfLogins = actions.some((step) => 'reconnect' in step);
  return venue === undefined && clients === undefined && !isOfLogins && !NOT_ALONE.includes(name);
});

/** A copy of what was built, with these changes. Returns its program. */
function copyBuilt(t: TestContext, patches: readonly Patch[]): string {
  const copy = mkdtempSync(join(tmpdir(), 'outcry-'));
  t.after(() => rmSync(copy, { recursive: true }));
  for (const folder of BUILT)
    cpSync(join(ROOT, 'dist', folder), join(copy, 'dist', folder), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, find, put } of patches) {
    const path = join(copy, 'dist', file);
    const parts = readFileSync(path, 'utf8').split(find);
    assert.equal(
      parts.length,
      2,
      `the mutation does not fit the engine any more: ${file} has not once ${find}`,
    );
    writeFileSync(path, parts.join(put));
  }
  return join(copy, 'dist/clients/cli/main.js');
}

async function serve(t: TestContext, program: string): Promise<VenuePorts> {
  const variables = { OUTCRY_BANK_PORT: '0', OUTCRY_SERVER_HOSTS: '1' };
  const server = startOutcry(t, ['serve', '--memory', '--log-level', 'error'], { program, variables });
  await server.listening(/^api +127\.0\.0\.1:(\d+)/m);
  const portOf = (service: string) =>
    Number(new RegExp(`^${service} +127\\.0\\.0\\.1:(\\d+)`, 'm').exec(server.stdout)?.[1]);
  return { ouch: portOf('ouch'), raw: portOf('ouch-raw') };
}

/** The names of the inputs that fail at an engine with these changes. */
async function failing(t: TestContext, patches: readonly Patch[]): Promise<readonly string[]> {
  const ports = await serve(t, copyBuilt(t, patches));
  const names: string[] = [];
  for (const name of PLAYED) {
    const failures = failuresOf(await play([name], ports, { isRaw: true, timeoutMs: 5000 }));
    if (failures.length > 0) names.push(name);
    for (const text of failures) t.diagnostic(text);
  }
  return names;
}

describe('the examples', () => {
  test('all pass at the engine as it is', async (t) => {
    assert.deepEqual(await failing(t, []), []);
  });

  test('find that of one price the newest order trades first', async (t) => {
    const names = await failing(t, PRIORITY_REVERSED);
    assert.deepEqual(names, ['15-price-time', '16-replace-loses-its-place']);
  });

  test('find that a replaced order keeps its place', async (t) => {
    assert.deepEqual(await failing(t, REPLACE_KEEPS_ITS_PLACE), ['16-replace-loses-its-place']);
  });

  test('find that a post-only order trades at once', async (t) => {
    assert.deepEqual(await failing(t, POST_ONLY_EXECUTES), ['09-post-only-crosses']);
  });
});
