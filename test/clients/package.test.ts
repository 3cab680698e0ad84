/**
 * The package as its users have it: packed, put into an empty project, compiled against and run. The project has the
 * packages that the lock file gives to users and no others, linked instead of installed: there may be no network.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** What a program in TypeScript brings itself. */
const COMPILER = ['typescript', '@types/node'];

const PROGRAM = `
import { connect, type Client, OutcryError, toDecimal } from 'outcry';
import { createServer, type OutcryServer } from 'outcry/server';

await using server: OutcryServer = await createServer({ store: 'memory', clients: 'in-process' });
await using client: Client = await connect({ server });
await client.bank.credit('Marc', '12.30');
const cents = await client.bank.balance('Marc');
if (cents !== undefined) console.log(toDecimal(cents));
try {
  await client.bank.debit('', '1');
} catch (error) {
  if (error instanceof OutcryError) console.log(error.code);
}
`;

/** The codecs need nothing but themselves, not even the types of Node. */
const CODECS = `
import { decodeOutbound, encodeInbound, type OutboundMessage, toTenths } from 'outcry/ouch';
import { decodeClientPacket, encodeClientPacket } from 'outcry/soupbintcp';

const cancel = encodeInbound({ type: 'cancel', token: 5, quantity: 0 });
const packet = decodeClientPacket(encodeClientPacket({ type: 'unsequenced', message: cancel }));
const told: OutboundMessage = decodeOutbound(new Uint8Array([0x53, 0, 0, 0, 0, 0, 0, 0, 7, 0x45]));
export const seen = [packet.type, told.timestampNs, toTenths('2300.0')].join(' ');
`;

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

describe('the package', () => {
  let project: string;

  before(async () => {
    project = await mkdtemp(join(tmpdir(), 'outcry-package-'));
    const packing = ['pack', '--silent', '--ignore-scripts', '--pack-destination', project];
    const { stdout: tarball } = await run('npm', packing, { cwd: ROOT });
    const modules = join(project, 'node_modules');
    await mkdir(join(modules, 'outcry'), { recursive: true });
    const target = ['-C', join(modules, 'outcry'), '--strip-components=1'];
    await run('tar', ['-xzf', join(project, tarball.trim()), ...target]);
    const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
    for (const [path, { dev }] of Object.entries(lock.packages)) {
      const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? [];
      if (name === undefined || (dev === true && !COMPILER.includes(name))) continue;
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(ROOT, path), join(modules, name));
    }
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    await writeFile(join(project, 'program.ts'), PROGRAM);
  });

  after(() => rm(project, { recursive: true }));

  async function compile(file: string, options: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2022'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      outDir: 'out',
      ...options,
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    await run(process.execPath, [compiler, '-p', project]).catch((error: { stdout: string }) => {
      assert.fail(error.stdout);
    });
  }

  for (const skipLibCheck of [true, false]) {
    test(`has types that compile ${skipLibCheck ? 'with' : 'without'} skipLibCheck`, async () => {
      await compile('program.ts', { skipLibCheck });
      await compile('program.ts', { skipLibCheck, exactOptionalPropertyTypes: true, lib: ['esnext'] });
    });
  }

  test('has what a program needs to run', async () => {
    await compile('program.ts');
    const { stdout } = await run(process.execPath, [join(project, 'out', 'program.js')]);
    assert.equal(stdout, '12.30\nERR_POSTING_REFUSED\n');
  });

  test('has codecs that stand alone', async () => {
    await writeFile(join(project, 'codecs.ts'), CODECS);
    await compile('codecs.ts', { lib: ['es2022', 'dom'], types: [], skipLibCheck: false });
    const alone = join(project, 'alone');
    await cp(join(project, 'node_modules', 'outcry'), join(alone, 'node_modules', 'outcry'), {
      recursive: true,
    });
    await cp(join(project, 'out', 'codecs.js'), join(alone, 'codecs.mjs'));
    const { seen } = (await import(pathToFileURL(join(alone, 'codecs.mjs')).href)) as { seen: string };
    assert.equal(seen, 'unsequenced 7 23000');
  });

  for (const [page, blocks] of [
    ['README.md', 4],
    ['src/protocol/ouch/README.md', 1],
    ['src/protocol/soupbintcp/README.md', 1],
  ] as const) {
    test(`is as ${page} shows it`, async () => {
      const text = await readFile(join(ROOT, page), 'utf8');
      const shown = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
      assert.ok(shown.length >= blocks);
      await writeFile(join(project, 'shown.ts'), shown.join('\n'));
      await compile('shown.ts', { skipLibCheck: true, noEmit: true });
    });
  }

  test('has the command, and the pages of the wires', async () => {
    const outcry = join(project, 'node_modules', 'outcry');
    const { stdout } = await run(process.execPath, [join(outcry, 'dist/clients/cli/main.js'), '--help']);
    assert.match(stdout, /outcry/);
    assert.match(await readFile(join(outcry, 'src/protocol/api/README.md'), 'utf8'), /^# The api's wire/);
    assert.match(await readFile(join(outcry, 'src/protocol/ouch/README.md'), 'utf8'), /^# OUCH/);
    assert.match(await readFile(join(outcry, 'src/protocol/soupbintcp/README.md'), 'utf8'), /^# SoupBinTCP/);
  });

  test('has nothing internal in what it exports', async () => {
    const library = (await import('../../clients/index.ts')) as Readonly<Record<string, unknown>>;
    const errors = ['ERROR_CODES', 'OutcryError'];
    const names = [...errors, 'OrderMirror', 'connect', 'connectExchange', 'toDecimal'];
    assert.deepEqual(Object.keys(library).sort(), names.sort());
    const ouch = (await import('../../src/protocol/ouch/index.ts')) as Readonly<Record<string, unknown>>;
    const codec = ['decodeInbound', 'decodeOutbound', 'encodeInbound', 'encodeOutbound'];
    const values = ['DAY', 'IMMEDIATE', 'LENGTH', 'LETTER', 'PRICE_MAX', 'QUANTITY_MAX'];
    const words = ['CANCEL_REASONS', 'REJECT_REASONS', 'explainCancel', 'explainReject'];
    const expected = [...errors, ...codec, ...values, ...words, 'formatTenths', 'toTenths'];
    assert.deepEqual(Object.keys(ouch).sort(), expected.sort());
    const soup = (await import('../../src/protocol/soupbintcp/index.ts')) as Readonly<
      Record<string, unknown>
    >;
    const packets = ['decodeClientPacket', 'decodeServerPacket', 'encodeClientPacket', 'encodeServerPacket'];
    const sizes = ['HEADER_BYTES', 'HEARTBEAT_MS', 'LOGIN_MS', 'PACKET', 'PACKET_BYTES', 'PAYLOAD_BYTES_MAX'];
    const others = [...packets, ...sizes, 'PacketSplitter', 'SILENCE_MS', 'foldCase'];
    assert.deepEqual(Object.keys(soup).sort(), [...errors, ...others].sort());
  });
});
