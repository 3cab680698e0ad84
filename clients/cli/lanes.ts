/**
 * Many files at once over a bounded number of lanes.
 *
 * Invariant: memory depends neither on the files' lengths nor on their number; each lane owns two buffers and sends one
 * file at a time.
 */
import { stat } from 'node:fs/promises';
import { OutcryError } from '../../src/values/errors.ts';
import type { Progress } from './progress.ts';
import { type BufferPair, STANDARD_INPUT } from './send-file.ts';

/** Two descriptors a file stay well below the 256 that the strictest usual system allows a process. */
const LANE_COUNT_MAX = 64;

/**
 * A single file is twice as fast with the long chunk, as the next read then hides behind the write; many files hide
 * each other's reads. Either way all buffers together stay within 32 MiB.
 */
const CHUNK_BYTES_FEW_FILES = 1024 * 1024;
const CHUNK_BYTES_MANY_FILES = 256 * 1024;
const FEW_FILES_MAX = 16;

export interface LanesOptions {
  readonly progress: Progress;
  /** Sends one file; an OutcryError that it throws is printed and the lane goes on with the next file. */
  readonly send: (file: string, buffers: BufferPair) => Promise<void>;
}

/** Resolves to the number of files that were sent. */
export async function runLanes(files: readonly string[], options: LanesOptions): Promise<number> {
  const chunkBytes = files.length <= FEW_FILES_MAX ? CHUNK_BYTES_FEW_FILES : CHUNK_BYTES_MANY_FILES;
  const waiting = files.values();
  const lanes = Array.from({ length: Math.min(files.length, LANE_COUNT_MAX) }, () =>
    runLane(waiting, chunkBytes, options),
  );
  const sentCounts = await Promise.all(lanes);
  return sentCounts.reduce((sum, count) => sum + count, 0);
}

/** Takes waiting files one after the other. The iterator is shared by all lanes: each file goes to one of them. */
async function runLane(
  waiting: Iterable<string>,
  chunkBytes: number,
  { progress, send }: LanesOptions,
): Promise<number> {
  const buffers: BufferPair = [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)];
  let sentCount = 0;
  for (const file of waiting) {
    try {
      await send(file, buffers);
      sentCount += 1;
    } catch (error) {
      if (!(error instanceof OutcryError)) throw error;
      progress.print(`outcry: ${error.message}`);
    }
  }
  return sentCount;
}

/** `3 files`, or `2 of 3 files` when some failed. */
export function formatFileCount(sentCount: number, fileCount: number): string {
  const files = fileCount === 1 ? 'file' : 'files';
  return sentCount === fileCount ? `${fileCount} ${files}` : `${sentCount} of ${fileCount} ${files}`;
}

/** Undefined as soon as one length cannot be known; a file that cannot be looked at will have its own message. */
export async function sumLengths(files: readonly string[]): Promise<number | undefined> {
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
