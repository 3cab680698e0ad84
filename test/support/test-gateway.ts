/** A gateway over hosts of the test's own thread, whose doors are on free ports of 127.0.0.1. */
import { Gateway } from '../../src/gateway.ts';
import type { ListenerOptions } from '../../src/listener.ts';
import { EchoHost, type EchoHostOptions } from './echo-host.ts';
import { createLogRecorder, type LogEntry } from './log-recorder.ts';
import { TestClient } from './test-client.ts';

export type DoorOptions = Partial<ListenerOptions>;

export class TestGateway {
  readonly hosts: readonly EchoHost[];
  readonly gateway: Gateway;
  readonly logEntries: LogEntry[];
  readonly #clients: TestClient[] = [];

  constructor(options: EchoHostOptions = {}) {
    const { hostCount = 1 } = options;
    this.hosts = Array.from({ length: hostCount }, (_, index) => new EchoHost({ ...options, index }));
    const { log, entries } = createLogRecorder();
    this.logEntries = entries;
    this.gateway = new Gateway(
      this.hosts.map(({ link }) => link),
      log,
    );
  }

  /** The only host, or the first. */
  get host(): EchoHost {
    const [host] = this.hosts;
    if (host === undefined) throw new Error('the gateway has no host');
    return host;
  }

  /** Opens the door of a service whose sessions are those of its name in EchoHost. */
  listen(service: string, options: DoorOptions = {}): Promise<number> {
    return this.gateway.listen({
      service,
      host: '127.0.0.1',
      port: 0,
      connectionsMax: 10_000,
      connectionsPerAddressMax: 10_000,
      framing: { type: 'lines', lengthMax: 1024 },
      idleMs: 3_600_000,
      outboundBytesMax: 1024 * 1024,
      ...options,
    });
  }

  /** Connections let in, over all doors. */
  get accepted(): number {
    return this.gateway.listeners.reduce((sum, { accepted }) => sum + accepted, 0);
  }

  async connect(port: number, options: Parameters<typeof TestClient.connect>[1] = {}): Promise<TestClient> {
    const client = await TestClient.connect(port, options);
    this.#clients.push(client);
    return client;
  }

  /** What was logged, of one level. */
  logged(level: string): string[] {
    return this.logEntries.filter((entry) => entry.level === level).map(({ msg }) => msg);
  }

  close(): void {
    for (const { socket } of this.#clients) socket.destroy();
    this.gateway.close();
    for (const host of this.hosts) host.close();
  }
}
