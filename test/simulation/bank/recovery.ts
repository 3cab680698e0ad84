/** What would be there if a simulated server started now from what is stored, read with the product's own code. */
import { LEDGER_ADDRESSES, TALLY_ADDRESS, type TallyCommand } from '../../../src/protocol/bank.ts';
import { type Address, hostIndexOf } from '../../../src/values/address.ts';
import { BankTally } from '../../../workers/ledger/bank-tally.ts';
import { LedgerShard } from '../../../workers/ledger/ledger-shard.ts';
import { decodeSnapshot, type ShardState } from '../../../workers/ledger/ledger-snapshot.ts';
import type { DurableActor } from '../../../workers/runtime/actor.ts';
import { ActorRef } from '../../../workers/runtime/actor-ref.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { Streams } from '../../../workers/runtime/streams.ts';
import { SimulatedStore, StoreFaults, type StoreImage } from '../simulated-store.ts';
import { ACCOUNTS_MAX, HASH_KEY, UPLOADS_MAX } from './settings.ts';

/** The snapshot of each actor of the bank. */
export type Recovered = ReadonlyMap<Address, Buffer[]>;

export function recover(images: readonly StoreImage[]): Recovered {
  const recovered = new Map<Address, Buffer[]>();
  const streams = images.map((image) => {
    const store = new SimulatedStore(image.copy(), new StoreFaults(), new Random(1));
    return new Streams(store, {});
  });
  for (const address of [...LEDGER_ADDRESSES, TALLY_ADDRESS]) {
    const actor = createActor(address);
    streams[hostIndexOf(address, images.length)]?.restore(address, actor);
    recovered.set(address, snapshotOf(actor));
  }
  return recovered;
}

/** The same from the snapshots alone. */
export function recoverAgain(recovered: Recovered): Recovered {
  return new Map(
    [...recovered].map(([address, pieces]) => {
      const actor = createActor(address);
      actor.restore(pieces);
      return [address, snapshotOf(actor)];
    }),
  );
}

export function snapshotOf(actor: DurableActor): Buffer[] {
  return [...actor.snapshot()].map((piece) => Buffer.from(piece));
}

/** The ledger shards, by index. */
export function shardsIn(recovered: Recovered): ShardState[] {
  return LEDGER_ADDRESSES.map((address) => decodeSnapshot(recovered.get(address) ?? []));
}

/** Cents by account. */
export function balancesIn({ ledger }: ShardState): Map<string, number> {
  const names = Buffer.from(ledger.names.buffer, ledger.names.byteOffset, ledger.names.byteLength);
  const balances = new Map<string, number>();
  let at = 0;
  for (const [account, length] of ledger.lengths.entries()) {
    balances.set(names.toString('latin1', at, at + length), ledger.balances[account] as number);
    at += (length + 3) & ~3;
  }
  return balances;
}

function createActor(address: Address): DurableActor {
  if (address === TALLY_ADDRESS) return new BankTally();
  return new LedgerShard({
    shard: LEDGER_ADDRESSES.indexOf(address),
    accountsMax: ACCOUNTS_MAX,
    uploadsMax: UPLOADS_MAX,
    hashKey: HASH_KEY,
    tally: new ActorRef<TallyCommand>(TALLY_ADDRESS, 0),
    isDurable: true,
  });
}
