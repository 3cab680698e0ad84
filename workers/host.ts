/** The entry of a host: one long-lived pool task that runs the actors of all services which live in it. */
import { isMainThread } from 'node:worker_threads';
import type { HostTask } from '../src/protocol/host-task.ts';
import { startApi } from './api/api-service.ts';
import { startExchange } from './exchange/exchange-service.ts';
import { startOuch, startOuchRaw } from './exchange/ouch-service.ts';
import { startGold, startRates } from './gold/gold-service.ts';
import { startBank } from './ledger/bank-service.ts';
import { warmUpBank } from './ledger/warm-up.ts';
import { startLobby, startRegistry } from './lobby/lobby-service.ts';
import { runHost } from './runtime/host.ts';
import { startUsers } from './users/users-service.ts';

if (isMainThread) throw new Error('a host runs on a worker thread, not on the main thread');

/** Lasts as long as the host. */
export function runHostTask(task: HostTask): Promise<void> {
  const { bank, users, exchange, lobby, gold, ouch, 'ouch-raw': raw, api } = task.services;
  warmUpBank(task.data !== undefined);
  return runHost(task, {
    registry: (system) => startRegistry(system),
    bank: (system) => startBank(system, bank),
    users: (system) => startUsers(system, users),
    ...(exchange === undefined
      ? {}
      : { exchange: (system) => startExchange(system, exchange, bank.hashKey[0]) }),
    ...(lobby === undefined ? {} : { lobby: (system) => startLobby(system, lobby) }),
    ...(gold === undefined
      ? {}
      : { rates: (system) => startRates(system, gold), gold: (system) => startGold(system, gold) }),
    ...(ouch === undefined ? {} : { ouch: (system) => startOuch(system, ouch) }),
    ...(raw === undefined ? {} : { 'ouch-raw': (system) => startOuchRaw(system, raw) }),
    ...(api === undefined ? {} : { api: () => startApi(api, task.services) }),
  });
}
