/** Files that `outcry lobby` fetches and sends: with progress on a terminal, and whole or not at all. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { formatBytes } from '../../src/values/byte-size.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import type { LobbyClient } from './lobby-client.ts';
import type { LobbyScreen } from './lobby-screen.ts';
import { NewFile, type NewFileOptions } from './new-file.ts';
import { type Progress, startProgress } from './progress.ts';
import { fileError } from './send-errors.ts';

const CHUNK_BYTES = 64 * 1024;

export interface Fetch extends NewFileOptions {
  readonly name: string;
  /** Where it goes; in the working directory under its own name without it. */
  readonly as: string | undefined;
}

/** Resolves to what can be said of it. Throws ERR_FILE_…, and then there is no new file. */
export async function fetchFile(
  client: LobbyClient,
  screen: LobbyScreen,
  { name, as, mayReplace }: Fetch,
): Promise<string> {
  const file = await NewFile.create(as ?? basename(name), { mayReplace });
  let head: { readonly size: number; readonly sha256: string } | undefined;
  let refusal = '';
  let progress: Progress | undefined;
  try {
    await client.ask({ type: 'get', name }, async (event) => {
      if (event.type === 'refused') refusal = event.text;
      else if (event.type === 'file') {
        head = event;
        progress = await showProgress(screen, event.size);
      } else if (event.type === 'bytes') {
        await file.write(event.bytes);
        progress?.advance(event.bytes.length);
      }
    });
    if (head === undefined) throw refused('ERR_FILE_MISSING', name, refusal);
    await file.complete(head.sha256);
    return `got ${file.path}, ${formatBytes(head.size)}, SHA-256 checked`;
  } catch (error) {
    await file.discard();
    throw error;
  } finally {
    hideProgress(screen);
  }
}

/** Resolves to what can be said of it. Throws ERR_SEND_FILE or ERR_FILE_…, and then nothing is stored. */
export async function sendFile(client: LobbyClient, screen: LobbyScreen, path: string): Promise<string> {
  const { handle, size } = await openFile(path);
  const name = basename(path);
  const hash = createHash('sha256');
  let sending = Promise.resolve();
  let stored: string | undefined;
  let refusal = '';
  try {
    await client.ask({ type: 'put', name, size }, (event) => {
      if (event.type === 'stored') stored = event.sha256;
      else if (event.type === 'refused') {
        refusal = event.text;
        if (event.isSending) void sending.then(() => client.resync());
      } else if (event.type === 'wanted') {
        sending = sendAll(client, screen, { path, handle, size, onSent: (bytes) => hash.update(bytes) });
      }
    });
    if (stored === undefined) throw refused('ERR_FILE_REFUSED', name, refusal);
    if (stored !== hash.digest('hex')) {
      throw new OutcryError('ERR_FILE_IO', `${path}: the server has stored something else than was sent`);
    }
    return `sent ${name}, ${formatBytes(size)}, SHA-256 checked`;
  } finally {
    await sending;
    await handle.close();
    hideProgress(screen);
  }
}

interface Sending {
  readonly path: string;
  readonly handle: FileHandle;
  readonly size: number;
  readonly onSent: (bytes: Uint8Array) => void;
}

/** The server waits for exactly `size` bytes: if they can not be had the connection is broken off. Throws nothing. */
async function sendAll(client: LobbyClient, screen: LobbyScreen, sending: Sending): Promise<void> {
  const { path, handle, size, onSent } = sending;
  const progress = await showProgress(screen, size);
  try {
    for (let left = size; left > 0 && !client.isOver; ) {
      // A new one each time: the socket may not have let go of the last one.
      const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
      const { bytesRead } = await handle.read(chunk);
      if (bytesRead === 0) throw new Error('it has become shorter while it was sent');
      const bytes = chunk.subarray(0, bytesRead);
      onSent(bytes);
      await client.send(bytes);
      progress.advance(bytesRead);
      left -= bytesRead;
    }
  } catch (cause) {
    const message = `${path}: ${messageOf(cause)}; nothing is stored, and the connection is broken off`;
    client.abandon(new OutcryError('ERR_SEND_FILE', message, { cause }));
  }
}

async function openFile(path: string): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  try {
    const handle = await open(path);
    const found = await handle.stat();
    if (found.isFile()) return { handle, size: found.size };
    await handle.close();
  } catch (cause) {
    throw fileError(path, cause);
  }
  throw new OutcryError('ERR_SEND_FILE', `${path} is no file`);
}

async function showProgress(screen: LobbyScreen, size: number): Promise<Progress> {
  const progress = await startProgress({ findTotal: async () => size, formatAmount: formatBytes });
  screen.progress = progress;
  return progress;
}

function hideProgress(screen: LobbyScreen): void {
  screen.progress?.stop();
  screen.progress = undefined;
}

function refused(code: 'ERR_FILE_MISSING' | 'ERR_FILE_REFUSED', name: string, reply: string): OutcryError {
  return new OutcryError(code, `${name}: ${reply.replace(/^ERROR /, '')}`, { fields: { file: name } });
}
