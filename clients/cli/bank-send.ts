/** `outcry bank send`: every file over a connection of its own, as it is, as fast as the server takes it. */
import { createFlags, parseFlags, parsePort } from '../../src/protocol/command-line.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE } from './failure.ts';
import { formatFileCount, runLanes, sumLengths } from './lanes.ts';
import { formatBytes, startProgress } from './progress.ts';
import type { Address } from './send-errors.ts';
import { STANDARD_INPUT, sendFile } from './send-file.ts';

const NAME = 'outcry bank send';
const USAGE = 'PORT FILE… [--host H]';

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
  const startedMs = performance.now();
  let fileCount = 0;
  let byteCount = 0;
  try {
    fileCount = await runLanes(files, {
      progress,
      async send(file, buffers) {
        // Awaited apart: in `+= await` the sum would be the one from before the wait, without the other lanes' files.
        const sentByteCount = await sendFile(file, { address, buffers, onSent: progress.advance });
        byteCount += sentByteCount;
      },
    });
  } finally {
    progress.stop();
  }

  const seconds = ((performance.now() - startedMs) / 1000).toFixed(2);
  const sent = formatFileCount(fileCount, files.length);
  process.stdout.write(`sent ${sent}, ${byteCount} bytes in ${seconds} s\n`);
  return fileCount === files.length ? EXIT_DONE : EXIT_FAILED;
}
