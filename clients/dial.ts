/** A connection over TCP, begun. */
import { connect, type Socket } from 'node:net';
import { isConnectedToItself } from './self-connection.ts';

export function dial(host: string, port: number): Socket {
  const socket = connect({ host, port, noDelay: true });
  socket.once('connect', () => {
    if (isConnectedToItself(socket)) socket.destroy(new Error('nobody listens there'));
  });
  return socket;
}

/** Why it failed, for people. */
export function explainFailure(peer: string, cause: NodeJS.ErrnoException): string {
  if (cause.code === 'ECONNREFUSED') return `nobody listens on ${peer}: is the server running?`;
  return `the connection to ${peer} failed: ${cause.message}`;
}
