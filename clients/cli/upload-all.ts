/** Every file as an upload of its own, all at once, and one line about all of them at the end. */
import { formatBytes } from '../../src/values/byte-size.ts';
import { EXIT_DONE, EXIT_FAILED } from './failure.ts';
import { formatFileCount, runLanes, sumLengths } from './lanes.ts';
import { startProgress } from './progress.ts';
import type { Address } from './send-errors.ts';
import { Turns, uploadFile } from './upload-file.ts';
import { DiscardTotals } from './upload-report.ts';

export interface UploadAllOptions {
  readonly address: Address;
  readonly uploadId: string | undefined;
  readonly isAgain: boolean;
  readonly giveUpSeconds: number;
}

/** Resolves to the exit code: a discarded line is no failure, it would be discarded again. */
export async function uploadAll(files: readonly string[], options: UploadAllOptions): Promise<number> {
  const progress = await startProgress({ findTotal: () => sumLengths(files), formatAmount: formatBytes });
  const discards = new DiscardTotals();
  const turns = new Turns();
  let lineCount = 0;
  const onDurable = (count: number) => {
    lineCount += count;
  };
  const startedMs = performance.now();
  let fileCount = 0;
  try {
    fileCount = await runLanes(files, {
      progress,
      send: (file, buffers) =>
        uploadFile(file, buffers, { ...options, progress, discards, turns, onDurable }),
    });
  } finally {
    progress.stop();
  }

  const seconds = ((performance.now() - startedMs) / 1000).toFixed(2);
  if (discards.sum > 0) process.stderr.write(`discarded: ${discards.format()}\n`);
  const lines = lineCount === 1 ? 'line' : 'lines';
  process.stdout.write(
    `uploaded ${formatFileCount(fileCount, files.length)}, ${lineCount} ${lines} (${discards.sum} discarded) ` +
      `durable in ${seconds} s\n`,
  );
  return fileCount === files.length ? EXIT_DONE : EXIT_FAILED;
}
