/**
 * What a service knows of its durable actors that the commands on a data folder need: how they are brought back to
 * life without a system, and how their events read in an export.
 */
import type { Address } from '../../src/values/address.ts';
import type { BatchBuilder, Segment } from '../runtime/journal.ts';

export interface StoredKind {
  isOf(address: Address): boolean;
  /** An actor to be restored, which will never get a message. */
  create(address: Address): StoredActor;
  /**
   * Checks that the bytes are as many events as they should be, and returns how many of them are transactions. Throws a
   * RangeError.
   */
  examine(segment: Segment): number;
  /** For the events of an actor that follow `snapshot`. */
  createDescriber(snapshot: readonly Uint8Array[] | undefined): Describer;
  createParser(snapshot: readonly Uint8Array[] | undefined): EventParser;
}

export interface StoredActor {
  restore(pieces: readonly Uint8Array[]): void;
  /** Does again what the events have done; throws if that can't have been. */
  apply(segment: Segment): void;
  snapshot(): Iterable<Uint8Array>;
  /** What its state amounts to, by name. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface Describer {
  /** Writes a line for each event. */
  describe(segment: Segment, lines: EventLines): void;
}

/** Where the JSON of an event is written: `begin`, its text in pieces, `end`. */
export interface EventLines {
  begin(): void;
  /** ASCII only. */
  text(text: string): void;
  number(value: number): void;
  bytes(bytes: Uint8Array, start: number, end: number): void;
  json(value: unknown): void;
  end(): void;
}

/** Makes events of their descriptions. */
export interface EventParser {
  /** Takes the next event; throws a RangeError that says what is wrong with it. */
  take(event: unknown): void;
  /** Removes what was taken, and adds it to the batch; the first of them is at `position`. */
  flush(builder: BatchBuilder, address: Address, position: number): void;
}
