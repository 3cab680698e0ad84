/**
 * One file over one connection: read, write, half-close, and wait until the server has closed its side too.
 *
 * Invariant: reading is at most one chunk ahead of writing. While one buffer waits for the socket the other is
 * filled; neither is filled again before the socket has let go of it.
 */
import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { type Address, connectionError, directoryError, fileError } from './send-errors.ts';

/** Names standard input instead of a file. */
export const STANDARD_INPUT = '-';

/** Lent for the time of one file. */
export type BufferPair = readonly [Buffer, Buffer];

export interface SendFileOptions {
  readonly address: Address;
  readonly buffers: BufferPair;
  /** Bytes that the system's socket buffer has taken since the last call. */
  readonly onSent: (byteCount: number) => void;
}

interface Source {
  readonly chunks: AsyncIterable<Buffer>;
  /** Ends a read that may otherwise wait for ever. */
  cancel(): void;
  close(): Promise<void>;
}

/** Resolves to the number of bytes; throws ERR_SEND_FILE or ERR_SEND_CONNECTION. */
export async function sendFile(file: string, { address, buffers, onSent }: SendFileOptions): Promise<number> {
  const source = await openSource(file, buffers);
  const socket = connect(address);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let byteCount = 0;
  let isAllWritten = false;

  socket.resume();
  socket.on('error', () => {}); // Stays in socket.errored, which is looked at when everything is over.
  socket.once('close', () => source.cancel());
  socket.once('end', () => {
    if (!isAllWritten) socket.destroy(new Error('closed early'));
  });

  try {
    await writeChunks(source.chunks, socket, (written) => {
      byteCount += written;
      onSent(written);
    });
    isAllWritten = true;
    socket.end();
    await closed;
  } catch (error) {
    // A source that was cancelled because the connection broke is not at fault.
    if (!socket.errored) throw fileError(file, error);
  } finally {
    socket.destroy();
    await source.close();
  }
  if (socket.errored) throw connectionError(file, address, { cause: socket.errored, byteCount });
  return byteCount;
}

/** Returns early when the connection breaks. */
async function writeChunks(
  chunks: AsyncIterable<Buffer>,
  socket: Socket,
  onWritten: (byteCount: number) => void,
): Promise<void> {
  let written: Promise<void> | undefined;
  for await (const chunk of chunks) {
    await written;
    if (socket.destroyed) return;
    written = new Promise((resolve) => {
      socket.write(chunk, (error) => {
        if (!error) onWritten(chunk.length);
        resolve();
      });
    });
  }
  await written;
}

async function openSource(file: string, buffers: BufferPair): Promise<Source> {
  if (file === STANDARD_INPUT) return openStandardInput();
  try {
    return await openFile(file, buffers);
  } catch (error) {
    throw fileError(file, error);
  }
}

function openStandardInput(): Source {
  const { stdin } = process;
  const cancel = () => {
    stdin.destroy();
  };
  return { chunks: stdin, cancel, close: async () => cancel() };
}

async function openFile(file: string, buffers: BufferPair): Promise<Source> {
  const handle = await open(file);
  // Without this a directory would open a connection before its first read fails.
  if ((await handle.stat()).isDirectory()) {
    await handle.close();
    throw directoryError();
  }
  async function* readChunks(): AsyncGenerator<Buffer> {
    for (let turn: 0 | 1 = 0; ; turn = turn === 0 ? 1 : 0) {
      const { bytesRead, buffer } = await handle.read(buffers[turn]);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  }
  return { chunks: readChunks(), cancel() {}, close: () => handle.close() };
}
