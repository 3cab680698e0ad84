/**
 * A server of uploads, as simple as its protocol: what is durable is an array of lines in memory, which outlives every
 * connection and every stop. It breaks connections where a plan says so; lines that are not durable then are lost.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** What happens to one connection; without a plan it goes well. */
export interface ConnectionPlan {
  /** Broken after so many bytes from the client. */
  readonly inputBytesMax?: number;
  /** Broken after so many bytes to the client. */
  readonly outputBytesMax?: number;
  /** Breaking is a reset instead of a close. */
  readonly isReset?: boolean;
  /** Nobody listens for so long after the break. */
  readonly downMs?: number;
  /** After so many lines what is not durable is lost and the header is asked for again. */
  readonly retryAfterLines?: number;
  /** Lines become durable in portions of so many, the rest as soon as nothing more comes. */
  readonly portionLines?: number;
  /** Discards are told as soon as their lines come, before these are durable. */
  readonly isTellingEarly?: boolean;
  /** Said in answer to the first header instead of everything else, and nothing more. */
  readonly answer?: string;
}

/** What the server has of one upload. */
export interface StoredUpload {
  readonly lines: string[];
  readonly discards: { readonly line: number; readonly reason: string }[];
}

export interface UploadServerOptions {
  /** The plan of the connection with the given number, from 0. */
  readonly plan?: (connection: number) => ConnectionPlan;
  readonly port?: number;
}

const RETOLD_MAX = 4096;
const HEADER = /^OUTCRY 1 ACK ([\w.-]{1,128})$/;

export class UploadServer {
  readonly uploads = new Map<string, StoredUpload>();
  /** Every header line that came, in order. */
  readonly headers: string[] = [];
  readonly #plan: (connection: number) => ConnectionPlan;
  readonly #connections = new Set<UploadSocket>();
  #server: Server | undefined;
  #port = 0;
  #connectionCount = 0;
  #comeback: NodeJS.Timeout | undefined;

  private constructor({ plan = () => ({}), port = 0 }: UploadServerOptions) {
    this.#plan = plan;
    this.#port = port;
  }

  static async listen(options: UploadServerOptions = {}): Promise<UploadServer> {
    const server = new UploadServer(options);
    await server.start();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get connectionCount(): number {
    return this.#connectionCount;
  }

  /** The durable lines of an upload. */
  lines(id: string): readonly string[] {
    return this.stored(id).lines;
  }

  stored(id: string): StoredUpload {
    let stored = this.uploads.get(id);
    if (stored === undefined) {
      stored = { lines: [], discards: [] };
      this.uploads.set(id, stored);
    }
    return stored;
  }

  /** Listens, on the port of before if there was one. */
  async start(): Promise<void> {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const plan = this.#plan(this.#connectionCount);
      this.#connectionCount += 1;
      const connection = new UploadSocket(this, socket, plan);
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
    });
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As if it was killed: all connections end at once and nobody listens any more. */
  stop(): void {
    clearTimeout(this.#comeback);
    this.#server?.close();
    for (const connection of this.#connections) connection.break();
  }

  stopFor(ms: number): void {
    this.stop();
    this.#comeback = setTimeout(() => void this.start(), ms);
  }

  /** The connection that took an upload first loses it to the next one. */
  takeOver(id: string, by: UploadSocket): void {
    for (const other of this.#connections) if (other !== by && other.id === id) other.loseUpload();
  }
}

/** One connection. Its lines wait in `#waiting` until they are durable. */
class UploadSocket {
  id: string | undefined;
  readonly #server: UploadServer;
  readonly #socket: Socket;
  readonly #plan: ConnectionPlan;
  #partial = '';
  #waiting: string[] = [];
  #lineCount = 0;
  #inputBytes = 0;
  #outputBytes = 0;
  #hasRetried = false;
  #isBroken = false;
  #flush: NodeJS.Immediate | undefined;

  constructor(server: UploadServer, socket: Socket, plan: ConnectionPlan) {
    this.#server = server;
    this.#socket = socket;
    this.#plan = plan;
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('end', () => socket.end());
  }

  break(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.id = undefined;
    this.#waiting = [];
    clearImmediate(this.#flush);
    // Closing with unread bytes would be a reset in any case; reading them first keeps the two apart.
    if (this.#plan.isReset) this.#socket.resetAndDestroy();
    else this.#socket.destroySoon();
    this.#socket.removeAllListeners('data').resume();
  }

  loseUpload(): void {
    this.#answer('ERR 0 taken-over\n');
    this.break();
  }

  #onData(bytes: Buffer): void {
    const { inputBytesMax = Number.POSITIVE_INFINITY, downMs } = this.#plan;
    const taken = bytes.subarray(0, inputBytesMax - this.#inputBytes);
    this.#inputBytes += taken.length;
    const lines = (this.#partial + taken.toString('latin1')).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) if (!this.#isBroken) this.#onLine(line);
    if (this.#isBroken) return;
    if (this.#inputBytes < inputBytesMax) this.#flushSoon();
    else if (downMs === undefined) this.break();
    else this.#server.stopFor(downMs);
  }

  #onLine(line: string): void {
    if (this.id === undefined) this.#onHeader(line);
    else this.#onUploadLine(line);
  }

  /** After a retry everything up to the next header is thrown away. */
  #onHeader(line: string): void {
    const [, id] = HEADER.exec(line) ?? [];
    if (id === undefined) {
      if (!this.#hasRetried) throw new Error(`"${line}" came instead of a header`);
      return;
    }
    this.#server.headers.push(line);
    if (this.#plan.answer !== undefined) {
      this.#answer(this.#plan.answer);
      return;
    }
    this.#server.takeOver(id, this);
    this.id = id;
    const { lines, discards } = this.#server.stored(id);
    const retold = discards.slice(-RETOLD_MAX).map(({ line, reason }) => `ERR ${line} ${reason}\n`);
    this.#answer(`OK ${lines.length}\n${retold.join('')}`);
  }

  #onUploadLine(line: string): void {
    const { portionLines = 1000, retryAfterLines, isTellingEarly = false } = this.#plan;
    this.#waiting.push(line);
    this.#lineCount += 1;
    if (this.#lineCount === retryAfterLines && !this.#hasRetried) {
      this.#hasRetried = true;
      this.#waiting = [];
      this.id = undefined;
      this.#answer('ERR 0 retry\n');
      return;
    }
    if (isTellingEarly) this.#tellLast();
    if (this.#waiting.length >= portionLines) this.#makeDurable();
  }

  #tellLast(): void {
    const reason = reasonToDiscard(this.#waiting.at(-1) ?? '');
    const line = this.#server.lines(this.id ?? '').length + this.#waiting.length;
    if (reason !== undefined) this.#answer(`ERR ${line} ${reason}\n`);
  }

  #flushSoon(): void {
    clearImmediate(this.#flush);
    this.#flush = setImmediate(() => this.#makeDurable());
  }

  #makeDurable(): void {
    if (this.id === undefined || this.#waiting.length === 0) return;
    const { lines, discards } = this.#server.stored(this.id);
    const told: string[] = [];
    for (const text of this.#waiting) {
      lines.push(text);
      const reason = reasonToDiscard(text);
      if (reason === undefined) continue;
      discards.push({ line: lines.length, reason });
      told.push(`ERR ${lines.length} ${reason}\n`);
    }
    this.#waiting = [];
    this.#answer(`${told.join('')}OK ${lines.length}\n`);
  }

  #answer(text: string): void {
    const { outputBytesMax = Number.POSITIVE_INFINITY, downMs } = this.#plan;
    const sent = text.slice(0, outputBytesMax - this.#outputBytes);
    this.#outputBytes += sent.length;
    if (this.#socket.writable) this.#socket.write(sent, 'latin1');
    if (this.#outputBytes < outputBytesMax) return;
    if (downMs === undefined) this.break();
    else this.#server.stopFor(downMs);
  }
}

/** The bank's rules, reduced to what a test needs. */
export function reasonToDiscard(line: string): string | undefined {
  if (line === '' || line === '\r') return 'empty';
  return line.startsWith('!') ? 'amount' : undefined;
}
