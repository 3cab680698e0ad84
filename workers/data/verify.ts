/**
 * Reads everything that is stored of one host and says what is wrong with it: the structure of the file, every checksum,
 * every batch of the journal, history too, and the positions of batches and events. What it says is then done again:
 * every actor is recovered as a start of the server would, from its snapshot and the events behind it; and where the
 * journal goes back to an actor's first event, its history is replayed up to the snapshot, which must come out the same.
 */
import { createHash } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { Finding, Progress, StoredHost, Verdict, VerifyJob } from '../../src/protocol/data-jobs.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { BatchDamage, type JournalBatch, readBatch, type Segment } from '../runtime/journal.ts';
import type { LmdbStore } from '../runtime/lmdb-store.ts';
import type { Snapshot, StoredBatch } from '../runtime/store.ts';
import { Counter, fileBytesIn, fileIn, openStored } from './open-stored.ts';
import type { StoredActor, StoredKind } from './stored-kind.ts';
import { kindOf } from './stored-kinds.ts';

/** Beyond these they are only counted. */
const FINDINGS_MAX = 1000;

const RESTORE_COPY = 'Recovery needs it: put a copy of the folder back that is sound';
const HISTORY_ONLY = 'Recovery does not need it, but it is missing in statements and exports';

export async function verifyHost({ host, progress }: VerifyJob): Promise<Verdict> {
  const verification = new Verification(host, progress);
  try {
    await verification.run();
  } finally {
    progress.close();
  }
  return verification.verdict;
}

/** What was read of one actor. */
interface Stream {
  readonly kind: StoredKind | undefined;
  /** Position of the last event in the snapshot; 0 without one. */
  readonly covered: number;
  /** Of the snapshot's bytes. */
  readonly digest: string | undefined;
  /** Position of its last event; undefined until one was met, or where a batch that can't be read may have had more. */
  last: number | undefined;
  /** As a start of the server would have it; undefined once that can't be known. */
  recovered: StoredActor | undefined;
  /** From the first event on, up to the snapshot. */
  replayed: StoredActor | undefined;
  wasReplayed: boolean;
  /** Recovery would pass over some of its events. */
  isUncovered: boolean;
}

class Verification {
  readonly #host: StoredHost;
  readonly #progress: MessagePort;
  readonly #streams = new Map<Address, Stream>();
  readonly #findings: Finding[] = [];
  #findingsLeftOut = 0;
  #batches = 0;
  #events = 0;
  #snapshots = 0;
  #lastBatch: number | undefined;
  /** A batch before this one is missing, or could not be read: any actor may have had events in it. */
  #hasHole = false;

  constructor(host: StoredHost, progress: MessagePort) {
    this.#host = host;
    this.#progress = progress;
  }

  get verdict(): Verdict {
    const streams = [...this.#streams.values()];
    return {
      file: fileIn(this.#host.folder),
      fileBytes: fileBytesIn(this.#host.folder),
      batches: this.#batches,
      events: this.#events,
      snapshots: this.#snapshots,
      recovered: streams.filter(({ recovered }) => recovered !== undefined).length,
      replayed: streams.filter(({ wasReplayed }) => wasReplayed).length,
      findings: this.#findings,
      findingsLeftOut: this.#findingsLeftOut,
    };
  }

  async run(): Promise<void> {
    const store = this.#open();
    if (store === undefined) return;
    try {
      for (const snapshot of store.snapshots()) this.#takeSnapshot(snapshot);
      const counter = new Counter((done) => {
        const report: Progress = { done, total: store.journalBytes };
        this.#progress.postMessage(report);
      });
      for (const stored of store.read(0)) {
        counter.add(stored.bytes.length);
        this.#takeBatch(store, stored);
      }
      this.#finish();
    } finally {
      await store.close();
    }
  }

  #open(): LmdbStore | undefined {
    try {
      return openStored(this.#host, { onDamage: (problem) => this.#find(problem, RESTORE_COPY) });
    } catch (error) {
      if (!(error instanceof OutcryError)) throw error;
      const { problem = error.message } = error.fields;
      this.#find(
        String(problem),
        'Nothing in the file can be read: put a copy of the folder back that is sound',
      );
      return undefined;
    }
  }

  #takeSnapshot({ address, events, pieces }: Snapshot): void {
    this.#snapshots++;
    this.#checkHost(address);
    const kind = kindOf(address);
    const digest = digestOf(pieces);
    const recovered = this.#attempt(`the snapshot of ${address} can't be restored`, RESTORE_COPY, () => {
      const actor = kind?.create(address);
      actor?.restore(pieces);
      if (actor !== undefined && digestOf(actor.snapshot()) !== digest)
        throw new Error('it comes out different');
      return actor;
    });
    const replayed = kind?.create(address);
    this.#streams.set(address, {
      kind,
      covered: events,
      digest,
      last: undefined,
      recovered,
      replayed,
      wasReplayed: false,
      isUncovered: false,
    });
  }

  #takeBatch(store: LmdbStore, { position, bytes }: StoredBatch): void {
    if (this.#lastBatch !== undefined && position !== this.#lastBatch + 1) this.#leaveHole(true);
    this.#lastBatch = position;
    this.#batches++;
    const advice = position < store.needed ? HISTORY_ONLY : RESTORE_COPY;
    let batch: JournalBatch;
    try {
      batch = readBatch(bytes, position);
    } catch (error) {
      if (!(error instanceof BatchDamage)) throw error;
      const isTorn = error.isTorn && position === store.last;
      const what = isTorn ? 'the last one, it was not written to its end' : error.message;
      const cut = 'Nothing in it was acknowledged: the next start of the server cuts it off';
      this.#find(`batch ${position}: ${what}`, isTorn ? cut : advice);
      if (!isTorn) this.#leaveHole(position >= store.needed);
      return;
    }
    for (const segment of batch.segments) {
      this.#events += segment.count;
      this.#takeSegment(segment, position, advice);
      if (position < store.needed) this.#checkCovered(segment, store.needed);
    }
  }

  /** The batch of these events is not read by recovery. Said once of an actor. */
  #checkCovered({ address, position, count }: Segment, needed: number): void {
    const stream = this.#streams.get(address) as Stream;
    if (position + count - 1 <= stream.covered || stream.isUncovered) return;
    stream.isUncovered = true;
    this.#find(
      `event ${position} of ${address} is in no snapshot that can be read, but recovery begins behind it, with batch ${needed}`,
      RESTORE_COPY,
    );
  }

  #takeSegment(segment: Segment, batch: number, advice: string): void {
    const { address, position, count } = segment;
    const where = `batch ${batch}, events ${position} to ${position + count - 1} of ${address}`;
    const stream = this.#streams.get(address) ?? this.#meet(address);
    this.#checkPosition(stream, segment, batch, advice);
    stream.last = position + count - 1;
    const transactions = this.#attempt(where, advice, () => stream.kind?.examine(segment) ?? 0);
    if (transactions === undefined) {
      stream.replayed = undefined;
      if (stream.last > stream.covered) stream.recovered = undefined;
      return;
    }
    if (position > stream.covered) {
      stream.recovered = this.#apply(stream.recovered, segment, where, advice);
    } else stream.replayed = this.#apply(stream.replayed, segment, where, advice);
    if (stream.last === stream.covered) this.#compare(stream, address);
  }

  #meet(address: Address): Stream {
    this.#checkHost(address);
    const kind = kindOf(address);
    const recovered = kind?.create(address);
    const stream: Stream = {
      kind,
      covered: 0,
      digest: undefined,
      last: undefined,
      recovered,
      replayed: undefined,
      wasReplayed: false,
      isUncovered: false,
    };
    this.#streams.set(address, stream);
    return stream;
  }

  #checkPosition(stream: Stream, { address, position, count }: Segment, batch: number, advice: string): void {
    const { last, covered } = stream;
    const end = position + count - 1;
    if (last === undefined) {
      // What came before was trimmed, or is in a batch that can't be read.
      if (position > 1) stream.replayed = undefined;
      if (position > covered + 1) {
        stream.recovered = undefined;
        if (!this.#hasHole) {
          this.#find(
            `batch ${batch} has event ${position} of ${address}, but none before it is there`,
            RESTORE_COPY,
          );
        }
      }
    } else if (position !== last + 1) {
      stream.replayed = undefined;
      stream.recovered = undefined;
      this.#find(
        `batch ${batch} goes on with event ${position} of ${address}, but the one before was ${last}`,
        advice,
      );
    }
    if (position <= covered && end > covered) {
      this.#find(
        `batch ${batch}: the snapshot of ${address} ends within its events ${position} to ${end}`,
        advice,
      );
    }
  }

  #apply(
    actor: StoredActor | undefined,
    segment: Segment,
    where: string,
    advice: string,
  ): StoredActor | undefined {
    return this.#attempt(where, advice, () => {
      actor?.apply(segment);
      return actor;
    });
  }

  /** The whole history up to the snapshot has been replayed. */
  #compare(stream: Stream, address: Address): void {
    const { replayed, digest } = stream;
    if (replayed === undefined) return;
    stream.replayed = undefined;
    stream.wasReplayed = true;
    if (digestOf(replayed.snapshot()) === digest) return;
    this.#find(
      `the snapshot of ${address} is not what its events 1 to ${stream.covered} make`,
      'One of them is wrong: compare its balances with a copy of the folder',
    );
  }

  #finish(): void {
    for (const [address, stream] of this.#streams) {
      const { last, covered, kind } = stream;
      if (covered === 0 && stream.recovered !== undefined && kind !== undefined) stream.wasReplayed = true;
      if (last === undefined || last >= covered || this.#hasHole) continue;
      this.#find(
        `the journal ends with event ${last} of ${address}, but its snapshot has ${covered}`,
        RESTORE_COPY,
      );
    }
  }

  /** From a batch on that is missing or can't be read, nobody's events need to join on to what came before. */
  #leaveHole(isNeeded: boolean): void {
    this.#hasHole = true;
    for (const stream of this.#streams.values()) {
      stream.replayed = undefined;
      if (isNeeded) stream.recovered = undefined;
      stream.last = undefined;
    }
  }

  #checkHost(address: Address): void {
    const { index, count } = this.#host;
    const home = hostIndexOf(address, count);
    if (home === index) return;
    this.#find(
      `${address} belongs to host ${home}, and is not looked for here`,
      'Export the folder and import it into a new one',
    );
  }

  #attempt<T>(where: string, advice: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      this.#find(`${where}: ${messageOf(error)}`, advice);
      return undefined;
    }
  }

  #find(problem: string, advice: string): void {
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push({ problem, advice });
    else this.#findingsLeftOut++;
  }
}

function digestOf(pieces: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}
