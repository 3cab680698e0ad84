/** Clients of the scripted server. */
import { type Client, type ConnectOptions, connect, type StateChange } from '../../clients/index.ts';
import type { ApiServer } from './api-server.ts';

/** Comes back quickly. */
export const QUICK = { minMs: 1, maxMs: 5 };

export function connectTo(server: ApiServer, options: ConnectOptions = {}): Promise<Client> {
  return connect({ port: server.port, reconnect: QUICK, ...options });
}

/** The next change to that state. */
export async function change<State extends StateChange['state']>(
  client: Client,
  state: State,
): Promise<StateChange & { readonly state: State }> {
  return new Promise((resolve) => {
    const listen = (next: StateChange) => {
      if (next.state !== state) return;
      client.off('state', listen);
      resolve(next as StateChange & { readonly state: State });
    };
    client.on('state', listen);
  });
}
