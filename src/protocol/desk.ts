/**
 * What actors ask the main thread, and it alone knows: its connections, its jobs, the server as a whole. They ask the
 * address DESK_ADDRESS as they would an actor; src/desk.ts answers.
 */
import { type Address, toAddress } from '../values/address.ts';
import type {
  ActorRow,
  AdminSession,
  AdminStatus,
  DeadLetterRow,
  FileInfo,
  LimitInForce,
  ServedFile,
  StatementReply,
} from './api/operations.ts';
import type { RefreshOrder, RefreshOutcome, WriteDayOrder } from './gold.ts';
import type { CheckedPassword, CheckPasswordJob, HashedPassword, HashPasswordJob } from './host-task.ts';
import type { ActorSort } from './inspector.ts';
import type { ConnectionRecord } from './registry.ts';

/** Addresses of this service are the main thread's. */
export const MAIN_SERVICE = 'main';
export const DESK_ADDRESS: Address = toAddress(`${MAIN_SERVICE}/desk`);

export type DeskCommand =
  | { readonly type: 'statement'; readonly name: Uint8Array; readonly last?: number; readonly at?: number }
  | FileCommand
  /** Answered with whole packets, at least one; fails with ERR_STREAM_POSITION if the journal has not that one. */
  | ({ readonly type: 'read-stream' } & StreamPart)
  | HashPasswordJob
  | CheckPasswordJob
  | RefreshOrder
  | WriteDayOrder
  /** Answered with those of `connections` that are open, as they are now. */
  | { readonly type: 'live'; readonly connections: readonly ConnectionRecord[] }
  | { readonly type: 'kick'; readonly connection: number; readonly reason: string }
  | { readonly type: 'status' }
  | { readonly type: 'report' }
  | { readonly type: 'limits' }
  | { readonly type: 'dead-letters'; readonly limit: number }
  | {
      readonly type: 'actors';
      readonly filter?: string;
      readonly sort: ActorSort;
      readonly limit: number;
      readonly overMs: number;
    }
  | { readonly type: 'shutdown'; readonly message: string };

/** Of what the exchange has told a trading account, what is in memory no more. */
export interface StreamPart {
  readonly account: number;
  /** Position of an event of the exchange, not after the packet, and the number of the account's first packet in it. */
  readonly place: { readonly event: number; readonly first: number };
  /** Of the first packet that is wanted. */
  readonly sequence: number;
  /** No more is wanted, but for the first packet. */
  readonly bytesMax: number;
}

/** Work on the served folder, done by jobs; `workers/lobby/files.ts` has what each may fail with (ERR_FILE_…). */
export type FileCommand =
  /** Answered with the first FILES_LISTED, in order. */
  | { readonly type: 'list-files' }
  /** Looks at the whole file. */
  | { readonly type: 'open-file'; readonly name: string }
  /** The next bytes, at most `length`, of the file that `open-file` has described; fails if it was changed since. */
  | { readonly type: 'read-file'; readonly file: OpenFile; readonly offset: number; readonly length: number }
  /** Begins a file of that name, which nobody sees before `finish-put`; answered with the name of the part. */
  | { readonly type: 'begin-put'; readonly name: string; readonly size: number }
  | { readonly type: 'append-put'; readonly part: string; readonly bytes: Uint8Array }
  /** The part becomes the file, whole and flushed; answered with its FileInfo. */
  | { readonly type: 'finish-put'; readonly part: string; readonly name: string; readonly size: number }
  /** The part is removed. */
  | { readonly type: 'abandon-put'; readonly part: string }
  /** Removes the parts that a server which was killed has left: only before anybody puts a file. */
  | { readonly type: 'clear-parts' };

/** More files are served, but not listed. */
export const FILES_LISTED = 1000;

export interface OpenFile extends FileInfo {
  readonly name: string;
  /** What tells the file from another one of that name, and from itself after a change. */
  readonly mark: string;
}

export interface DeskAnswers {
  readonly statement: StatementReply;
  readonly 'read-stream': Uint8Array;
  readonly 'hash-password': HashedPassword;
  readonly 'check-password': CheckedPassword;
  readonly 'refresh-gold': RefreshOutcome;
  readonly 'write-gold-day': null;
  readonly 'list-files': readonly ServedFile[];
  readonly 'open-file': OpenFile;
  readonly 'read-file': Uint8Array;
  readonly 'begin-put': string;
  readonly 'append-put': null;
  readonly 'finish-put': FileInfo;
  readonly 'abandon-put': null;
  readonly 'clear-parts': null;
  readonly live: readonly AdminSession[];
  readonly kick: boolean;
  readonly status: AdminStatus;
  readonly report: { readonly path: string };
  readonly limits: readonly LimitInForce[];
  readonly 'dead-letters': {
    readonly counts: Readonly<Record<string, number>>;
    readonly recent: readonly DeadLetterRow[];
  };
  readonly actors: { readonly actors: readonly ActorRow[]; readonly total: number };
  readonly shutdown: null;
}
