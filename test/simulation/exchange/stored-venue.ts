/** What would be there if a simulated exchange started now from what is stored, read with the product's own code. */
import { EXCHANGE_ADDRESS } from '../../../src/protocol/exchange.ts';
import { hostIndexOf } from '../../../src/values/address.ts';
import { type ExchangeEvents, readEvents } from '../../../workers/exchange/exchange-log.ts';
import {
  decodeSnapshot,
  type ExchangeState,
  encodeSnapshot,
} from '../../../workers/exchange/exchange-snapshot.ts';
import { Recovery } from '../../../workers/exchange/recovery.ts';
import { StreamMemory } from '../../../workers/exchange/sequenced-stream.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { readStored, Streams } from '../../../workers/runtime/streams.ts';
import { SimulatedStore, StoreFaults, type StoreImage } from '../simulated-store.ts';

/** By the id that clients know. */
export function sessionIdOf({ session }: ExchangeState): string {
  return session.beginMs.toString(36).toUpperCase();
}

export function recoverVenue(images: readonly StoreImage[]): ExchangeState {
  const recovery = newRecovery();
  new Streams(openCopy(images), { only: EXCHANGE_ADDRESS }).restore(EXCHANGE_ADDRESS, {
    receive: () => undefined,
    snapshot: () => [],
    restore: (pieces) => recovery.restore(decodeSnapshot(pieces)),
    applyFlat: (bytes, start, end) => recovery.apply(bytes, start, end),
  });
  return recovery.freeze();
}

/** The same from a snapshot of it alone. */
export function recoverAgain(state: ExchangeState): ExchangeState {
  const recovery = newRecovery();
  recovery.restore(decodeSnapshot([...encodeSnapshot(state)]));
  return recovery.freeze();
}

function newRecovery(): Recovery {
  return new Recovery(new StreamMemory(0));
}

/** All that the journal has of what accounts were told in the last session, by the number of the account. */
export function storedMessages(images: readonly StoreImage[]): ReadonlyMap<number, readonly Uint8Array[]> {
  const store = openCopy(images);
  const messages = new Map<number, Uint8Array[]>();
  const collector: Partial<ExchangeEvents> = {
    beginSession: () => messages.clear(),
    packets: (account, bytes, start, end) => {
      const list = messages.get(account) ?? [];
      for (let at = start; at < end; ) {
        const next = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
        list.push(bytes.slice(at + 3, next));
        at = next;
      }
      messages.set(account, list);
    },
    // Another one may get its number.
    closeAccount: (account) => void messages.delete(account),
  };
  for (const stored of store.read(store.first)) {
    for (const { address, bytes, start, end } of readStored(store, stored, {})?.segments ?? []) {
      if (address !== EXCHANGE_ADDRESS) continue;
      readEvents(bytes, start, end, collector);
    }
  }
  return messages;
}

/** A store of the host that has the exchange, which leaves the image as it is. */
export function openCopy(images: readonly StoreImage[]): SimulatedStore {
  const image = images[hostIndexOf(EXCHANGE_ADDRESS, images.length)] as StoreImage;
  return new SimulatedStore(image.copy(), new StoreFaults(), new Random(1));
}
