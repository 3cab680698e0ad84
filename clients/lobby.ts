/** The lobby, as a client of the library sees it: who is there, what they say, and the files that are served. */
import type { FileInfo, LobbyClient, LobbyMessage, ServedFile } from '../src/protocol/api/operations.ts';
import type { Calls } from './calls.ts';
import { Download } from './download.ts';
import { IncomingFile } from './incoming-file.ts';
import type { CallOptions } from './pending.ts';
import { sendItems } from './send-items.ts';

export interface MessagesOptions extends CallOptions {
  /** The connection was lost and is there again: what was said meanwhile is missing. */
  readonly onGap?: (() => void) | undefined;
}

/** Messages that the server sends ahead of a listener who is busy. */
const MESSAGES_WINDOW = 256;
/** Chunks of a file, of 64 KiB, that the server sends ahead. */
const FILE_WINDOW = 16;
/** Less where the server's frames are short. */
const CHUNK_BYTES_MAX = 65_536;

export class Lobby {
  readonly #calls: Calls;

  /** For the library; programs `connect`. */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Tells all who listen, under the name that the client has connected with; resolves to how many they were. At most 1,000
   * characters. Rejects with ERR_CONNECTION_LOST if nobody knows whether it was heard: it is not said twice.
   */
  async say(text: string, options?: CallOptions): Promise<number> {
    const { listeners } = await this.#calls.request('lobby.say', { text }, options);
    return listeners;
  }

  /**
   * What is said from now on, for as long as the loop goes on or until the client is closed; also over new connections.
   * `timeoutMs` is how long the server may take to begin. Throws ERR_API_LIMIT if the loop falls far behind.
   */
  messages(options: MessagesOptions = {}): AsyncGenerator<LobbyMessage, void, undefined> {
    const endless = { ...options, isEndless: true, window: MESSAGES_WINDOW };
    return new Download(this.#calls, 'lobby.messages', {}, endless).items();
  }

  /** Those who are there. */
  clients(options?: CallOptions): Promise<readonly LobbyClient[]> {
    return this.#calls.request('lobby.clients', {}, options);
  }

  /** Those that can be had with `get`. */
  files(options?: CallOptions): Promise<readonly ServedFile[]> {
    return this.#calls.request('lobby.files', {}, options);
  }

  /** Opens a file; read it, or cancel it. Rejects with ERR_FILE_MISSING or ERR_FILE_NAME if it can not be had. */
  async get(name: string, options: CallOptions = {}): Promise<IncomingFile> {
    const download = new Download(this.#calls, 'lobby.get', { name }, { ...options, window: FILE_WINDOW });
    return new IncomingFile(name, await download.info(), download);
  }

  /**
   * Puts a new file there, from bytes or from a stream, of which `size` says how many bytes it has. The stream is read only
   * as fast as the server takes it. Rejects with ERR_FILE_EXISTS, ERR_FILE_REFUSED, ERR_FILE_NAME or ERR_FILE_SIZE, with
   * ERR_CONNECTION_LOST if nobody knows whether it is there, and with whatever the stream throws.
   */
  put(name: string, content: Uint8Array, options?: CallOptions): Promise<FileInfo>;
  put(
    name: string,
    content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    options: CallOptions & { readonly size: number },
  ): Promise<FileInfo>;
  put(
    name: string,
    content: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    options: CallOptions & { readonly size?: number } = {},
  ): Promise<FileInfo> {
    const isWhole = content instanceof Uint8Array;
    const { size = isWhole ? content.length : 0, ...rest } = options;
    const items = pieces(
      isWhole ? [content] : content,
      Math.min(CHUNK_BYTES_MAX, this.#calls.frameBytes >> 1),
    );
    return sendItems(this.#calls, 'lobby.put', { ...rest, params: { name, size }, items });
  }
}

/** However long the chunks are, each piece fits into a frame. */
async function* pieces(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  lengthMax: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += lengthMax) yield chunk.subarray(at, at + lengthMax);
  }
}
