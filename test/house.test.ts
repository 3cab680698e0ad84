/** The house rules: who may import whom, what must not be in the sources, and documents that tell the truth. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DISCARD_REASONS } from '../src/protocol/bank.ts';
import { ALL_SETTINGS } from '../src/settings.ts';
import { ERROR_CODES } from '../src/values/errors.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['src', 'workers', 'clients', 'bench', 'test'];
/** Programs are started by their path or URL, never imported. */
const ENTRIES = [
  'workers/host.ts',
  'workers/job.ts',
  'src/commands/serve.ts',
  'src/commands/bank-serve.ts',
  'src/commands/data.ts',
  'src/commands/ouch-serve.ts',
  'clients/cli/main.ts',
  'clients/cli/bank-send.ts',
  'clients/cli/admin.ts',
  'clients/cli/admin-exchange.ts',
  'clients/cli/admin-users.ts',
  'clients/cli/gold.ts',
  'clients/cli/gold-import.ts',
  'clients/cli/lobby.ts',
  'clients/cli/ouch-record.ts',
  'clients/cli/ouch-replay.ts',
  'clients/cli/ouch-enter.ts',
  'clients/cli/ouch-send.ts',
  'clients/examples/admin-dashboard.ts',
  'clients/examples/enter-orders.ts',
  'clients/examples/export-balances.ts',
  'clients/examples/gold-rates.ts',
  'clients/examples/lobby-chat.ts',
  'clients/examples/post-transactions.ts',
  'clients/examples/transfer-files.ts',
  'clients/examples/watch-market.ts',
  'bench/all.ts',
  'bench/support/bench-host.ts',
  'bench/support/ouch-reference.ts',
  'test/simulation/run.ts',
  'test/support/lmdb-child.ts',
];

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const files = FOLDERS.flatMap((folder) => sourcesIn(join(ROOT, folder)));

function sourcesIn(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = join(folder, name);
      const text = readFileSync(file, 'utf8');
      return { path: relative(ROOT, file), text, imports: importsOf(file, text) };
    });
}

/** The paths of our own files that `text` imports, whether for values or only for types. */
function importsOf(file: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']*)'/g)].map(
    ([, specifier = '']) => specifier,
  );
  return specifiers.map((specifier) => relative(ROOT, join(dirname(file), specifier)));
}

interface Rule {
  readonly who: RegExp;
  readonly may: RegExp;
  readonly text: string;
}

/** The first rule that fits a file is its rule. */
const RULES: readonly Rule[] = [
  { who: /^src\/values\//, may: /^src\/values\//, text: 'src/values imports nothing of ours' },
  {
    who: /^src\/protocol\/ouch\//,
    may: /^src\/(values|protocol\/ouch)\//,
    text: 'outcry/ouch stands alone',
  },
  {
    who: /^src\/protocol\/soupbintcp\//,
    may: /^src\/(values|protocol\/soupbintcp)\//,
    text: 'outcry/soupbintcp stands alone',
  },
  { who: /^src\/protocol\//, may: /^src\/(values|protocol)\//, text: 'src/protocol imports only values' },
  {
    who: /^src\//,
    may: /^src\//,
    text: 'src imports neither workers nor clients: it knows their entries by URL',
  },
  {
    who: /^workers\/runtime\//,
    may: /^(workers\/runtime|src\/(values|protocol))\//,
    text: 'workers/runtime knows no service',
  },
  {
    who: /^workers\//,
    may: /^(workers|src\/(values|protocol))\//,
    text: 'workers import from src only protocol and values',
  },
  { who: /^clients\/examples\//, may: /^$/, text: 'examples import what users import' },
  {
    who: /^clients\//,
    may: /^(clients|src\/(values|protocol))\//,
    text: 'clients import from src only protocol and values',
  },
  { who: /^bench\//, may: /^(bench|src|workers|clients)\//, text: 'bench imports no test' },
  { who: /^test\//, may: /./, text: 'tests import what they test' },
];

/** Pure code: bytes and numbers in, bytes and numbers out. No actor, socket, clock, file or thread. */
const DOMAIN = [
  'src/protocol/ouch/fields.ts',
  'src/protocol/ouch/flat.ts',
  'src/protocol/ouch/messages.ts',
  'src/protocol/ouch/prices.ts',
  'src/protocol/ouch/reasons.ts',
  'src/book-csv.ts',
  'src/book-screen.ts',
  'src/protocol/ouch-inputs/check.ts',
  'src/protocol/ouch-inputs/describe.ts',
  'src/protocol/ouch-inputs/door-splitter.ts',
  'src/protocol/ouch-inputs/expect.ts',
  'src/protocol/ouch-inputs/input.ts',
  'src/protocol/ouch-inputs/json.ts',
  'src/protocol/ouch-inputs/locate.ts',
  'src/protocol/ouch-inputs/names.ts',
  'src/protocol/ouch-inputs/pieces.ts',
  'src/protocol/ouch-inputs/raw-splitter.ts',
  'src/protocol/ouch-inputs/recording.ts',
  'src/protocol/ouch-inputs/schema.ts',
  'src/protocol/ouch-inputs/step-window.ts',
  'src/protocol/soupbintcp/packets.ts',
  'src/protocol/soupbintcp/packet-splitter.ts',
  'clients/cli/order-flaws.ts',
  'workers/ledger/half-sip-hash.ts',
  'workers/ledger/ledger.ts',
  'workers/ledger/bank-lines.ts',
  'workers/ledger/postings.ts',
  'workers/ledger/balances.ts',
  'workers/ledger/bank-report.ts',
  'workers/ledger/ledger-log.ts',
  'workers/ledger/ledger-snapshot.ts',
  'workers/ledger/uploads.ts',
  'workers/ledger/keys.ts',
  'workers/ledger/api-postings.ts',
  'workers/exchange/rows.ts',
  'workers/exchange/orders.ts',
  'workers/exchange/price-levels.ts',
  'workers/exchange/order-book.ts',
  'workers/exchange/accounts.ts',
  'workers/exchange/book-rows.ts',
  'workers/exchange/exchange.ts',
  'workers/exchange/exchange-log.ts',
  'workers/exchange/exchange-snapshot.ts',
  'workers/exchange/explain.ts',
  'workers/exchange/market-data.ts',
  'workers/exchange/order-entry.ts',
  'workers/exchange/recovery.ts',
  'workers/exchange/sequenced-stream.ts',
  'workers/exchange/ticks.ts',
  'workers/exchange/trades.ts',
  'workers/exchange/trading-account.ts',
  'workers/exchange/trading-day.ts',
  'workers/exchange/validate.ts',
  'workers/exchange/venue-books.ts',
  'workers/exchange/venue-clock.ts',
  'workers/exchange/wire-text.ts',
  'src/protocol/gold-dates.ts',
  'src/protocol/gold-file.ts',
  'workers/gold/check-rows.ts',
  'workers/gold/gold-names.ts',
  'workers/gold/rates.ts',
  'workers/gold/tries.ts',
  'workers/gold/providers/btmc.ts',
  'workers/gold/providers/example.ts',
  'workers/gold/providers/pnj.ts',
  'workers/gold/providers/provider.ts',
  'workers/gold/providers/tygia.ts',
  'workers/gold/providers/vang-today.ts',
  'workers/lobby/registry.ts',
  'workers/lobby/hall.ts',
  'workers/gold/gold-input.ts',
  'workers/gold/gold-replies.ts',
  'workers/gold/gold-requests.ts',
  'workers/lobby/lobby-input.ts',
  'workers/lobby/lobby-requests.ts',
  'workers/lobby/lobby-replies.ts',
  'workers/users/attempts.ts',
  'workers/users/fair-queue.ts',
  'workers/users/live-sessions.ts',
  'workers/users/throttle.ts',
  'workers/users/users.ts',
  'clients/ouch/order-mirror.ts',
  'clients/ouch-inputs/barriers.ts',
  'clients/ouch-inputs/failure.ts',
  'clients/ouch-inputs/machine.ts',
  'clients/ouch-inputs/statistics.ts',
  'clients/ouch-inputs/step-client.ts',
  'clients/ouch-inputs/wakeup.ts',
  'clients/upload.ts',
  'clients/line-index.ts',
  'clients/frame-reader.ts',
  'clients/transactions.ts',
  'clients/lobby-wire.ts',
  'clients/cli/gold-screen.ts',
  'clients/cli/lobby-commands.ts',
];

describe('imports', () => {
  test('every file keeps the rule of its folder', () => {
    const broken = files.flatMap(({ path, imports }) => {
      const rule = RULES.find(({ who }) => who.test(path));
      assert.ok(rule, `${path} is in no folder of the house`);
      return imports
        .filter((target) => !rule.may.test(target))
        .map((target) => `${path} imports ${target}: ${rule.text}`);
    });
    assert.deepEqual(broken, []);
  });

  test('nothing but benches and tests imports bench or test', () => {
    const broken = files
      .filter(({ path }) => !/^(bench|test)\//.test(path))
      .flatMap(({ path, imports }) =>
        imports
          .filter((target) => /^(bench|test)\//.test(target))
          .map((target) => `${path} imports ${target}`),
      );
    assert.deepEqual(broken, []);
  });

  test('domain files import only domain files, protocol and values, and nothing of Node', () => {
    for (const path of DOMAIN) {
      const file = files.find((candidate) => candidate.path === path);
      assert.ok(file, `${path} is named as domain code but is not there`);
      assert.doesNotMatch(file.text, /from 'node:/, `${path} imports a module of Node`);
      for (const target of file.imports) {
        assert.match(
          target,
          /^(src\/(values|protocol)|workers\/(ledger|lobby|exchange|users|gold)|clients)\//,
          `${path} imports ${target}`,
        );
        assert.ok(
          !/^(workers|clients)\//.test(target) || DOMAIN.includes(target),
          `${path} imports the shell ${target}`,
        );
      }
    }
  });

  test('every file is imported or is a program', () => {
    const imported = new Set(files.flatMap(({ imports }) => imports));
    const orphans = files
      .map(({ path }) => path)
      .filter((path) => !imported.has(path) && !ENTRIES.includes(path) && !/\.test\.ts$/.test(path));
    assert.deepEqual(orphans, []);
  });

  test('no file imports itself in a circle, types aside', () => {
    const circles = files.flatMap(({ path }) => circleFrom(path));
    assert.deepEqual(circles, []);
  });
});

/** The path of value imports from `start` back to itself, if there is one. */
function circleFrom(start: string): string[] {
  const seen = new Set<string>();
  const walk = (path: string): boolean => {
    const file = files.find((candidate) => candidate.path === path);
    return valueImportsOf(file).some((target) => {
      if (target === start) return true;
      if (seen.has(target)) return false;
      seen.add(target);
      return walk(target);
    });
  };
  return walk(start) ? [start] : [];
}

function valueImportsOf(file: SourceFile | undefined): string[] {
  if (file === undefined) return [];
  const withoutTypes = file.text.replaceAll(/import type [^;]*;/g, '');
  return importsOf(join(ROOT, file.path), withoutTypes);
}

describe('single owners', () => {
  const owned: readonly { readonly what: RegExp; readonly owners: RegExp; readonly hint: string }[] = [
    {
      what: /process\.hrtime|Date\.now\(|performance\.now\(/,
      owners: /^(src\/values\/clock\.ts|bench\/|test\/|clients\/)/,
      hint: 'read time with monotonicMs of src/values/clock.ts',
    },
    { what: /Math\.random\(/, owners: /^$/, hint: 'randomness is seeded: workers/runtime/random.ts' },
    {
      what: /new Piscina/,
      owners: /^(src\/(hosts|jobs)\.ts|bench\/|test\/)/,
      hint: 'pools belong to src/hosts.ts and src/jobs.ts',
    },
    {
      what: /process\.exit\(/,
      owners: /^(src\/commands\/|clients\/cli\/|bench\/|test\/)/,
      hint: 'only a command ends the process',
    },
    { what: /console\.(?!ts')/, owners: /^test\//, hint: 'log through pino, print through process.stdout' },
  ];
  for (const { what, owners, hint } of owned) {
    test(`${what.source} stays with its owner`, () => {
      const strangers = files.filter(
        ({ path, text }) => what.test(text) && !owners.test(path) && path !== 'test/house.test.ts',
      );
      assert.deepEqual(
        strangers.map(({ path }) => path),
        [],
        hint,
      );
    });
  }
});

describe('tests', () => {
  test('no test is focused or skipped without a condition', () => {
    const focused = files.filter(
      ({ path, text }) =>
        path.startsWith('test/') && /\b(?:test|it|describe)\.(?:only|skip|todo)\(/.test(text),
    );
    assert.deepEqual(
      focused.map(({ path }) => path),
      [],
    );
  });

  test('no source holds an unfinished mark', () => {
    const mark = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X'].join(''));
    assert.deepEqual(
      files.filter(({ text }) => mark.test(text)).map(({ path }) => path),
      [],
    );
  });
});

describe('documents', () => {
  const architecture = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

  test('ARCHITECTURE.md lists every error code with its meaning, and no other', () => {
    const listed = Object.fromEntries(
      [...architecture.matchAll(/^\| `(ERR_\w+)` \| (.+?) \|$/gm)].map(([, code, meaning]) => [
        code,
        meaning,
      ]),
    );
    assert.deepEqual(listed, ERROR_CODES);
  });

  test('ARCHITECTURE.md lists every reason for discarding a bank line, in order', () => {
    const listed = [...architecture.matchAll(/^\| `([a-z-]+)` \| [^|]+ \|$/gm)].map(([, reason]) => reason);
    assert.deepEqual(listed, DISCARD_REASONS);
  });

  test('ARCHITECTURE.md lists every setting that is a limit', () => {
    for (const { iniKey, section, type } of ALL_SETTINGS) {
      if (type !== 'count' && type !== 'bytes' && type !== 'seconds') continue;
      assert.ok(
        architecture.includes(`\`${section}.${iniKey}\``),
        `${section}.${iniKey} is not in ARCHITECTURE.md`,
      );
    }
  });

  test('every error code is used', () => {
    const sources = files
      .filter(({ path }) => !/^(bench|test)\/|errors\.ts$/.test(path))
      .map(({ text }) => text)
      .join('\n');
    const unused = Object.keys(ERROR_CODES).filter((code) => !sources.includes(code));
    assert.deepEqual(unused, []);
  });

  test('every file that a document names exists', () => {
    const named = [
      ...`${architecture}\n${readme}`.matchAll(/`((?:src|workers|clients|bench|test)\/[\w./-]+)`/g),
    ].map(([, path = '']) => path);
    const missing = named.filter((path) => !existsSync(join(ROOT, path)));
    assert.deepEqual(missing, []);
  });
});
