/** An account's statement, read from the store of the host that has its shard. */
import { LEDGER_ADDRESSES } from '../../src/protocol/bank.ts';
import type { Statement, StatementEntry, StatementJob, StoredHost } from '../../src/protocol/data-jobs.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { openStored } from '../data/open-stored.ts';
import type { LmdbStore } from '../runtime/lmdb-store.ts';
import { readStored } from '../runtime/streams.ts';
import { shardOfName } from './bank-lines.ts';
import { checkFlat } from './ledger-json.ts';
import { decodeSnapshot } from './ledger-snapshot.ts';
import { StatementScan, type Transaction } from './statement.ts';

/** Throws ERR_STATEMENT_ACCOUNT, ERR_STATEMENT_POSITION, ERR_DATA_…. */
export async function readStatement(job: StatementJob): Promise<Statement> {
  const shard = LEDGER_ADDRESSES[shardOfName(job.name)] as Address;
  const host = job.hosts[hostIndexOf(shard, job.hosts.length)] as StoredHost;
  const store = openStored(host, { isExamined: job.isExamined });
  if (store === undefined) throw noAccount(job.name);
  try {
    return readFrom(store, shard, job);
  } finally {
    await store.close();
  }
}

function readFrom(store: LmdbStore, shard: Address, job: StatementJob): Statement {
  const { name, last, at = Number.POSITIVE_INFINITY } = job;
  const stored = store.snapshot(shard);
  const snapshot = stored && { ledger: decodeSnapshot(stored.pieces).ledger, events: stored.events };
  const scan = new StatementScan({ name, snapshot, last, at });
  const kept = new KeptEvents(store, shard);
  for (const { bytes, start, end, position, timeMs } of kept.segments()) {
    scan.take(bytes, start, end, position, timeMs);
  }
  const end = kept.last ?? stored?.events ?? 0;
  const firstKept = kept.first ?? end + 1;
  checkPosition({ at, firstKept, end, shard });
  if (!scan.isKnown) throw noAccount(name);
  const { openedAt = 0 } = scan;
  if (openedAt > at) throw noAccount(name, ` at position ${at} of ${shard}: it was opened at ${openedAt}`);
  return {
    shard,
    entries: withBalances(scan.transactions, scan.balance),
    balance: scan.balance,
    position: Math.min(at, end),
    firstKept,
  };
}

/** The balances after the last transactions, of which the last one made `balance`. */
function withBalances(transactions: readonly Transaction[], balance: number): StatementEntry[] {
  const entries: StatementEntry[] = [];
  let after = balance;
  for (const transaction of transactions.toReversed()) {
    entries.push({ ...transaction, balance: after });
    after -= transaction.cents;
  }
  return entries.reverse();
}

interface KeptSegment {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly position: number;
  readonly timeMs: number;
}

/** What the journal has of one shard. */
class KeptEvents {
  first: number | undefined;
  last: number | undefined;
  readonly #store: LmdbStore;
  readonly #shard: Address;

  constructor(store: LmdbStore, shard: Address) {
    this.#store = store;
    this.#shard = shard;
  }

  *segments(): Iterable<KeptSegment> {
    for (const stored of this.#store.read(this.#store.first)) {
      const batch = readStored(this.#store, stored, {});
      if (batch === undefined) return;
      for (const segment of batch.segments) {
        if (segment.address !== this.#shard) continue;
        checkFlat(segment);
        this.first ??= segment.position;
        this.last = segment.position + segment.count - 1;
        yield { ...segment, timeMs: batch.timeMs };
      }
    }
  }
}

interface Asked {
  readonly at: number;
  readonly firstKept: number;
  readonly end: number;
  readonly shard: Address;
}

/** The balance before the first event that is kept is known too. */
function checkPosition({ at, firstKept, end, shard }: Asked): void {
  const problem =
    at > end && at !== Number.POSITIVE_INFINITY
      ? `its last position is ${end}`
      : at < firstKept - 1
        ? `its first position that is kept is ${firstKept}`
        : undefined;
  if (problem === undefined) return;
  throw new OutcryError('ERR_STATEMENT_POSITION', `${shard} has no position ${at}: ${problem}`, {
    fields: { at, first: firstKept, last: end },
  });
}

function noAccount(name: Uint8Array, where = ''): OutcryError {
  const text = Buffer.from(name).toString();
  return new OutcryError('ERR_STATEMENT_ACCOUNT', `there is no account ${JSON.stringify(text)}${where}`, {
    fields: { name: text },
  });
}
