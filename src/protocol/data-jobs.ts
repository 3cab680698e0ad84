/** What the commands on a data folder ask of a worker thread, and what it answers. */
import type { MessagePort } from 'node:worker_threads';
import type { StreamPart } from './desk.ts';

/** What is stored of one host. */
export interface StoredHost {
  /** The folder of its environment. */
  readonly folder: string;
  readonly index: number;
  /** Of how many hosts it is one. */
  readonly count: number;
  /** The environment was made before: it must be there. */
  readonly isMade: boolean;
  /** A server has it open, and may be writing. */
  readonly isInUse: boolean;
}

/** Said now and then on a job's `progress`. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** Reads everything, recovers every actor from it, and answers with what is wrong. */
export interface VerifyJob {
  readonly type: 'verify';
  readonly host: StoredHost;
  readonly progress: MessagePort;
}

export interface Finding {
  readonly problem: string;
  /** What it means, or what to do. */
  readonly advice: string;
}

export interface Verdict {
  readonly file: string;
  readonly fileBytes: number;
  readonly batches: number;
  readonly events: number;
  readonly snapshots: number;
  /** Actors that were recovered as a start of the server would. */
  readonly recovered: number;
  /** Those of them whose whole history was replayed too, and came to the same. */
  readonly replayed: number;
  readonly findings: readonly Finding[];
  /** Findings beyond those that are listed. */
  readonly findingsLeftOut: number;
}

export interface StatsJob {
  readonly type: 'stats';
  readonly host: StoredHost;
  readonly progress: MessagePort;
}

export interface HostStats {
  readonly fileBytes: number;
  readonly journalBytes: number;
  readonly batches: number;
  /** Transactions in the kept journal. */
  readonly transactions: number;
  readonly actors: readonly ActorStats[];
}

export interface ActorStats {
  readonly address: string;
  /** Position of its last event. */
  readonly events: number;
  /** The first event in the kept journal; undefined if there is none. */
  readonly kept: { readonly position: number; readonly timeMs: number; readonly lastMs: number } | undefined;
  readonly snapshot: SnapshotStats | undefined;
  /** What its state amounts to: accounts, uploads, keys, discards by reason. Empty if nobody knows the actor. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface SnapshotStats {
  readonly events: number;
  readonly bytes: number;
  /** When the last batch in it was written; undefined if that is not kept. */
  readonly timeMs: number | undefined;
}

/** Writes the lines of an export to `output`, a chunk channel; answers with the number of events. */
export interface ExportJob {
  readonly type: 'export';
  readonly hosts: readonly StoredHost[];
  readonly output: MessagePort;
  readonly progress: MessagePort;
}

/** Makes the environments `folders`, by host, of the lines that come over `input`, a chunk channel. */
export interface ImportJob {
  readonly type: 'import';
  readonly folders: readonly string[];
  readonly input: MessagePort;
}

/** Reads one account's transactions from the journal of its shard. */
export interface StatementJob {
  readonly type: 'statement';
  readonly hosts: readonly StoredHost[];
  /** Their files were examined when the server of this process opened them. */
  readonly isExamined: boolean;
  readonly name: Uint8Array;
  /** Transactions that are listed, at least one: the last ones. */
  readonly last: number;
  /** A position in the shard's stream, after which nothing counts. */
  readonly at: number | undefined;
}

export interface Statement {
  /** Address of the shard, whose stream the positions are in. */
  readonly shard: string;
  /** Oldest first. */
  readonly entries: readonly StatementEntry[];
  /** In cents, after `position`. */
  readonly balance: number;
  readonly position: number;
  /** Of the first event that is kept. */
  readonly firstKept: number;
}

export interface StatementEntry {
  readonly position: number;
  readonly timeMs: number;
  readonly cents: number;
  /** Afterwards. */
  readonly balance: number;
}

/** Reads from the exchange's journal, which the server of this process has open. */
export interface ReadStreamJob extends StreamPart {
  readonly type: 'read-stream';
  readonly hosts: readonly StoredHost[];
}
