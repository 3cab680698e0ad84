/** Stands between clients and an exchange: passes on what both send, as it is, and records it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import type { DoorName } from '../../src/protocol/ouch-inputs/door-splitter.ts';
import type { Recorder } from '../../src/protocol/ouch-inputs/recorder.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { dial, explainFailure } from '../dial.ts';

export interface ProxyOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** The exchange. */
  readonly to: { readonly host: string; readonly port: number };
  readonly door: DoorName;
  readonly form: OrderbookForm;
  readonly recorder: Recorder;
  /** The exchange can't be reached: who has come is turned away. */
  onUnreachable(reason: string): void;
}

const CONNECTIONS_MAX = 4096;

export class RecordingProxy {
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #sessions = 0;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#join(client));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Rejects with ERR_CONFIG_PORT. */
  static async listen(options: ProxyOptions): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(options);
    const { host, port } = options;
    proxy.#server.listen(port, host);
    try {
      await once(proxy.#server, 'listening');
    } catch (error) {
      throw new OutcryError('ERR_CONFIG_PORT', `can't listen on ${host}:${port}: ${messageOf(error)}`, {
        cause: error,
        fields: { host, port },
      });
    }
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks all connections; resolves when they are closed. */
  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const { to, door, form, recorder } = this.#options;
    const session = ++this.#sessions;
    const exchange = dial(to.host, to.port);
    exchange.allowHalfOpen = true;
    recorder.open(session, door, form);
    exchange.once('error', (error: NodeJS.ErrnoException) => {
      if (exchange.bytesRead + exchange.bytesWritten > 0) return;
      this.#options.onUnreachable(explainFailure(`${to.host}:${to.port}`, error));
    });
    client.on('data', (chunk) => recorder.inbound(session, chunk, 0, chunk.length));
    client.once('end', () => recorder.ended(session));
    client.once('close', (isBroken) => recorder.close(session, isBroken));
    exchange.on('data', (chunk) => recorder.outbound(session, chunk));
    this.#relay(client, exchange);
    this.#relay(exchange, client);
  }

  /** As fast as the other side takes it; an end becomes an end, and a reset a reset. */
  #relay(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (chunk) => {
      if (to.write(chunk)) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
    from.once('end', () => to.end());
    from.once('error', () => to.resetAndDestroy());
    from.once('close', () => {
      this.#sockets.delete(from);
      to.destroySoon();
    });
  }
}
