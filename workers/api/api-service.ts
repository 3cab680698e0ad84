/** The api in a host: what carries out the operations of the services that are on, and the sessions of its clients. */
import type { ApiSettings, ServiceSettings } from '../../src/protocol/host-task.ts';
import { ApiPostings } from '../ledger/api-postings.ts';
import { STOP_ON_FAULT } from '../runtime/actor.ts';
import type { MakeSession } from '../runtime/host.ts';
import { adminOperations } from './admin-operations.ts';
import { type AnyHandlers, ApiSession } from './api-session.ts';
import { bankOperations } from './bank-operations.ts';
import { exchangeOperations } from './exchange-operations.ts';
import { goldOperations } from './gold-operations.ts';
import { lobbyOperations } from './lobby-operations.ts';
import { usersOperations } from './users-operations.ts';

export function startApi(settings: ApiSettings, { lobby }: ServiceSettings): MakeSession {
  const handlers: AnyHandlers = {
    ...bankOperations(new ApiPostings()),
    ...(lobby === undefined ? {} : lobbyOperations(lobby)),
    ...exchangeOperations(),
    ...goldOperations(),
    ...usersOperations(),
    ...adminOperations(),
  };
  return (info) => ({
    create: () => new ApiSession(settings, handlers, info),
    supervision: STOP_ON_FAULT,
  });
}
