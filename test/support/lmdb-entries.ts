/** LMDB files as this project opens them, with entries that carry a checksum over key and value. */
import { crc32 } from 'node:zlib';
import { open, type RootDatabase } from 'lmdb';
import type { Random } from '../../workers/runtime/random.ts';

export type Store = RootDatabase<Buffer, Buffer>;

/** What is read back of an entry. */
export interface Entry {
  readonly key: string;
  readonly valueLength: number;
  readonly isIntact: boolean;
}

export function openStore(path: string, pageSize?: number): Store {
  const options = { path, encoding: 'binary', keyEncoding: 'binary', compression: false } as const;
  return open<Buffer, Buffer>(pageSize === undefined ? options : { ...options, pageSize });
}

/** Puts an entry whose value has `length` bytes and a checksum. */
export function putEntry(store: Store, key: Buffer, length: number): void {
  const value = Buffer.alloc(4 + length, key);
  value.writeUInt32LE(crc32(value.subarray(4), crc32(key)));
  store.put(key, value).catch(() => {});
}

export function entriesOf(store: Store): Entry[] {
  const found: Entry[] = [];
  for (const { key, value } of store.getRange({})) {
    const isIntact = value.length >= 4 && value.readUInt32LE() === crc32(value.subarray(4), crc32(key));
    found.push({ key: key.toString('hex'), valueLength: value.length, isIntact });
  }
  return found;
}

export interface ChangeOptions {
  readonly count: number;
  readonly keys: number;
  readonly lengthMax: number;
  /** How many of a hundred changes remove an entry. */
  readonly removals?: number;
}

/** Puts and removes entries at random, in several transactions, and waits until all is flushed. */
export async function change(store: Store, random: Random, options: ChangeOptions): Promise<void> {
  const { count, keys, lengthMax, removals = 20 } = options;
  for (let i = 0; i < count; i++) {
    const key = keyOf(random.below(keys));
    if (random.below(100) < removals) store.remove(key).catch(() => {});
    else putEntry(store, key, random.chance(0.1) ? random.below(lengthMax + 1) : random.below(200));
    if (random.chance(0.05)) await store.committed;
  }
  await store.flushed;
}

/** A key of 12 bytes; neighbours in number are far from each other in order. */
export function keyOf(number: number): Buffer {
  const key = Buffer.alloc(12, 1);
  key.writeUInt32BE(Math.imul(number + 1, 0x9e3779b1) >>> 0);
  key.writeUInt32BE(number, 8);
  return key;
}
