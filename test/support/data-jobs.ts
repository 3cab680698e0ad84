/** The jobs on a data folder, run on the test's own thread. */
import { MessageChannel } from 'node:worker_threads';
import { ChunkWriter, readChunks } from '../../src/protocol/chunk-channel.ts';
import type { StoredHost } from '../../src/protocol/data-jobs.ts';
import { exportData } from '../../workers/data/export.ts';
import { importData } from '../../workers/data/import.ts';
import type { Random } from '../../workers/runtime/random.ts';
import { nobody } from './stored-bank.ts';

/** The text of an export. */
export async function exported(hosts: readonly StoredHost[]): Promise<string> {
  const { port1, port2: output } = new MessageChannel();
  const job = exportData({ type: 'export', hosts, output, progress: nobody() });
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of readChunks(port1)) chunks.push(chunk);
  } catch {
    // What was wrong, the job says.
  }
  await job;
  return Buffer.concat(chunks).toString();
}

/** Imports `text`, in pieces cut at random; resolves to the number of events. */
export async function imported(
  text: string | Buffer,
  folders: readonly string[],
  random?: Random,
): Promise<number> {
  const { port1, port2: input } = new MessageChannel();
  const job = importData({ type: 'import', folders, input });
  const writer = new ChunkWriter(port1);
  const bytes = Buffer.from(text);
  const send = async () => {
    for (let at = 0; at < bytes.length; ) {
      const end = at + (random === undefined ? bytes.length : 1 + random.below(10_000));
      await writer.write(new Uint8Array(bytes.subarray(at, end)));
      at = end;
    }
    await writer.end();
  };
  const sent = send().catch(() => {});
  try {
    return await job;
  } finally {
    writer.close();
    await sent;
  }
}
