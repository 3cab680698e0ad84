/** The entry of a host: one long-lived pool task that runs the actors of all services which live in it. */
import { isMainThread } from 'node:worker_threads';
import type { HostTask } from '../src/protocol/host-task.ts';
import { startApi } from './api/api-service.ts';
import { startExchange } from './exchange/exchange-service.ts';
import { startOuch, startOuchRaw } from './exchange/ouch-service.ts';
import { startBank } from './ledger/bank-service.ts';
import { warmUpBank } from './ledger/warm-up.ts';
import { startLobby, startRegistry } from './lobby/lobby-service.ts';
import { runHost } from './runtime/host.ts';

if (isMainThread) throw new Error('a host runs on a worker thread, not on the main thread');

/** Lasts as long as the host. */
export function runHostTask(task: HostTask): Promise<void> {
  const { bank, exchange, lobby, ouch, 'ouch-raw': raw, api } = task.services;
  warmUpBank(task.data !== undefined);
  return runHost(task, {
    registry: (system) => startRegistry(system),
    bank: (system) => startBank(system, bank),
    ...(exchange === undefined
      ? {}
      : { exchange: (system) => startExchange(system, exchange, bank.hashKey[0]) }),
    ...(lobby === undefined ? {} : { lobby: (system) => startLobby(system, lobby) }),
    ...(ouch === undefined ? {} : { ouch: (system) => startOuch(system, ouch) }),
    ...(raw === undefined ? {} : { 'ouch-raw': (system) => startOuchRaw(system, raw) }),
    ...(api === undefined ? {} : { api: () => startApi(api, task.services) }),
  });
}
