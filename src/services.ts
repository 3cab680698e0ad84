/** The services that a server may have, and the door of each: where it listens, and how its input is taken apart. */
import type { Config } from './config.ts';
import { affordableConnections } from './descriptors.ts';
import type { ListenerOptions } from './listener.ts';

export const SERVICES = ['bank', 'lobby', 'api'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** A message of a client that sends no newline has ended when its input has paused so long. */
const TEXT_PAUSE_MS = 30;

/** What is open at a service's port. */
export function doorOf(service: ServiceName, config: Config): ListenerOptions {
  const { bank, lobby, api, server, flow } = config;
  const common = { service, host: server.host, outboundBytesMax: flow.connectionOutboundBytesMax };
  switch (service) {
    case 'bank':
      return {
        ...common,
        port: bank.port,
        connectionsMax: affordableConnections(bank.connectionsMax),
        connectionsPerAddressMax: bank.connectionsPerAddressMax,
        framing: { type: 'lines', lengthMax: bank.lineLengthMax },
        idleMs: bank.idleSeconds * 1000,
      };
    case 'lobby':
      return {
        ...common,
        port: lobby.port,
        connectionsMax: affordableConnections(lobby.connectionsMax),
        connectionsPerAddressMax: lobby.connectionsMax,
        framing: { type: 'chunks' },
        pauseMs: TEXT_PAUSE_MS,
        idleMs: lobby.idleSeconds * 1000,
      };
    case 'api':
      return {
        ...common,
        port: api.port,
        connectionsMax: affordableConnections(api.connectionsMax),
        connectionsPerAddressMax: api.connectionsPerAddressMax,
        framing: { type: 'lengths', lengthMax: api.frameBytesMax },
        idleMs: api.idleSeconds * 1000,
      };
  }
}

/** A line to try in a shell. */
export function exampleOf(service: ServiceName, host: string, port: number): string {
  switch (service) {
    case 'bank':
      return `printf 'Marc credit $2\\n' | nc -N ${host} ${port}`;
    case 'lobby':
      return `outcry lobby${port === DEFAULT_LOBBY_PORT ? '' : ` --port ${port}`}`;
    case 'api':
      return 'outcry admin status';
  }
}

const DEFAULT_LOBBY_PORT = 65_433;
