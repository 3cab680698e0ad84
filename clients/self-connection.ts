/**
 * Where nobody listens, a socket that happens to be given the port it connects to as its own port is connected with
 * itself. Who tries for hours meets that, and would hold the port against the server that comes back.
 */
import type { Socket } from 'node:net';

export function isConnectedToItself({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean {
  return localPort !== undefined && localPort === remotePort && localAddress === remoteAddress;
}
