/** The services that a server may have, and the door of each: where it listens, and how its input is taken apart. */
import { relative } from 'node:path';
import type { Config } from './config.ts';
import { affordableConnections } from './descriptors.ts';
import type { ListenerOptions } from './listener.ts';
import { DATA_FOLDER } from './protocol/operator-file.ts';
import { SETTINGS } from './settings.ts';

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

export interface Reached {
  readonly host: string;
  readonly port: number;
  /** Where the server keeps everything; undefined if nowhere. */
  readonly dataPath: string | undefined;
}

/** A line to try in a shell, in the working directory of the server. */
export function exampleOf(service: ServiceName, { host, port, dataPath }: Reached): string {
  switch (service) {
    case 'bank':
      return `printf 'Marc credit $2\\n' | nc -N ${host} ${port}`;
    case 'lobby':
      return `outcry lobby${hostFlag(host)}${portFlag(port, 'lobby')}`;
    case 'api':
      if (dataPath === undefined) return `outcry admin status${hostFlag(host)}${portFlag(port, 'api')}`;
      return `outcry admin status${dataFlag(relative('.', dataPath))}`;
  }
}

function hostFlag(host: string): string {
  return host === SETTINGS.server.host.default ? '' : ` --host ${host}`;
}

function portFlag(port: number, service: 'lobby' | 'api'): string {
  return port === SETTINGS[service].port.default ? '' : ` --port ${port}`;
}

function dataFlag(folder: string): string {
  return folder === DATA_FOLDER ? '' : ` --data ${folder}`;
}
