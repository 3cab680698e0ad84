/** The door of one service: it listens, and lets connections in within the limits. */
import { createServer, type Server } from 'node:net';
import type { Logger } from 'pino';
import { addressOf, type ClientStream, type ConnectionLimits } from './connection.ts';
import { InputPauses } from './input-pauses.ts';
import type { LogStorm } from './log-storm.ts';
import type { SessionTap } from './session-tap.ts';
import { messageOf, OutcryError } from './values/errors.ts';

export interface ListenerOptions extends ConnectionLimits {
  readonly service: string;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** Where clients send no newline: a message ends when the input pauses this long. */
  readonly pauseMs?: number;
  readonly idleMs: number;
  readonly tap?: SessionTap | undefined;
}

/** As many wait to be accepted as the kernel allows. */
const BACKLOG = 4096;

export class Listener {
  readonly options: ListenerOptions;
  readonly pauses: InputPauses | undefined;
  readonly #server: Server;
  readonly #log: Logger;
  readonly #storms: LogStorm;
  readonly #onConnection: (socket: ClientStream, listener: Listener) => void;
  readonly #countByAddress = new Map<string, number>();
  #count = 0;
  #accepted = 0;
  #refused = 0;
  /** Clients that were cut off in the shutdown before they had sent all. */
  abandoned = 0;
  /** Nobody is let in any more. */
  isClosed = false;

  constructor(
    options: ListenerOptions,
    log: Logger,
    storms: LogStorm,
    onConnection: (socket: ClientStream, listener: Listener) => void,
  ) {
    this.options = options;
    this.pauses = options.pauseMs === undefined ? undefined : new InputPauses(options.pauseMs);
    this.#log = log;
    this.#storms = storms;
    this.#onConnection = onConnection;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.take(socket));
  }

  /** Connections let in since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#count;
  }

  /** Connections turned away since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Connections that knocked since the start. */
  get seen(): number {
    return this.#accepted + this.#refused;
  }

  /** Resolves with the port. Rejects with ERR_CONFIG_PORT if it can't listen. */
  listen(): Promise<number> {
    const { host, port } = this.options;
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException) => reject(portError(this.options, error));
      this.#server.once('error', onError);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', onError);
        this.#server.on('error', (error) => this.#onAcceptError(error));
        const address = this.#server.address();
        resolve(address !== null && typeof address === 'object' ? address.port : port);
      });
    });
  }

  /** A client knocks, over the network or within the process. */
  take(socket: ClientStream): void {
    if (this.#admit(socket)) this.#onConnection(socket, this);
  }

  /** Lets nobody in any more. */
  close(): void {
    this.isClosed = true;
    this.#server.close();
  }

  #admit(socket: ClientStream): boolean {
    const { connectionsMax, connectionsPerAddressMax } = this.options;
    const address = addressOf(socket);
    const fromAddress = this.#countByAddress.get(address) ?? 0;
    if (this.#count >= connectionsMax) {
      this.#refuse(socket, 'service', `the service has ${connectionsMax} already`);
      return false;
    }
    if (fromAddress >= connectionsPerAddressMax) {
      this.#refuse(socket, 'address', `the address ${address} has ${connectionsPerAddressMax} already`);
      return false;
    }
    this.#accepted++;
    this.#count++;
    this.#countByAddress.set(address, fromAddress + 1);
    return true;
  }

  /** A connection from `address` that was let in has closed. */
  release(address: string): void {
    this.#count--;
    const left = (this.#countByAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#countByAddress.delete(address);
    else this.#countByAddress.set(address, left);
  }

  #refuse(socket: ClientStream, limit: 'service' | 'address', why: string): void {
    this.#refused++;
    socket.on('error', () => {
      // It is being closed anyway.
    });
    socket.destroy();
    const { service } = this.options;
    this.#storms.add(`${service} refused ${limit}`, (refused) => {
      this.#log.warn({ service, refused }, `refused ${counted(refused)}: ${why}`);
    });
  }

  #onAcceptError(error: Error): void {
    const { service } = this.options;
    this.#storms.add(`${service} accept`, (failed) => {
      this.#log.error({ service, failed }, `can't accept ${counted(failed)}: ${messageOf(error)}`);
    });
  }
}

/** "1 connection", "12 connections". */
export function counted(connections: number): string {
  return `${connections} connection${connections === 1 ? '' : 's'}`;
}

function portError(options: ListenerOptions, error: NodeJS.ErrnoException): OutcryError {
  const { service, host, port } = options;
  const reasons: Record<string, string> = {
    EADDRINUSE: 'the port is in use; stop what uses it or choose another',
    EACCES: 'this user may not use the port; choose one above 1023',
    EADDRNOTAVAIL: 'this machine does not have that address',
  };
  const reason = reasons[error.code ?? ''] ?? messageOf(error);
  return new OutcryError('ERR_CONFIG_PORT', `${service} can't listen on ${host}:${port}: ${reason}`, {
    cause: error,
    fields: { service, host, port },
  });
}
