/**
 * `outcry data …`: what is done with a data folder without a server, or beside one that is running. Nothing but an
 * import writes to a folder, and that only to a new one.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { DataFolder, type FolderView, viewFolder } from '../data-folder.ts';
import { hostCountFor } from '../hosts.ts';
import { ChannelBroken, ChunkWriter, readChunks } from '../protocol/chunk-channel.ts';
import { argumentsOf, createFlags, parseFlags, parseWhole } from '../protocol/command-line.ts';
import type { Verdict } from '../protocol/data-jobs.ts';
import { DATA_FOLDER } from '../protocol/operator-file.ts';
import { messageOf, OutcryError } from '../values/errors.ts';
import { formatCount } from '../values/readable.ts';
import { hostsOf, WorkProgress, withJobs } from './data-work.ts';

const STANDARD_INPUT = '-';
const READ_BYTES = 1024 * 1024;
const HOSTS_MAX = 256;
const LAST_DEFAULT = 20;
const LAST_MAX = 1_000_000;

export async function verify(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry data verify',
    usage: '[DIR]',
    summary:
      `Read all that is stored in DIR (default: ${DATA_FOLDER}) and say what is wrong with it. ` +
      'A server may be running on it. Exit code 0: sound, 1: damaged.',
  });
  if (parseFlags(flags, args) === 'help') return 0;
  const [dir = DATA_FOLDER] = argumentsOf(flags, 1);
  const [verdicts, { formatVerdicts }] = await Promise.all([verifyFolder(dir), loadText()]);
  process.stdout.write(formatVerdicts(verdicts));
  return verdicts.every(({ findings }) => findings.length === 0) ? 0 : 1;
}

async function verifyFolder(dir: string): Promise<readonly Verdict[]> {
  return withJobs(async (jobs) => {
    const verifyAll = (view: FolderView) => {
      const progress = new WorkProgress('verifying');
      return Promise.all(
        hostsOf(view).map((host) => {
          const port = progress.open();
          return jobs.result({ type: 'verify', host, progress: port }, [port]);
        }),
      );
    };
    const view = viewFolder(dir);
    const verdicts = await verifyAll(view);
    if (view.user !== undefined || verdicts.every(({ findings }) => findings.length === 0)) return verdicts;
    // A server that was started meanwhile was writing to what was read.
    const later = viewFolder(dir);
    return later.user === undefined ? verdicts : verifyAll(later);
  });
}

export async function stats(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry data stats',
    usage: '[DIR]',
    summary: `Say what is stored in DIR (default: ${DATA_FOLDER}), in numbers. A server may be running on it.`,
  });
  if (parseFlags(flags, args) === 'help') return 0;
  const [dir = DATA_FOLDER] = argumentsOf(flags, 1);
  const view = viewFolder(dir);
  const progress = new WorkProgress('counting');
  const counted = withJobs((jobs) =>
    Promise.all(
      hostsOf(view).map((host) => {
        const port = progress.open();
        return jobs.result({ type: 'stats', host, progress: port }, [port]);
      }),
    ),
  );
  const [hosts, { formatStats }] = await Promise.all([counted, loadText()]);
  process.stdout.write(formatStats({ path: view.path, user: view.user, hosts }));
  return 0;
}

export async function exportData(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry data export',
    usage: '[DIR] [--out FILE]',
    summary: `Write all that is stored in DIR (default: ${DATA_FOLDER}) as JSON lines. A server may be running on it.`,
  }).option('--out <file>', 'where it is written to (default: standard output)');
  if (parseFlags(flags, args) === 'help') return 0;
  const [dir = DATA_FOLDER] = argumentsOf(flags, 1);
  const { out } = flags.opts<{ out?: string }>();
  const hosts = hostsOf(viewFolder(dir));
  const sink = await openSink(out);
  const events = await withJobs(async (jobs) => {
    const { port1, port2: output } = new MessageChannel();
    const progress = new WorkProgress('exporting').open();
    const job = jobs.result({ type: 'export', hosts, output, progress }, [output, progress]);
    const [exported] = await bothOf(job, sink.take(readChunks(port1)));
    return exported;
  });
  if (out !== undefined) process.stdout.write(`${formatCount(events)} events are in ${out}\n`);
  return 0;
}

/** As the data folder, it has hashes of passwords. */
const EXPORT_MODE = 0o600;

interface Sink {
  take(chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

async function openSink(out: string | undefined): Promise<Sink> {
  if (out === undefined) return { take: writeToStandardOutput };
  const file = await open(out, 'w', EXPORT_MODE).catch((error: unknown) => failWriting(out, error));
  return { take: (chunks) => writeToFile(file, chunks).catch((error: unknown) => failWriting(out, error)) };
}

async function writeToStandardOutput(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }
}

async function writeToFile(file: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of chunks) await file.appendFile(chunk);
    // A pipe or a terminal has no disk behind it.
    if ((await file.stat()).isFile()) await file.sync();
  } finally {
    await file.close();
  }
}

function failWriting(out: string, cause: unknown): never {
  if (cause instanceof ChannelBroken) throw cause;
  throw new OutcryError('ERR_EXPORT', `can't write ${out}: ${messageOf(cause)}`, {
    cause,
    fields: { file: out },
  });
}

export async function importData(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry data import',
    usage: 'DIR [FILE] [--hosts N]',
    summary:
      'Make the data folder DIR, which must be new or empty, of the lines of an export, from FILE or standard input.',
  }).option('--hosts <n>', 'for so many hosts (default: as outcry serve, one less than there are cores)');
  if (parseFlags(flags, args) === 'help') return 0;
  const [dir, file = STANDARD_INPUT] = argumentsOf(flags, 2);
  if (dir === undefined)
    throw new OutcryError('ERR_USAGE', 'usage: outcry data import DIR [FILE] [--hosts N]');
  const { hosts } = flags.opts<{ hosts?: string }>();
  const count =
    hosts === undefined ? hostCountFor(0) : parseWhole('--hosts', hosts, { min: 1, max: HOSTS_MAX });
  let events = 0;
  await withJobs((jobs) =>
    DataFolder.create(dir, count, async (folders) => {
      const { port1, port2: input } = new MessageChannel();
      const job = jobs.result({ type: 'import', folders, input }, [input]);
      [events] = await bothOf(job, sendFile(file, port1));
    }),
  );
  process.stdout.write(`${formatCount(events)} events are in ${dir}\n`);
  return 0;
}

async function sendFile(file: string, port: MessagePort): Promise<void> {
  const writer = new ChunkWriter(port);
  const stream =
    file === STANDARD_INPUT ? process.stdin : createReadStream(file, { highWaterMark: READ_BYTES });
  // Whoever reads may give up before the next piece comes, which may never come.
  port.once('close', () => stream.destroy());
  try {
    // A copy, since its buffer goes away with it.
    for await (const chunk of stream) await writer.write(new Uint8Array(chunk as Buffer));
    await writer.end();
  } catch (cause) {
    if (cause instanceof ChannelBroken || stream.errored === null) throw new ChannelBroken();
    const name = file === STANDARD_INPUT ? 'standard input' : file;
    throw new OutcryError('ERR_IMPORT', `can't read ${name}: ${messageOf(cause)}. Nothing was imported`, {
      cause,
      fields: { file },
    });
  } finally {
    writer.close();
  }
}

/** Of the two ends of a channel the one that did not fail because of the other says what was wrong. */
async function bothOf<A, B>(worker: Promise<A>, here: Promise<B>): Promise<[A, B]> {
  const [there, own] = await Promise.allSettled([worker, here]);
  if (own.status === 'rejected' && !(own.reason instanceof ChannelBroken)) throw own.reason;
  if (there.status === 'rejected') throw there.reason;
  if (own.status === 'rejected') throw own.reason;
  return [there.value, own.value];
}

export async function statement(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry data statement',
    usage: 'NAME [--data DIR] [--last N] [--at POSITION]',
    summary: "Print an account's last transactions and its balance. A server may be running on the folder.",
  })
    .option('--data <dir>', `the data folder (default: ${DATA_FOLDER})`)
    .option('--last <n>', `so many transactions (default: ${LAST_DEFAULT})`)
    .option('--at <position>', "as it was after this position of its shard's stream");
  if (parseFlags(flags, args) === 'help') return 0;
  const [name] = argumentsOf(flags, 1);
  if (name === undefined) {
    throw new OutcryError(
      'ERR_USAGE',
      'usage: outcry data statement NAME [--data DIR] [--last N] [--at POSITION]',
    );
  }
  const { data = DATA_FOLDER, last, at } = flags.opts<{ data?: string; last?: string; at?: string }>();
  const listed = last === undefined ? LAST_DEFAULT : parseWhole('--last', last, { min: 1, max: LAST_MAX });
  const position =
    at === undefined ? undefined : parseWhole('--at', at, { min: 0, max: Number.MAX_SAFE_INTEGER });
  const hosts = hostsOf(viewFolder(data));
  const account = new TextEncoder().encode(name);
  const read = withJobs((jobs) =>
    jobs.result({ type: 'statement', hosts, isExamined: false, name: account, last: listed, at: position }),
  );
  const [found, { formatStatement }] = await Promise.all([read, loadText()]);
  process.stdout.write(formatStatement(name, found));
  return 0;
}

/** Done while a job runs: the package that draws tables takes twenty milliseconds to load. */
function loadText() {
  return import('./data-text.ts');
}
