import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  LEDGER_ADDRESSES,
  type LedgerFigures,
  TALLY_ADDRESS,
  type TallyReport,
} from '../../../src/protocol/bank.ts';
import { type Address, hostIndexOf, toAddress } from '../../../src/values/address.ts';
import { formatReport } from '../../../workers/ledger/bank-report.ts';
import { startBank } from '../../../workers/ledger/bank-service.ts';
import type { ActorSystem } from '../../../workers/runtime/actor-system.ts';
import type { MakeSession } from '../../../workers/runtime/host.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { Simulation } from '../../../workers/runtime/simulation.ts';
import { BankModel } from '../../support/bank-model.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const SETTINGS = { lineLengthMax: 1024, accountsMax: 16_000, uploadsMax: 1000, hashKey: [1, 2] as const };
const CONNECTIONS = 6;
const RUNS = 12;

interface Outcome {
  readonly report: string;
  readonly applied: number;
  readonly discarded: TallyReport;
  readonly closed: readonly number[];
}

/** A simulated server with a bank, whose sessions get the lines of `clients`, in runs drawn from the seed. */
function simulate(seed: number, hosts: number, clients: readonly (readonly string[])[]): Outcome {
  // What sessions share is their host's own, so a session is made by its host's service; its address names the host.
  const services = new Map<string, MakeSession>();
  const simulation = new Simulation({
    seed,
    hosts,
    startHost: (system: ActorSystem) => services.set(String(system.hostIndex), startBank(system, SETTINGS)),
    createSession: (_, connection, host) =>
      services.get(String(host))?.(connection) ?? assert.fail(`there is no host ${host}`),
    linkHighWater: 2000,
    mailboxMax: 8,
  });
  feed(simulation, hosts, clients);
  simulation.runUntilQuiet();
  const balances = LEDGER_ADDRESSES.map((address) => ask<Uint8Array>(simulation, address, 'balances'));
  const applied = LEDGER_ADDRESSES.map((address) => ask<LedgerFigures>(simulation, address, 'figures'));
  const discarded = ask<TallyReport>(simulation, TALLY_ADDRESS, 'report');
  assert.deepEqual([simulation.failures, simulation.crashes], [[], 0]);
  return {
    report: [...formatReport(balances)].join(''),
    applied: applied.reduce((sum, { transactions }) => sum + transactions, 0),
    discarded,
    closed: [...simulation.closed.keys()].sort(),
  };
}

/** Sends what is left of the clients' lines a few at a time, with steps of the simulation between. */
function feed(simulation: Simulation, hosts: number, clients: readonly (readonly string[])[]): void {
  const random = new Random(simulation.random.below(2 ** 31));
  const left = clients.map((lines, i) => {
    const host = hostIndexOf(toAddress(`bank/${i}`), hosts);
    simulation.command(host, {
      type: 'open',
      connection: i,
      service: 'bank',
      remoteAddress: 'client:1',
      localAddress: 'server:1',
      sinceMs: 0,
    });
    return { connection: i, host, lines: [...lines] };
  });
  while (left.length > 0) {
    const at = random.below(left.length);
    const { connection, host, lines } = left[at] ?? assert.fail();
    const run = lines.splice(0, 1 + random.below(20));
    simulation.sendFrames(host, connection, Buffer.from(run.map((line) => `${line}\n`).join(''), 'latin1'));
    for (let steps = random.below(10); steps > 0; steps--) simulation.step();
    if (lines.length > 0) continue;
    simulation.command(host, { type: 'ended', connection });
    left.splice(at, 1);
  }
}

function ask<Reply>(simulation: Simulation, address: Address, type: string): Reply {
  let reply: unknown;
  simulation.ask(address, { type }, (answer) => {
    reply = answer.ok ? answer.value : assert.fail(answer.error.message);
  });
  simulation.runUntilQuiet();
  return reply as Reply;
}

/** Lines of clients that have accounts of their own, each of which ends up elsewhere if its lines change places. */
function orderedLines(random: Random, client: number): string[] {
  const names = [`first-${client}`, `second-${client}`, `third-${client}`];
  const most = '$90071992547409.91';
  const amounts = [most, '$0.01', '$0.02', '$12.5', 'five', '$90071992547409.90'];
  return Array.from(
    { length: 120 },
    () => `${random.pick(names)} ${random.pick(['credit', 'debit'])} ${random.pick(amounts)}`,
  );
}

function sharedLines(random: Random): string[] {
  const junk = ['', 'Marc credit', 'Marc credit five', 'x'.repeat(2000)];
  return Array.from({ length: 120 }, () =>
    random.chance(0.05)
      ? random.pick(junk)
      : `name-${random.below(30)} ${random.pick(['credit', 'debit'])} $${random.below(1000)}.25`,
  );
}

function expectedOf(clients: readonly (readonly string[])[]): Outcome {
  const model = new BankModel();
  for (const line of clients.flat()) model.take(line);
  return {
    report: model.report(),
    applied: model.applied,
    discarded: model.discards,
    closed: clients.map((_, i) => i),
  };
}

describe('the bank on several hosts, simulated', () => {
  const seed = fuzzSeed();
  for (const hosts of [1, 2, 3]) {
    test(`on ${hosts}, accounts shared by all clients end up as the model says, whatever the seed`, () => {
      for (let run = 0; run < RUNS; run++) {
        const random = new Random(seed + run);
        const clients = Array.from({ length: CONNECTIONS }, () => sharedLines(random));
        assert.deepEqual(simulate(seed + run, hosts, clients), expectedOf(clients), `seed ${seed + run}`);
      }
    });

    test(`on ${hosts}, the lines of one client stay in order for each account, whatever the seed`, () => {
      for (let run = 0; run < RUNS; run++) {
        const random = new Random(seed + run);
        const clients = Array.from({ length: CONNECTIONS }, (_, i) => orderedLines(random, i));
        assert.deepEqual(simulate(seed + run, hosts, clients), expectedOf(clients), `seed ${seed + run}`);
      }
    });
  }
});
