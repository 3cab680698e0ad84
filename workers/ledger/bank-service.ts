/** The bank in a host: those of its ledger shards and its tally that live here, and the sessions of its connections. */
import {
  LEDGER_ADDRESSES,
  LEDGER_SHARDS,
  TALLY_ADDRESS,
  type TallyCommand,
} from '../../src/protocol/bank.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { type ActorSpec, ESCALATE_FAULT, STOP_ON_FAULT } from '../runtime/actor.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import type { MakeSession } from '../runtime/host.ts';
import { BankLines } from './bank-lines.ts';
import { BankCounter, BankSession } from './bank-session.ts';
import { BankTally } from './bank-tally.ts';
import type { HashKey } from './half-sip-hash.ts';
import { LedgerShard, type LedgerShardOptions } from './ledger-shard.ts';

export interface BankSettings {
  readonly lineLengthMax: number;
  /** In the whole server. */
  readonly accountsMax: number;
  /** Uploads that are remembered, in the whole server. */
  readonly uploadsMax: number;
  /** Secret: see ledger.ts. */
  readonly hashKey: HashKey;
}

/** Starts what the bank has in this host; returns what makes a session. */
export function startBank(system: ActorSystem, settings: BankSettings): MakeSession {
  const isHere = (address: Address) => hostIndexOf(address, system.hostCount) === system.hostIndex;
  const tally = system.refer<TallyCommand>(TALLY_ADDRESS);
  // An actor of these that fails has lost accounts or counts: that is never a thing to go on from quietly.
  for (const [shard, address] of LEDGER_ADDRESSES.entries()) {
    if (!isHere(address)) continue;
    const options: LedgerShardOptions = {
      shard,
      accountsMax: Math.floor((settings.accountsMax + shard) / LEDGER_SHARDS),
      uploadsMax: Math.ceil(settings.uploadsMax / LEDGER_SHARDS),
      hashKey: settings.hashKey,
      tally,
      isDurable: system.isDurable,
    };
    system.spawnRoot(address, {
      create: () => new LedgerShard(options),
      supervision: ESCALATE_FAULT,
      isDurable: true,
    });
  }
  if (isHere(TALLY_ADDRESS)) {
    system.spawnRoot(TALLY_ADDRESS, {
      create: () => new BankTally(),
      supervision: ESCALATE_FAULT,
      isDurable: true,
    });
  }
  const shards = LEDGER_ADDRESSES.map((address) => system.refer<never>(address));
  const counter = new BankCounter(new BankLines(settings.lineLengthMax), shards, tally);
  // One for all sessions but those that take another's place: they differ in nothing but their connection.
  const session: ActorSpec = { create: () => new BankSession(counter), supervision: STOP_ON_FAULT };
  return ({ memory }) =>
    memory === undefined
      ? session
      : { create: () => new BankSession(counter, memory), supervision: STOP_ON_FAULT };
}
