/** Clients of the bank as bare as they come: sockets that are written to in pieces. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Random } from '../../workers/runtime/random.ts';

/** Resolves once the connection stands. */
export async function connectTo(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** Resolves once the kernel has taken `bytes`. */
export function write(socket: Socket, bytes: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Half-closes, and resolves once the kernel has taken everything; nobody waits for the server. */
export async function leave(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.end(resolve);
  });
  socket.destroy();
}

/** Sends over a connection of its own, one write a piece, and leaves. */
export async function send(port: number, pieces: Iterable<Uint8Array | string>): Promise<void> {
  const socket = await connectTo(port);
  for (const piece of pieces) await write(socket, piece);
  await leave(socket);
}

/** `bytes` cut at random places, none at a line's end but by chance. */
export function* raggedly(bytes: Uint8Array, random: Random, lengthMax: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(lengthMax));
    yield bytes.subarray(at, end);
    at = end;
  }
}
