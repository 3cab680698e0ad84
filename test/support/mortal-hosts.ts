/** A durable server in this process, whose worker threads can be made to die. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { resolveConfig } from '../../src/config.ts';
import { Server } from '../../src/server.ts';
import type { OutcryError } from '../../src/values/errors.ts';
import type { DurableBank } from './durable-bank.ts';
import { until } from './until.ts';

export interface Started {
  readonly server: Server;
  /** Levels and texts. */
  readonly log: readonly string[];
  readonly fatal: readonly OutcryError[];
}

/** Three hosts, on the ports and in the folder of `bank`, with its config.ini if it has one. */
export async function startServer(
  t: TestContext,
  bank: DurableBank,
  flags: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const log: string[] = [];
  const fatal: OutcryError[] = [];
  const sink = {
    write: (line: string) => {
      const { level, msg } = JSON.parse(line) as { level: number; msg: string };
      log.push(`${level} ${msg}`);
    },
  };
  const { port, apiPort, ouchPort } = bank;
  const ports = { 'bank-port': String(port), 'api-port': String(apiPort), 'ouch-port': String(ouchPort) };
  const small = { 'data-snapshot-bytes': '150000', 'data-history-bytes': '60000' };
  const file = join(bank.folder, 'config.ini');
  const server = await Server.start({
    services: ['bank', 'ouch', 'api'],
    config: resolveConfig({
      file: existsSync(file) ? file : null,
      environment: {},
      flags: { ...ports, 'server-hosts': '3', 'gold-providers': 'none', ...small, ...flags },
    }),
    log: pino({ level: 'info' }, sink),
    dataFolder: bank.data,
    onFatal: (error) => fatal.push(error),
  });
  t.after(() => server.stop());
  return { server, log, fatal };
}

/** The host asks for a service that there is not: an exception that nobody in its thread catches. */
export function kill({ server }: Started, host: number): void {
  server.hosts.links[host]?.command({
    type: 'open',
    connection: 0,
    service: 'none',
    remoteAddress: '',
    localAddress: '',
    sinceMs: 0,
  });
}

/** Waits until so many hosts have been replaced in all. */
export async function isReplaced({ log }: Started, count: number): Promise<void> {
  const replaced = () => log.filter((line) => /^40 host \d was replaced$/.test(line)).length;
  await until('the host is replaced', () => replaced() === count);
}
