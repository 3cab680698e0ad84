/** The bank's durable actors as the commands on a data folder see them. */
import { randomInt } from 'node:crypto';
import {
  DISCARD_REASONS,
  type DiscardReason,
  LEDGER_ADDRESSES,
  TALLY_ADDRESS,
  type TallyCommand,
} from '../../src/protocol/bank.ts';
import type { Address } from '../../src/values/address.ts';
import type { Describer, EventLines, EventParser, StoredActor, StoredKind } from '../data/stored-kind.ts';
import { ActorRef } from '../runtime/actor-ref.ts';
import { type BatchBuilder, BODY, type Segment, valuesIn } from '../runtime/journal.ts';
import { applySegment } from '../runtime/streams.ts';
import { BankTally, type Discarded } from './bank-tally.ts';
import { checkFlat, LedgerDescriber, LedgerParser } from './ledger-json.ts';
import { LedgerScan } from './ledger-scan.ts';
import { LedgerShard } from './ledger-shard.ts';
import { decodeSnapshot } from './ledger-snapshot.ts';

const ledger: StoredKind = {
  isOf: (address) => LEDGER_ADDRESSES.includes(address),
  create: (address) => new StoredShard(address),
  examine(segment) {
    checkFlat(segment);
    const scan = new LedgerScan(Number.POSITIVE_INFINITY);
    scan.take(segment.bytes, segment.start, segment.end);
    checkCount(segment, scan.events);
    return scan.postings;
  },
  createDescriber: (snapshot) => new LedgerDescriber(snapshot && decodeSnapshot(snapshot)),
  createParser: (snapshot) => new LedgerParser(snapshot && decodeSnapshot(snapshot)),
};

const tally: StoredKind = {
  isOf: (address) => address === TALLY_ADDRESS,
  create: () => new StoredTally(),
  examine(segment) {
    for (const event of discardsIn(segment)) checkDiscarded(event);
    return 0;
  },
  createDescriber: () => new TallyDescriber(),
  createParser: () => new TallyParser(),
};

export const STORED_BANK: readonly StoredKind[] = [ledger, tally];

class StoredShard implements StoredActor {
  readonly #shard: LedgerShard;
  readonly #scan = new LedgerScan(0);

  constructor(address: Address) {
    this.#shard = new LedgerShard({
      shard: LEDGER_ADDRESSES.indexOf(address),
      accountsMax: Number.POSITIVE_INFINITY,
      uploadsMax: Number.POSITIVE_INFINITY,
      // Names may have been chosen to collide under any key that is known.
      hashKey: [randomInt(2 ** 32) | 0, randomInt(2 ** 32) | 0],
      tally: new ActorRef<TallyCommand>(TALLY_ADDRESS, 0),
      isDurable: false,
    });
  }

  restore(pieces: readonly Uint8Array[]): void {
    this.#shard.restore(pieces);
    this.#scan.accounts = this.#shard.figures.accounts;
  }

  apply(segment: Segment): void {
    checkFlat(segment);
    this.#scan.take(segment.bytes, segment.start, segment.end);
    applySegment(this.#shard, segment);
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#shard.snapshot();
  }

  get figures(): Readonly<Record<string, number>> {
    return { ...this.#shard.figures };
  }
}

class StoredTally implements StoredActor {
  readonly #tally = new BankTally();

  restore(pieces: readonly Uint8Array[]): void {
    this.#tally.restore(pieces);
  }

  apply(segment: Segment): void {
    for (const event of discardsIn(segment)) this.#tally.apply(checkDiscarded(event));
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#tally.snapshot();
  }

  get figures(): Readonly<Record<string, number>> {
    const counts = Object.entries(this.#tally.counts);
    return Object.fromEntries(counts.map(([reason, count]) => [`discarded ${reason}`, count]));
  }
}

class TallyDescriber implements Describer {
  describe(segment: Segment, lines: EventLines): void {
    for (const event of discardsIn(segment)) {
      lines.begin();
      lines.json(event);
      lines.end();
    }
  }
}

class TallyParser implements EventParser {
  #events: Discarded[] = [];

  take(event: unknown): void {
    this.#events.push(checkDiscarded(event));
  }

  flush(builder: BatchBuilder, address: Address, position: number): void {
    if (this.#events.length > 0) builder.addValues(address, position, this.#events);
    this.#events = [];
  }
}

function discardsIn(segment: Segment): unknown[] {
  if (segment.kind !== BODY.values) {
    throw new RangeError(`a tally's events are values, these are of the kind ${segment.kind}`);
  }
  const events = valuesIn(segment);
  checkCount(segment, events.length);
  return events;
}

function checkDiscarded(event: unknown): Discarded {
  const { type, counts } = (typeof event === 'object' && event !== null ? event : {}) as Partial<Discarded>;
  const isRight =
    type === 'discarded' &&
    typeof counts === 'object' &&
    Object.entries(counts).every(
      ([reason, count]) => DISCARD_REASONS.includes(reason as DiscardReason) && Number.isSafeInteger(count),
    );
  if (!isRight) throw new RangeError(`a tally has no event ${JSON.stringify(event)}`);
  return event as Discarded;
}

function checkCount({ count }: Segment, found: number): void {
  if (found !== count) throw new RangeError(`there should be ${count} events, but there are ${found}`);
}
