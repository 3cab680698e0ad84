/** What the main thread hands to a worker thread: the long-lived task of a host, and the short jobs. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorRecord } from '../values/errors.ts';
import type { ApiLimits } from './api/frames.ts';
import type {
  ExportJob,
  HostStats,
  ImportJob,
  ReadStreamJob,
  Statement,
  StatementJob,
  StatsJob,
  Verdict,
  VerifyJob,
} from './data-jobs.ts';
import type { DeskAnswers, FileCommand } from './desk.ts';
import type { OrderbookForm } from './exchange.ts';
import type { ProviderName, RefreshGoldJob, RefreshOutcome, WriteGoldDayJob } from './gold.ts';
import type { PasswordHash, ScryptParameters } from './users.ts';
import type { VenueSettings } from './venue.ts';

/** A host's place among the others and its link to the main thread, over which the links to the others come. */
export interface HostPorts {
  readonly hostIndex: number;
  readonly hostCount: number;
  readonly port: MessagePort;
  readonly linkHighWater: number;
  readonly mailboxMax: number;
  /** Where the host keeps what is to last; without it nothing does. */
  readonly data?: DataSettings;
}

export interface DataSettings {
  readonly folder: string;
  /** The environment was made before: it must be there. */
  readonly isMade: boolean;
  readonly snapshots: {
    /** Snapshots are written after this much journal. */
    readonly everyBytes: number;
    /** Journal that is kept, whether recovery needs it or not. */
    readonly keepBytes: number;
    /** The same of journal that an actor wishes to be kept. */
    readonly wishBytes: number;
  };
}

/** The task that a host runs until its port closes. */
export interface HostTask extends HostPorts {
  readonly services: ServiceSettings;
}

/** What hosts must know of each service that is on. */
export interface ServiceSettings {
  readonly bank: {
    readonly lineLengthMax: number;
    readonly accountsMax: number;
    readonly uploadsMax: number;
    /** Secret, so that nobody can choose names that a ledger finds hard to tell apart. */
    readonly hashKey: readonly [number, number];
  };
  readonly users: UsersSettings;
  readonly lobby?: LobbySettings;
  readonly api?: ApiSettings;
  /** There if any service needs it: gold, and the api. */
  readonly gold?: GoldSettings;
  /** There if any service needs it: both of OUCH, and the api. */
  readonly exchange?: ExchangeSettings;
  readonly ouch?: OuchSettings;
  readonly 'ouch-raw'?: OuchRawSettings;
}

export interface UsersSettings {
  /** Hashes of others are made anew at the next sign-in. */
  readonly parameters: ScryptParameters;
  readonly usersMax: number;
  readonly isSignUpOpen: boolean;
  /** After so many wrong attempts each next one waits longer. */
  readonly nameFailuresMax: number;
  readonly addressFailuresMax: number;
  /** A token lasts so long. */
  readonly tokenMs: number;
}

export interface GoldSettings {
  readonly messageBytesMax: number;
  readonly isSignInAsked: boolean;
  readonly refreshMs: number;
  /** In the order in which they are asked; those that can be. */
  readonly sources: readonly ProviderName[];
}

export interface LobbySettings {
  readonly isSignInAsked: boolean;
  readonly clientsMax: number;
  readonly messageBytesMax: number;
  readonly isPutAllowed: boolean;
  readonly fileBytesMax: number;
}

export interface ApiSettings {
  /** Whether all but the operations of users need somebody who is signed in. */
  readonly isSignInAsked: boolean;
  readonly limits: ApiLimits;
  /** What makes a client of this machine an operator. */
  readonly operatorToken: string;
  /** `outcry/0.1.0` */
  readonly server: string;
}

export interface ExchangeSettings {
  readonly venue: VenueSettings;
  /** When days begin and end. at-start: one has begun when the venue is new; the rest is the operator's. */
  readonly day: 'at-start' | 'calendar' | 'by-hand';
  /** Of the calendar: since midnight in the venue's time zone. A close that is not after the open is of the next day. */
  readonly openAtMs: number;
  readonly closeAtMs: number;
  /** On which a day may begin; 0 is Sunday. */
  readonly openDays: readonly number[];
  /** Of the IANA: `Asia/Tokyo`. */
  readonly timeZone: string;
  /** Open orders at a time, of all traders and of each. */
  readonly ordersMax: number;
  readonly ordersPerTraderMax: number;
  /** Of all accounts' messages so much is held in memory; older ones are read from the journal. */
  readonly streamMemoryBytes: number;
  /** An order of a client that is gone lives so long. */
  readonly disconnectGraceMs: number;
  /** Sessions are told of messages without effect. */
  readonly isDebugOn: boolean;
  /** The orders of a raw client are withdrawn when it is gone. */
  readonly isRawCancelOnDisconnect: boolean;
}

export interface OuchSettings {
  readonly orderbookForm: OrderbookForm;
  readonly loginMs: number;
  readonly idleMs: number;
  readonly heartbeatMs: number;
  /** What goes wrong is explained in debug packets. */
  readonly isDebugOn: boolean;
}

export interface OuchRawSettings {
  /** A System Event says S for closed and E for open, as the original server did. */
  readonly isEventInverted: boolean;
}

/** Sent on a host's port beside batches: the link to another host, anew when that one was replaced. */
export interface PeerPort {
  readonly peer: number;
  readonly port: MessagePort;
}

/** Writes the bank's report; `balances` are those of all shards (workers/ledger/balances.ts). */
export interface ReportJob {
  readonly type: 'write-report';
  readonly path: string;
  readonly balances: readonly Uint8Array[];
}

/** Does nothing: run at the start, so that the first real job finds its code loaded. */
export interface WarmUpJob {
  readonly type: 'warm-up';
}

/** Copies stored data to environments for another number of hosts; each actor goes to the host that will have it. */
export interface RedistributeJob {
  readonly type: 'redistribute';
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** Work on the folder that is served; answered as DeskAnswers has it. */
export interface FileJob {
  readonly type: 'file';
  readonly folder: string;
  /** No file may be larger. */
  readonly bytesMax: number;
  readonly command: FileCommand;
}

export interface HashPasswordJob {
  readonly type: 'hash-password';
  readonly password: Uint8Array;
  readonly parameters: ScryptParameters;
}

export interface HashedPassword {
  readonly made: PasswordHash;
  /** 32 random bytes, always. */
  readonly token: Uint8Array;
}

export interface CheckPasswordJob {
  readonly type: 'check-password';
  readonly password: Uint8Array;
  readonly stored: PasswordHash;
  /** Those of today. */
  readonly parameters: ScryptParameters;
}

export interface CheckedPassword {
  readonly isRight: boolean;
  /** The hash of the right password with the parameters of today, where the stored one costs less. */
  readonly renewed?: PasswordHash;
  /** 32 random bytes, always. */
  readonly token: Uint8Array;
}

export type Job =
  | FileJob
  | ReportJob
  | WarmUpJob
  | RedistributeJob
  | VerifyJob
  | StatsJob
  | ExportJob
  | ImportJob
  | StatementJob
  | ReadStreamJob
  | HashPasswordJob
  | CheckPasswordJob
  | RefreshGoldJob
  | WriteGoldDayJob;

/** What a job of each type answers. */
export interface JobResults {
  readonly file: DeskAnswers[FileCommand['type']];
  readonly 'write-report': undefined;
  readonly 'warm-up': undefined;
  readonly redistribute: undefined;
  readonly verify: Verdict;
  readonly stats: HostStats;
  readonly export: number;
  readonly import: number;
  readonly statement: Statement;
  readonly 'read-stream': Uint8Array;
  readonly 'hash-password': HashedPassword;
  readonly 'check-password': CheckedPassword;
  readonly 'refresh-gold': RefreshOutcome;
  readonly 'write-gold-day': null;
}

/** Errors lose their class between threads, so a job's outcome is a value. */
export type JobOutcome<Result> =
  | { readonly ok: true; readonly value: Result }
  | { readonly ok: false; readonly error: ErrorRecord };
