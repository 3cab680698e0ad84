/** A way to a server on which connections break, again and again, after random numbers of bytes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Random } from '../../workers/runtime/random.ts';

export interface ProxyOptions {
  /** Of the server. */
  readonly port: number;
  readonly random: Random;
  /** Bytes after which a connection breaks at the latest, both ways together: more than the longest frame has. */
  readonly bytesMax: number;
}

export class BreakingProxy implements AsyncDisposable {
  /** While it is false nothing breaks. */
  isBreaking = true;
  breaks = 0;
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#server = createServer((client) => this.#join(client));
  }

  static async listen(options: ProxyOptions): Promise<BreakingProxy> {
    const proxy = new BreakingProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const { port, random, bytesMax } = this.#options;
    const server = connect(port, '127.0.0.1');
    let bytesLeft = 1 + random.below(bytesMax);
    const end = () => {
      client.destroy();
      server.destroy();
    };
    const pass = (from: Socket, to: Socket) => {
      this.#sockets.add(from);
      from.on('error', end);
      from.on('close', () => {
        this.#sockets.delete(from);
        end();
      });
      from.on('data', (chunk) => {
        const isLast = this.isBreaking && chunk.length >= bytesLeft;
        to.write(isLast ? chunk.subarray(0, bytesLeft) : chunk, isLast ? end : undefined);
        bytesLeft -= chunk.length;
        if (!isLast) return;
        this.breaks++;
        from.pause();
      });
    };
    pass(client, server);
    pass(server, client);
  }
}
