/**
 * `outcry bank send`: every file over a connection of its own, as it is, as fast as the server takes it.
 *
 * Invariant: memory depends neither on the files' lengths nor on their number; each of a bounded number of lanes
 * owns two buffers and sends one file at a time.
 */
import { stat } from 'node:fs/promises';
import { createFlags, parseFlags, parsePort } from '../../src/protocol/command-line.ts';
import { formatBytes } from '../../src/values/byte-size.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE } from './failure.ts';
import { type Progress, startProgress } from './progress.ts';
import { type Address, type BufferPair, STANDARD_INPUT, sendFile } from './send-file.ts';

const NAME = 'outcry bank send';
const USAGE = 'PORT FILE… [--host H]';

/** Two descriptors a file stay well below the 256 that the strictest usual system allows a process. */
const LANE_COUNT_MAX = 64;

/**
 * A single file is twice as fast with the long chunk, as the next read then hides behind the write; many files hide
 * each other's reads. Either way all buffers together stay within 32 MiB.
 */
const CHUNK_BYTES_FEW_FILES = 1024 * 1024;
const CHUNK_BYTES_MANY_FILES = 256 * 1024;
const FEW_FILES_MAX = 16;

interface Outcome {
  sentFileCount: number;
  sentByteCount: number;
  isFailed: boolean;
}

interface LaneOptions {
  readonly chunkBytes: number;
  readonly progress: Progress;
  /** Shared by all lanes. */
  readonly outcome: Outcome;
}

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: NAME,
    usage: USAGE,
    summary: 'Send files of bank transactions to a server.',
  })
    .argument('[port]', 'the port of the bank')
    .argument('[files...]', 'text files, one transaction a line; - is standard input')
    .option('--host <host>', 'the host of the bank', '127.0.0.1');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;

  const [portText, ...files] = flags.args;
  if (portText === undefined || files.length === 0) {
    process.stderr.write(`usage: ${NAME} ${USAGE}\n`);
    return EXIT_WRONG_USE;
  }
  checkStandardInputOnce(files);
  const address: Address = {
    host: flags.opts<{ host: string }>().host,
    port: parsePort(portText, { min: 1 }),
  };
  return sendAll(files, address);
}

function checkStandardInputOnce(files: readonly string[]): void {
  if (files.filter((file) => file === STANDARD_INPUT).length > 1) {
    throw new OutcryError('ERR_USAGE', 'standard input (-) can be sent only once; name it once');
  }
}

async function sendAll(files: readonly string[], address: Address): Promise<number> {
  const progress = await startProgress({ findTotal: () => sumLengths(files), formatAmount: formatBytes });
  const outcome: Outcome = { sentFileCount: 0, sentByteCount: 0, isFailed: false };
  const startedMs = performance.now();
  const chunkBytes = files.length <= FEW_FILES_MAX ? CHUNK_BYTES_FEW_FILES : CHUNK_BYTES_MANY_FILES;
  const waiting = files.values();
  const lanes = Array.from({ length: Math.min(files.length, LANE_COUNT_MAX) }, () =>
    runLane(waiting, address, { chunkBytes, progress, outcome }),
  );
  try {
    await Promise.all(lanes);
  } finally {
    progress.stop();
  }

  const seconds = ((performance.now() - startedMs) / 1000).toFixed(2);
  process.stdout.write(
    `sent ${formatFileCount(outcome, files.length)}, ${outcome.sentByteCount} bytes in ${seconds} s\n`,
  );
  return outcome.isFailed ? EXIT_FAILED : EXIT_DONE;
}

function formatFileCount({ sentFileCount }: Outcome, fileCount: number): string {
  const files = fileCount === 1 ? 'file' : 'files';
  return sentFileCount === fileCount ? `${fileCount} ${files}` : `${sentFileCount} of ${fileCount} ${files}`;
}

/** Undefined as soon as one length cannot be known; a file that cannot be looked at will have its own message. */
async function sumLengths(files: readonly string[]): Promise<number | undefined> {
  const lengths = await Promise.all(files.map(findLength));
  return lengths.reduce(
    (sum, length) => (sum === undefined || length === undefined ? undefined : sum + length),
    0,
  );
}

async function findLength(file: string): Promise<number | undefined> {
  if (file === STANDARD_INPUT) return undefined;
  try {
    const found = await stat(file);
    return found.isFile() ? found.size : undefined;
  } catch {
    return 0;
  }
}

/** Takes waiting files one after the other. The iterator is shared by all lanes: each file goes to one of them. */
async function runLane(
  waiting: Iterable<string>,
  address: Address,
  { chunkBytes, progress, outcome }: LaneOptions,
): Promise<void> {
  const buffers: BufferPair = [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)];
  for (const file of waiting) {
    try {
      // Awaited apart: in `+= await` the sum would be the one from before the wait, without the other lanes' files.
      const byteCount = await sendFile(file, { address, buffers, onSent: progress.advance });
      outcome.sentByteCount += byteCount;
      outcome.sentFileCount += 1;
    } catch (error) {
      if (!(error instanceof OutcryError)) throw error;
      outcome.isFailed = true;
      progress.print(`outcry: ${error.message}`);
    }
  }
}
