/** What a trading account was told, read from the store of the host that has the exchange: what is in memory no more. */
import type { ReadStreamJob, StoredHost } from '../../src/protocol/data-jobs.ts';
import type { StreamPart } from '../../src/protocol/desk.ts';
import { EXCHANGE_ADDRESS } from '../../src/protocol/exchange.ts';
import { hostIndexOf } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { openStored } from '../data/open-stored.ts';
import { findBatch } from '../runtime/find-batch.ts';
import { BODY } from '../runtime/journal.ts';
import type { Store } from '../runtime/store.ts';
import { readStored } from '../runtime/streams.ts';
import { type ExchangeEvents, readEvents } from './exchange-log.ts';
import { endOfPacket } from './sequenced-stream.ts';

/** Whole packets, at least one. Throws ERR_STREAM_POSITION, ERR_DATA_…. */
export async function readStream(job: ReadStreamJob): Promise<Uint8Array> {
  const host = job.hosts[hostIndexOf(EXCHANGE_ADDRESS, job.hosts.length)] as StoredHost;
  // The server of this process has examined it.
  const store = openStored(host, { isExamined: true });
  if (store === undefined) throw notKept(job);
  try {
    return readStreamFrom(store, job);
  } finally {
    await store.close();
  }
}

export function readStreamFrom(store: Store, part: StreamPart): Uint8Array {
  const wanted = new WantedPackets(part);
  const first = findBatch(store, EXCHANGE_ADDRESS, part.place.event) ?? store.last + 1;
  for (const stored of store.read(first)) {
    const { segments = [] } = readStored(store, stored, {}) ?? {};
    for (const { address, kind, position, bytes, start, end } of segments) {
      if (address === EXCHANGE_ADDRESS && kind === BODY.flat) wanted.take(bytes, start, end, position);
    }
    if (wanted.isDone) break;
  }
  if (wanted.length === 0) throw notKept(part);
  return wanted.joined;
}

/** Picks an account's packets out of the events, from the place on. */
class WantedPackets implements Partial<ExchangeEvents> {
  readonly #part: StreamPart;
  readonly #parts: Uint8Array[] = [];
  length = 0;
  /** Nothing more is to come. */
  isDone = false;
  /** Position of the event that is read. */
  #event = 0;
  /** Number of the account's packet that comes next; undefined before the place. */
  #next: number | undefined;

  constructor(part: StreamPart) {
    this.#part = part;
  }

  get joined(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  /** Flat events, the first at `position`. */
  take(bytes: Uint8Array, start: number, end: number, position: number): void {
    this.#event = position - 1;
    readEvents(bytes, start, end, this);
  }

  next(): void {
    this.#event++;
  }

  packets(account: number, bytes: Uint8Array, start: number, end: number): void {
    const { place, sequence } = this.#part;
    if (account !== this.#part.account || this.isDone) return;
    if (this.#event === place.event) this.#next = place.first;
    if (this.#next === undefined) return;
    let from = start;
    while (from < end && this.#next < sequence) {
      from = endOfPacket(bytes, from, end);
      this.#next++;
    }
    if (from === end) return;
    const to = this.#endWithin(bytes, from, end);
    this.isDone = to < end;
    // A copy: the store's bytes go with it.
    this.#parts.push(bytes.slice(from, to));
    this.length += to - from;
  }

  closeAccount(account: number): void {
    if (account === this.#part.account && this.#next !== undefined) this.isDone = true;
  }

  beginSession(): void {
    if (this.#next !== undefined) this.isDone = true;
  }

  /** Up to where packets fit into what is asked for; the first of all always does. */
  #endWithin(bytes: Uint8Array, from: number, end: number): number {
    let to = from;
    while (to < end) {
      const next = endOfPacket(bytes, to, end);
      const length = this.length + next - from;
      if (length > this.#part.bytesMax && length > next - to) break;
      to = next;
    }
    return to;
  }
}

function notKept({ account, sequence }: StreamPart): OutcryError {
  return new OutcryError(
    'ERR_STREAM_POSITION',
    `the journal that is kept does not have message ${sequence} to account ${account}`,
    { fields: { account, sequence } },
  );
}
