/** `outcry bank send`: every file over a connection of its own, as it is, as fast as the server takes it. */
import { createFlags, parseFlags, parsePort, parseSeconds } from '../../src/protocol/command-line.ts';
import { formatBytes } from '../../src/values/byte-size.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { isUploadId } from '../upload.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE } from './failure.ts';
import { formatFileCount, runLanes, sumLengths } from './lanes.ts';
import { startProgress } from './progress.ts';
import type { Address } from './send-errors.ts';
import { STANDARD_INPUT, sendFile } from './send-file.ts';
import { uploadAll } from './upload-all.ts';

const NAME = 'outcry bank send';
const USAGE = 'PORT FILE… [--host H] [--ack [--again] [--upload-id ID] [--give-up SECONDS]]';

const GIVE_UP_SECONDS = 300;
/** Eleven days; a timer cannot wait much longer. */
const GIVE_UP_RANGE = { min: 0.1, max: 1_000_000 };
/** Leaves room for the `.2` of --again. */
const UPLOAD_ID_LENGTH_MAX = 120;

interface Flags {
  readonly host: string;
  readonly ack?: true;
  readonly again?: true;
  readonly uploadId?: string;
  readonly giveUp?: string;
}

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: NAME,
    usage: USAGE,
    summary: 'Send files of bank transactions to a server.',
  })
    .argument('[port]', 'the port of the bank')
    .argument('[files...]', 'text files, one transaction a line; - is standard input')
    .option('--host <host>', 'the host of the bank', '127.0.0.1')
    .option('--ack', 'wait until every line is durable, go on after a break, post no line twice')
    .option('--again', 'with --ack: post a file once more that was uploaded before')
    .option('--upload-id <id>', 'with --ack: the name of the upload, instead of the hash of the content')
    .option(
      '--give-up <seconds>',
      `with --ack: end after so long without progress (default: ${GIVE_UP_SECONDS})`,
    );
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;

  const [portText, ...files] = flags.args;
  if (portText === undefined || files.length === 0) {
    process.stderr.write(`usage: ${NAME} ${USAGE}\n`);
    return EXIT_WRONG_USE;
  }
  checkStandardInputOnce(files);
  const options = flags.opts<Flags>();
  checkUploadFlags(options, files);
  const address: Address = { host: options.host, port: parsePort(portText, { min: 1 }) };
  if (options.ack === undefined) return sendAll(files, address);
  return uploadAll(files, {
    address,
    uploadId: options.uploadId,
    isAgain: options.again === true,
    giveUpSeconds:
      options.giveUp === undefined
        ? GIVE_UP_SECONDS
        : parseSeconds('--give-up', options.giveUp, GIVE_UP_RANGE),
  });
}

function checkStandardInputOnce(files: readonly string[]): void {
  if (files.filter((file) => file === STANDARD_INPUT).length > 1) {
    throw new OutcryError('ERR_USAGE', 'standard input (-) can be sent only once; name it once');
  }
}

function checkUploadFlags({ ack, again, uploadId, giveUp }: Flags, files: readonly string[]): void {
  if (ack === undefined && (again ?? uploadId ?? giveUp) !== undefined) {
    throw new OutcryError('ERR_USAGE', '--again, --upload-id and --give-up mean nothing without --ack');
  }
  if (uploadId === undefined) return;
  if (files.length > 1) {
    throw new OutcryError('ERR_USAGE', '--upload-id names one upload; send one file at a time with it');
  }
  if (!isUploadId(uploadId) || uploadId.length > UPLOAD_ID_LENGTH_MAX) {
    const message =
      `an upload-id has 1 to ${UPLOAD_ID_LENGTH_MAX} letters, digits, dots, underscores and hyphens, ` +
      `which "${uploadId}" has not`;
    throw new OutcryError('ERR_USAGE', message, { fields: { uploadId } });
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
