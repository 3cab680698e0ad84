/** The exchange as the commands on a data folder see it: they recover it as a start does, without its settings. */
import { randomInt } from 'node:crypto';
import { EXCHANGE_ADDRESS } from '../../src/protocol/exchange.ts';
import type { StoredActor, StoredKind } from '../data/stored-kind.ts';
import { BODY, type Segment } from '../runtime/journal.ts';
import { ExchangeDescriber, ExchangeParser } from './exchange-json.ts';
import { readEvents } from './exchange-log.ts';
import { decodeSnapshot, encodeSnapshot } from './exchange-snapshot.ts';
import { Orders } from './orders.ts';
import { Recovery } from './recovery.ts';
import { StreamMemory } from './sequenced-stream.ts';

export const STORED_EXCHANGE: readonly StoredKind[] = [
  {
    isOf: (address) => address === EXCHANGE_ADDRESS,
    create: () => new StoredExchange(),
    /** None of them is a transaction of the bank. */
    examine(segment) {
      checkEvents(segment);
      return 0;
    },
    createDescriber: (snapshot) => new ExchangeDescriber(snapshot && decodeSnapshot(snapshot)),
    createParser: (snapshot) => new ExchangeParser(recoveryOf(snapshot)),
  },
];

class StoredExchange implements StoredActor {
  readonly #recovery = recoveryOf(undefined);

  restore(pieces: readonly Uint8Array[]): void {
    this.#recovery.restore(decodeSnapshot(pieces));
  }

  apply(segment: Segment): void {
    checkEvents(segment);
    const { position, bytes, start, end } = segment;
    const { events } = this.#recovery;
    // Pages are found by the positions that it counts.
    if (position !== events + 1) throw new RangeError(`the state before them is that of event ${events}`);
    this.#recovery.apply(bytes, start, end);
  }

  snapshot(): Iterable<Uint8Array> {
    return encodeSnapshot(this.#recovery.freeze());
  }

  get figures(): Readonly<Record<string, number>> {
    const { session, accounts, orders } = this.#recovery;
    const { accepted, trades } = session;
    return { traders: accounts.size, 'open orders': orders.count, accepted, trades };
  }
}

/** Nobody reads what accounts were told: it needs no memory. */
function recoveryOf(snapshot: readonly Uint8Array[] | undefined): Recovery {
  // Tokens may have been chosen to collide under any secret that is known.
  const recovery = new Recovery(new StreamMemory(0), new Orders(randomInt(2 ** 32)));
  if (snapshot !== undefined) recovery.restore(decodeSnapshot(snapshot));
  return recovery;
}

function checkEvents({ kind, count, bytes, start, end }: Segment): void {
  if (kind !== BODY.flat)
    throw new RangeError(`an exchange's events are flat, these are of the kind ${kind}`);
  const found = readEvents(bytes, start, end, {});
  if (found !== count) throw new RangeError(`there should be ${count} events, but there are ${found}`);
}
