/** The services that a server may have, and the door of each: where it listens, and how its input is taken apart. */
import { relative } from 'node:path';
import type { Config } from './config.ts';
import { affordableConnections } from './descriptors.ts';
import { lengthHead, letterHead } from './length-framer.ts';
import type { ListenerOptions } from './listener.ts';
import { DATA_FOLDER } from './protocol/operator-file.ts';
import { LENGTH, LETTER } from './protocol/ouch/layout.ts';
import { SETTINGS } from './settings.ts';

export const SERVICES = ['bank', 'lobby', 'gold', 'ouch', 'ouch-raw', 'api'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Those of `services` that the settings have on. */
export function openServices(services: readonly ServiceName[], config: Config): readonly ServiceName[] {
  return config['ouch-raw'].isOpen ? services : services.filter((service) => service !== 'ouch-raw');
}

/** A message of a client that sends no newline has ended when its input has paused so long. */
const TEXT_PAUSE_MS = 30;

/** What a client of the raw port may send: each letter stands for one length in this direction. */
const ENTRY_HEAD = letterHead({
  [LETTER.enter]: LENGTH.enter,
  [LETTER.replace]: LENGTH.replace,
  [LETTER.cancel]: LENGTH.cancel,
});

/** What is open at a service's port. */
export function doorOf(service: ServiceName, config: Config): ListenerOptions {
  const { bank, lobby, gold, ouch, 'ouch-raw': raw, api, server, flow } = config;
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
    case 'gold':
      return {
        ...common,
        port: gold.port,
        connectionsMax: affordableConnections(gold.connectionsMax),
        connectionsPerAddressMax: gold.connectionsPerAddressMax,
        framing: { type: 'chunks' },
        pauseMs: TEXT_PAUSE_MS,
        idleMs: gold.idleSeconds * 1000,
      };
    case 'ouch':
      return {
        ...common,
        port: ouch.port,
        connectionsMax: affordableConnections(ouch.connectionsMax),
        connectionsPerAddressMax: ouch.connectionsPerAddressMax,
        framing: { type: 'lengths', head: lengthHead(2, ouch.packetBytesMax) },
        // The session is stricter, as long as its host takes turns.
        idleMs: (ouch.loginSeconds + ouch.idleSeconds) * 1000,
      };
    case 'ouch-raw':
      return {
        ...common,
        port: raw.port,
        connectionsMax: affordableConnections(raw.connectionsMax),
        connectionsPerAddressMax: raw.connectionsPerAddressMax,
        framing: { type: 'lengths', head: ENTRY_HEAD },
        idleMs: raw.idleSeconds * 1000,
      };
    case 'api':
      return {
        ...common,
        port: api.port,
        connectionsMax: affordableConnections(api.connectionsMax),
        connectionsPerAddressMax: api.connectionsPerAddressMax,
        framing: { type: 'lengths', head: lengthHead(4, api.frameBytesMax) },
        idleMs: api.idleSeconds * 1000,
      };
  }
}

export interface Reached {
  readonly host: string;
  readonly port: number;
  /** Where the server keeps everything; undefined if nowhere. */
  readonly dataPath: string | undefined;
  /** Somebody who may log in: user and password. */
  readonly trader: string;
}

/** A line to try in a shell, in the working directory of the server. */
export function exampleOf(service: ServiceName, { host, port, dataPath, trader }: Reached): string {
  switch (service) {
    case 'bank':
      return `printf 'Marc credit $2\\n' | nc -N ${host} ${port}`;
    case 'lobby':
    case 'gold':
      return `outcry ${service}${hostFlag(host)}${portFlag(port, service)}`;
    case 'ouch':
      return `printf '\\0/L%-6s%-10s%10s%20s' ${trader} '' 1 | timeout 3 nc ${host} ${port} | od -c`;
    case 'ouch-raw':
      return `timeout 3 nc ${host} ${port} < /dev/null | od -c`;
    case 'api':
      if (dataPath === undefined) return `outcry admin status${hostFlag(host)}${portFlag(port, 'api')}`;
      return `outcry admin status${dataFlag(relative('.', dataPath))}`;
  }
}

function hostFlag(host: string): string {
  return host === SETTINGS.server.host.default ? '' : ` --host ${host}`;
}

function portFlag(port: number, service: 'lobby' | 'gold' | 'api'): string {
  return port === SETTINGS[service].port.default ? '' : ` --port ${port}`;
}

function dataFlag(folder: string): string {
  return folder === DATA_FOLDER ? '' : ` --data ${folder}`;
}
