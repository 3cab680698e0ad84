/** A TCP client that keeps what it receives and knows how its connection ended. */
import { once } from 'node:events';
import { createConnection, type Socket, type TcpNetConnectOpts } from 'node:net';
import { until } from './until.ts';

export class TestClient {
  readonly socket: Socket;
  readonly #chunks: Uint8Array[] = [];
  receivedBytes = 0;
  /** Set to false where only the number of bytes matters. */
  isKeeping = true;
  /** The server has sent its last byte. */
  hasEnded = false;
  isClosed = false;
  /** Why the connection failed; undefined if it did not. */
  errorCode: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Uint8Array) => {
      if (this.isKeeping) this.#chunks.push(chunk);
      this.receivedBytes += chunk.length;
    });
    socket.on('end', () => {
      this.hasEnded = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.errorCode = error.code ?? error.message;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** Starts to connect to `port`; the client is returned before the connection stands. */
  static open(port: number, options: Partial<TcpNetConnectOpts> = {}): TestClient {
    return new TestClient(
      createConnection({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true, ...options }),
    );
  }

  static async connect(port: number, options: Partial<TcpNetConnectOpts> = {}): Promise<TestClient> {
    const client = TestClient.open(port, options);
    await once(client.socket, 'connect');
    return client;
  }

  /** All that was received, as text. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Sends and half-closes. */
  end(bytes: string | Uint8Array = ''): void {
    this.socket.end(bytes);
  }

  /** Breaks the connection off with a reset. */
  reset(): void {
    resetNow(this.socket);
  }

  async receives(text: string): Promise<void> {
    await until(`the client receives ${JSON.stringify(text)}`, () => this.text.endsWith(text));
  }

  /** The server has closed its side, or broken the connection off. */
  get isDropped(): boolean {
    return this.hasEnded || this.isClosed;
  }

  async isLetGo(): Promise<void> {
    await until('the server closes the connection', () => this.isDropped);
  }

  async closes(): Promise<void> {
    await until('the connection of the client is closed', () => this.isClosed);
  }
}

/** Resets the connection. Node's own resetAndDestroy half-closes first, so that the server may see an orderly end. */
export function resetNow(socket: Socket): void {
  Object.assign(socket, { resetAndClosing: true }).destroy();
}
