/** Tells the registry, an actor, of the connections of all services as they come and go. */
import type { Connection } from './connection.ts';
import type { ConnectionWatcher } from './gateway.ts';
import type { Hosts } from './hosts.ts';
import { REGISTRY_ADDRESS, type RegistryCommand } from './protocol/registry.ts';
import { preciseEpochMs } from './values/clock.ts';

const BEGIN_TIMEOUT_MS = 60_000;

export class RegistryFeed implements ConnectionWatcher {
  readonly #hosts: Hosts;

  constructor(hosts: Hosts) {
    this.#hosts = hosts;
  }

  opened(connection: Connection): void {
    this.#tell(openedOf(connection));
  }

  identified(connection: Connection): void {
    this.#tell(openedOf(connection));
  }

  ended({ id, reason, figures }: Connection): void {
    this.#tell({ type: 'ended', connection: id, untilMs: preciseEpochMs(), reason, figures });
  }

  /** The server has started: no connection is open yet. Resolves to the number that the first one gets. */
  async begin(): Promise<number> {
    const command: RegistryCommand = { type: 'present', connections: [], timeMs: preciseEpochMs() };
    return (await this.#hosts.ask(REGISTRY_ADDRESS, command, BEGIN_TIMEOUT_MS)) as number;
  }

  /** The registry's host was replaced: these connections are open, and no others. */
  beginAgain(connections: readonly Connection[]): void {
    const numbers = connections.map(({ id }) => id);
    this.#tell({ type: 'present', connections: numbers, timeMs: preciseEpochMs() });
    for (const connection of connections) this.opened(connection);
  }

  #tell(command: RegistryCommand): void {
    this.#hosts.tell(REGISTRY_ADDRESS, command);
  }
}

function openedOf({ id, listener, remoteAddress, sinceMs, user }: Connection): RegistryCommand {
  const { service } = listener.options;
  const command = { type: 'opened', connection: id, service, address: remoteAddress, sinceMs } as const;
  return user === '' ? command : { ...command, user };
}
