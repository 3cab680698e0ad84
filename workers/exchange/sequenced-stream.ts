/**
 * What the exchange has told a trading account in a session: whole Sequenced Data packets of SoupBinTCP, numbered from 1,
 * in pages.
 *
 *     0        2     3
 *     +--------+-----+---------- … ---+--------+-----+---- …
 *     | length |  S  | message        | length |  S  |
 *     +--------+-----+---------- … ---+--------+-----+---- …
 *
 * A packet is written once, into a block of memory, from where the same bytes go to the client and to the journal. What is
 * written never changes. A page is as many packets as fit in 64 KiB; of each the stream knows for good in which event of the
 * journal it begins. Its packets are in memory only as long as all streams together have room: then the block that was begun
 * first goes, whosever it is, and what was in it has to be read from the journal.
 *
 * Where a page ends follows from the packets alone. A block is all of a page, or what came to it since its block went, or
 * since the start. That of the first page grows as it is filled, so that an account that hears little costs little.
 */

export const PAGE_BYTES = 64 * 1024;
/** Length and type of a packet. */
const HEADER_BYTES = 3;
const LENGTH_BYTES = 2;
const SEQUENCED = 0x53;
const BLOCK_BYTES_MIN = 256;
const EMPTY = new Uint8Array();
const NO_VIEW = new DataView(EMPTY.buffer);

/** Where to look in the journal. */
export interface ColdPlace {
  /** Position of an event, and the number of the first packet in it. */
  readonly event: number;
  readonly first: number;
}

/** What a snapshot has of a stream. */
export interface StreamState {
  /** Messages so far. */
  readonly count: number;
  /** Bytes in the last page. */
  readonly pageBytes: number;
  /** By page: the event in which it begins, and the number of the first packet in that. */
  readonly events: readonly number[];
  readonly firsts: readonly number[];
}

/** A part of a page that is in memory. */
class Block {
  readonly stream: SequencedStream;
  /** Number of its first packet. */
  readonly first: number;
  bytes: Uint8Array;
  used = 0;
  /** What is behind was not taken yet. */
  taken = 0;
  /** The neighbours among the blocks of all streams. */
  older: Block | undefined;
  newer: Block | undefined;

  constructor(stream: SequencedStream, first: number, length: number) {
    this.stream = stream;
    this.first = first;
    this.bytes = new Uint8Array(length);
  }
}

/** The memory of all streams. What was not taken yet stays, whatever it needs. */
export class StreamMemory {
  readonly #bytesMax: number;
  #bytes = 0;
  #oldest: Block | undefined;
  #newest: Block | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Lets the oldest blocks go until there is room for `bytes` more. */
  makeRoom(bytes: number): void {
    for (let block = this.#oldest; block !== undefined; ) {
      if (this.#bytes + bytes <= this.#bytesMax) return;
      const { newer } = block;
      if (block.taken === block.used && !block.stream.owes(block)) block.stream.drop(block);
      block = newer;
    }
  }

  add(block: Block): void {
    block.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = block;
    else this.#newest.newer = block;
    this.#newest = block;
    this.#bytes += block.bytes.length;
  }

  grown(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(block: Block): void {
    if (block.older === undefined) this.#oldest = block.newer;
    else block.older.newer = block.newer;
    if (block.newer === undefined) this.#newest = block.older;
    else block.newer.older = block.older;
    this.#bytes -= block.bytes.length;
  }
}

export class SequencedStream {
  /** Of the block that is being written. */
  view: DataView = NO_VIEW;
  /** Who is to have all from its `next` message on, and can have it from nowhere else. */
  reader: { readonly next: number } | undefined;
  readonly #memory: StreamMemory;
  #count = 0;
  /** A page that is full, so that the first packet begins one. */
  #pageBytes = PAGE_BYTES;
  /** By page; pages that begin in one event are one here. */
  #events: number[] = [];
  #firsts: number[] = [];
  /** Number of the first packet that was not taken, and whether a page has begun since. */
  #fresh = 1;
  #isPageNew = false;
  /** Those in memory, in order. */
  readonly #blocks: Block[] = [];
  /** The one that is being written; undefined if the next packet needs a new one. */
  #block: Block | undefined;

  constructor(memory: StreamMemory) {
    this.#memory = memory;
  }

  /** Messages so far, which is the last sequence number. */
  get count(): number {
    return this.#count;
  }

  /** Makes room for a message of `length` bytes and writes what precedes it; it is to be written in `view` from there on. */
  begin(length: number): number {
    const packet = HEADER_BYTES + length;
    if (this.#pageBytes + packet > PAGE_BYTES) this.#beginPage(packet);
    const block = this.#blockWith(packet);
    const at = block.used;
    this.view.setUint16(at, packet - LENGTH_BYTES);
    this.view.setUint8(at + LENGTH_BYTES, SEQUENCED);
    block.used += packet;
    this.#pageBytes += packet;
    this.#count++;
    return at + HEADER_BYTES;
  }

  /**
   * What was appended since the last call, whole packets in one piece or a few, which stay as they are. All of them are to
   * be in the journal's event at this position.
   */
  takeFresh(event: number): readonly Uint8Array[] {
    const blocks = this.#blocks;
    let first = blocks.length;
    while (first > 0 && (blocks[first - 1] as Block).taken < (blocks[first - 1] as Block).used) first--;
    const fresh: Uint8Array[] = [];
    for (let i = first; i < blocks.length; i++) {
      const block = blocks[i] as Block;
      fresh.push(block.bytes.subarray(block.taken, block.used));
      block.taken = block.used;
    }
    if (this.#isPageNew) {
      this.#events.push(event);
      this.#firsts.push(this.#fresh);
    }
    this.#fresh = this.#count + 1;
    this.#isPageNew = false;
    return fresh;
  }

  /** Appends again what the event at this position has. Throws a RangeError if it is not whole packets. */
  append(bytes: Uint8Array, start: number, end: number, event: number): void {
    for (let at = start; at < end; ) {
      const room = at + PAGE_BYTES - this.#pageBytes;
      const first = endOfPacket(bytes, at, end);
      if (first > room) {
        this.#beginPage(first - at);
        continue;
      }
      let next = first;
      let packets = 1;
      while (next < end) {
        const after = endOfPacket(bytes, next, end);
        if (after > room) break;
        next = after;
        packets++;
      }
      const block = this.#blockWith(next - at);
      block.bytes.set(bytes.subarray(at, next), block.used);
      block.used += next - at;
      this.#pageBytes += next - at;
      this.#count += packets;
      at = next;
    }
    this.takeFresh(event);
  }

  /**
   * Whole packets from number `sequence` on, up to `bytesMax` bytes but at least one, not beyond the page; none if there
   * are none yet. Undefined if they are not in memory.
   */
  read(sequence: number, bytesMax: number): Uint8Array | undefined {
    if (sequence > this.#count) return EMPTY;
    const block = this.#blocks.findLast(({ first }) => first <= sequence);
    if (block === undefined) return undefined;
    const { bytes, used } = block;
    let start = 0;
    for (let i = block.first; i < sequence; i++) start = endOfPacket(bytes, start, used);
    return bytes.subarray(start, endOfPackets(bytes, start, used, bytesMax));
  }

  /** Where the packet of this number, which was taken, is in the journal: in that event or behind it. */
  coldAt(sequence: number): ColdPlace {
    let low = 0;
    for (let high = this.#firsts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((this.#firsts[middle] as number) <= sequence) low = middle;
      else high = middle;
    }
    return { event: this.#events[low] ?? 0, first: this.#firsts[low] ?? 1 };
  }

  /** Forgets everything: a new session begins. */
  clear(): void {
    for (const block of this.#blocks) this.#memory.remove(block);
    this.#blocks.length = 0;
    this.#endBlock();
    this.#count = 0;
    this.#pageBytes = PAGE_BYTES;
    this.#events = [];
    this.#firsts = [];
    this.#fresh = 1;
    this.#isPageNew = false;
  }

  /** Everything was taken. */
  freeze(): StreamState {
    return {
      count: this.#count,
      pageBytes: this.#pageBytes,
      events: this.#events.slice(),
      firsts: this.#firsts.slice(),
    };
  }

  /** Goes on where a stream was, with nothing of it in memory. */
  restore({ count, pageBytes, events, firsts }: StreamState): void {
    this.clear();
    this.#count = count;
    this.#pageBytes = pageBytes;
    this.#events = [...events];
    this.#firsts = [...firsts];
    this.#fresh = count + 1;
  }

  /** Its reader has not had all of the block, or of one before it. */
  owes(block: Block): boolean {
    if (this.reader === undefined) return false;
    const [first, second] = this.#blocks;
    return block !== first || this.reader.next <= (second === undefined ? this.#count : second.first - 1);
  }

  /** For the memory, which needs the room: its first block, all of which was taken. */
  drop(block: Block): void {
    this.#memory.remove(block);
    this.#blocks.shift();
    if (block === this.#block) this.#endBlock();
  }

  #beginPage(packet: number): void {
    if (packet > PAGE_BYTES) throw new RangeError(`a packet of ${packet} bytes does not fit in a page`);
    this.#endBlock();
    this.#pageBytes = 0;
    this.#isPageNew = true;
  }

  #endBlock(): void {
    this.#block = undefined;
    this.view = NO_VIEW;
  }

  /** The block that is being written, with room for `length` bytes. */
  #blockWith(length: number): Block {
    const block = this.#block;
    if (block !== undefined && block.used + length <= block.bytes.length) return block;
    this.#memory.makeRoom(block === undefined ? this.#firstCapacity(length) : block.bytes.length);
    // It may have been the one that went.
    return this.#block === undefined ? this.#addBlock(length) : this.#grow(this.#block, length);
  }

  /** Who has filled a page is going to fill this one: to grow from little to all of it costs more than it saves. */
  #firstCapacity(length: number): number {
    const isNextPage = this.#pageBytes === 0 && this.#count > 0;
    return isNextPage ? PAGE_BYTES : capacityFor(length, this.#pageBytes);
  }

  #addBlock(length: number): Block {
    const block = new Block(this, this.#count + 1, this.#firstCapacity(length));
    this.#memory.add(block);
    this.#blocks.push(block);
    this.#use(block);
    return block;
  }

  #grow(block: Block, length: number): Block {
    const before = block.bytes;
    block.bytes = new Uint8Array(capacityFor(block.used + length, this.#pageBytes - block.used));
    block.bytes.set(before.subarray(0, block.used));
    this.#memory.grown(block.bytes.length - before.length);
    this.#use(block);
    return block;
  }

  #use(block: Block): void {
    this.#block = block;
    this.view = new DataView(block.bytes.buffer);
  }
}

/** Of a block for `length` bytes at least, behind `before` bytes of its page. */
function capacityFor(length: number, before: number): number {
  let capacity = BLOCK_BYTES_MIN;
  while (capacity < length) capacity *= 2;
  return Math.min(capacity, PAGE_BYTES - before);
}

/** Where the packet at `at` ends. Throws a RangeError if that is beyond `end`. */
export function endOfPacket(bytes: Uint8Array, at: number, end: number): number {
  const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  const next = at + LENGTH_BYTES + length;
  // What is beyond the end has no length, and so no end either.
  if (!(length > 0 && next <= end)) throw new RangeError('a packet of the stream has no end');
  return next;
}

/** Where the last packet ends that begins at `start` or behind it and is whole within `bytesMax`; at least the first. */
function endOfPackets(bytes: Uint8Array, start: number, end: number, bytesMax: number): number {
  let at = endOfPacket(bytes, start, end);
  while (at < end) {
    const next = endOfPacket(bytes, at, end);
    if (next - start > bytesMax) break;
    at = next;
  }
  return at;
}

/** How many packets there are in `bytes`, which are whole ones. */
export function countPackets(bytes: Uint8Array): number {
  let packets = 0;
  for (let at = 0; at < bytes.length; at = endOfPacket(bytes, at, bytes.length)) packets++;
  return packets;
}
