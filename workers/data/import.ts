/**
 * Makes new environments of the lines of an export (export.ts), for any number of hosts. Every line is checked; the
 * first that is wrong ends the import. Events that follow each other in the file at the same time become one batch.
 */
import { readChunks } from '../../src/protocol/chunk-channel.ts';
import type { ImportJob } from '../../src/protocol/data-jobs.ts';
import { type Address, hostIndexOf, toAddress } from '../../src/values/address.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { BulkWriter } from '../runtime/bulk-writer.ts';
import { BODY, type Segment } from '../runtime/journal.ts';
import { LmdbStore } from '../runtime/lmdb-store.ts';
import { EXPORT_VERSION } from './export.ts';
import { splitLines } from './split-lines.ts';
import type { EventParser } from './stored-kind.ts';
import { kindOf } from './stored-kinds.ts';

/** A batch has no more events than this. */
const BATCH_EVENTS_MAX = 65_536;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Resolves to the number of events. Throws ERR_IMPORT, ERR_STORE_WRITE, ChannelBroken. */
export async function importData({ folders, input }: ImportJob): Promise<number> {
  const targets = folders.map((folder) => new Target(folder));
  const lines = new Lines(targets);
  try {
    await splitLines(readChunks(input), (line, number) => lines.take(line, number));
    lines.finish();
    return lines.events;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new OutcryError('ERR_IMPORT', `${error.message}. Nothing was imported`, { cause: error });
  } finally {
    await Promise.all(targets.map((target) => target.close()));
  }
}

/** An actor whose events are being read. */
interface Imported {
  readonly address: Address;
  readonly target: Target;
  readonly parser: EventParser | undefined;
  /** Position of its last event. */
  events: number;
}

/** A host's environment, with the batch that is being put together for it. */
class Target {
  readonly #writer: BulkWriter;
  #timeMs = 0;
  #batchEvents = 0;
  /** Whose events came last, and how many of them in a row. */
  #actor: Imported | undefined;
  #run = 0;

  constructor(folder: string) {
    this.#writer = new BulkWriter(new LmdbStore({ folder }));
  }

  /** The next event of `actor` is to be taken by its parser. */
  beginEvent(actor: Imported, timeMs: number): void {
    if (timeMs !== this.#timeMs || this.#batchEvents === BATCH_EVENTS_MAX) this.#endBatch();
    else if (actor !== this.#actor) this.#endRun();
    this.#timeMs = timeMs;
    this.#actor = actor;
    this.#run++;
    this.#batchEvents++;
  }

  addRaw(segment: Segment, timeMs: number): void {
    this.#endBatch();
    this.#writer.builder.addSegment(segment);
    this.#writer.endBatch(timeMs);
  }

  putSnapshot(address: Address, events: number, pieces: readonly Uint8Array[]): void {
    this.finish();
    this.#writer.putSnapshot({ address, events, batch: 0, pieces });
  }

  finish(): void {
    this.#endBatch();
    this.#writer.flush();
  }

  close(): Promise<void> {
    return this.#writer.store.close();
  }

  #endRun(): void {
    const actor = this.#actor;
    if (actor === undefined) return;
    actor.parser?.flush(this.#writer.builder, actor.address, actor.events - this.#run + 1);
    this.#actor = undefined;
    this.#run = 0;
  }

  #endBatch(): void {
    this.#endRun();
    this.#writer.endBatch(this.#timeMs);
    this.#batchEvents = 0;
  }
}

/** What a line may have. */
interface Fields {
  readonly outcry?: unknown;
  readonly actor?: unknown;
  readonly snapshot?: unknown;
  readonly position?: unknown;
  readonly time?: unknown;
  readonly event?: unknown;
  readonly raw?: unknown;
  readonly end?: unknown;
}

interface SnapshotFields {
  readonly events: number;
  readonly pieces: readonly Uint8Array[];
}

/** Takes the lines of an export one after the other; throws a RangeError that begins with the number of the line. */
class Lines {
  events = 0;
  readonly #targets: readonly Target[];
  readonly #actors = new Map<string, Imported>();
  #lines = 0;
  #hasEnded = false;
  /** The last time that was read, and its text: mostly the next line has the same. */
  #timeText = '';
  #timeMs = 0;

  constructor(targets: readonly Target[]) {
    this.#targets = targets;
  }

  take(line: string, number: number): void {
    this.#lines = number;
    try {
      const fields = parseLine(line);
      if (number === 1) checkHeader(fields);
      else if (this.#hasEnded) throw new RangeError('nothing may follow the line with the end');
      else if ('end' in fields) this.#end(fields.end);
      else this.#takeActor(fields);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError(`line ${number}: ${error.message}`, { cause: error });
    }
  }

  finish(): void {
    if (!this.#hasEnded) {
      throw new RangeError(
        `line ${this.#lines + 1}: the line {"end":…}, with which an export ends, is missing: it was cut off`,
      );
    }
    for (const target of this.#targets) target.finish();
  }

  #end(count: unknown): void {
    // Without the header and this line.
    const found = this.#lines - 2;
    if (count !== found)
      throw new RangeError(`there should be ${count} lines between the first and this one, not ${found}`);
    this.#hasEnded = true;
  }

  #takeActor(fields: Fields): void {
    const { actor: name } = fields;
    if (typeof name !== 'string') throw new RangeError('it has no actor');
    const actor = this.#actors.get(name);
    if ('snapshot' in fields) this.#takeSnapshot(name, actor, fields.snapshot);
    else this.#takeEvents(actor ?? this.#meet(name), fields);
  }

  #meet(name: string, snapshot?: SnapshotFields): Imported {
    const address = toAddress(name);
    const actor: Imported = {
      address,
      target: this.#targets[hostIndexOf(address, this.#targets.length)] as Target,
      parser: kindOf(address)?.createParser(snapshot?.pieces),
      events: snapshot?.events ?? 0,
    };
    this.#actors.set(name, actor);
    return actor;
  }

  #takeSnapshot(name: string, before: Imported | undefined, value: unknown): void {
    if (before !== undefined) throw new RangeError(`the snapshot of ${name} must come before its events`);
    const snapshot = snapshotOf(value);
    const actor = this.#meetWith(name, snapshot);
    actor.target.putSnapshot(actor.address, snapshot.events, snapshot.pieces);
  }

  /** Whatever a service finds in the way of a snapshot, it is this line that is wrong. */
  #meetWith(name: string, snapshot: SnapshotFields): Imported {
    try {
      kindOf(toAddress(name))?.create(toAddress(name)).restore(snapshot.pieces);
      return this.#meet(name, snapshot);
    } catch (error) {
      throw new RangeError(`the snapshot of ${name} can't be read: ${messageOf(error)}`, { cause: error });
    }
  }

  #takeEvents(actor: Imported, fields: Fields): void {
    const { position } = fields;
    if (position !== actor.events + 1) throw outOfOrder(actor, position);
    const timeMs = this.#timeOf(fields.time);
    if (actor.parser === undefined) {
      const segment = segmentOf(fields.raw, actor.address, position);
      actor.target.addRaw(segment, timeMs);
      actor.events += segment.count;
      this.events += segment.count;
      return;
    }
    actor.target.beginEvent(actor, timeMs);
    actor.parser.take(fields.event);
    actor.events++;
    this.events++;
  }

  #timeOf(text: unknown): number {
    if (text === this.#timeText) return this.#timeMs;
    const timeMs = typeof text === 'string' ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(timeMs)) {
      throw new RangeError(`a time looks like 2026-11-21T10:00:00.000Z, not ${JSON.stringify(text)}`);
    }
    this.#timeText = text as string;
    this.#timeMs = timeMs;
    return timeMs;
  }
}

function parseLine(line: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new RangeError(`it is no JSON: ${messageOf(error)}`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new RangeError('it is no JSON object');
}

function checkHeader({ outcry }: Fields): void {
  if (outcry === EXPORT_VERSION) return;
  if (outcry === undefined) throw new RangeError('it should be the header {"outcry":1}: this is no export');
  throw new RangeError(
    `this is an export of version ${JSON.stringify(outcry)}; this Outcry reads version ${EXPORT_VERSION}`,
  );
}

function outOfOrder({ address, events }: Imported, position: unknown): RangeError {
  if (!Number.isSafeInteger(position)) {
    return new RangeError(`a position is a whole number, not ${JSON.stringify(position)}`);
  }
  return new RangeError(`event ${position} of ${address} comes where event ${events + 1} should`);
}

function snapshotOf(value: unknown): SnapshotFields {
  const { events, pieces } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly events?: unknown;
    readonly pieces?: unknown;
  };
  if (!Number.isSafeInteger(events) || (events as number) < 1 || !Array.isArray(pieces)) {
    throw new RangeError('a snapshot has its number of events and an array of pieces');
  }
  return { events: events as number, pieces: pieces.map(bytesOf) };
}

function bytesOf(text: unknown): Buffer {
  if (typeof text === 'string' && text.length % 4 === 0 && BASE64.test(text))
    return Buffer.from(text, 'base64');
  throw new RangeError('bytes are in base64');
}

/** The events of an actor that nobody knows, as they were stored. */
function segmentOf(value: unknown, address: Address, position: number): Segment {
  const { kind, events, base64 } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly kind?: unknown;
    readonly events?: unknown;
    readonly base64?: unknown;
  };
  const isKind = kind === BODY.flat || kind === BODY.values;
  if (!isKind || !Number.isSafeInteger(events) || (events as number) < 1) {
    throw new RangeError(
      `nobody knows the actor ${address}: it should have {"kind":…,"events":…,"base64":"…"} under "raw"`,
    );
  }
  const bytes = bytesOf(base64);
  return { address, kind, position, count: events as number, bytes, start: 0, end: bytes.length };
}
