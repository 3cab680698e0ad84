/**
 * Control messages on a link: rare, small, a closed union each way. Everything frequent is a record of its own kind.
 */
import type { ErrorRecord } from '../values/errors.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number>>;

/** From the main thread to a host. */
export type HostCommand =
  /** A client was accepted: start its session. Sent again, in order, to the host that replaces a lost one. */
  | {
      readonly type: 'open';
      readonly connection: number;
      readonly service: string;
      readonly remoteAddress: string;
      /** The server's own address and port, as the client has reached it. */
      readonly localAddress: string;
      /** The date of the accept, in milliseconds since 1970. */
      readonly sinceMs: number;
      /** The session before this one was lost with its host, and with what was on its way to it. */
      readonly isReplacement?: true;
      /** What that session has left. */
      readonly memory?: string;
    }
  /** The client has sent everything (it half-closed); the session answers and stops. */
  | { readonly type: 'ended'; readonly connection: number }
  /** The connection is gone, or was given up; `isCutOff`: within a frame. */
  | {
      readonly type: 'closed';
      readonly connection: number;
      readonly reason: string;
      readonly isCutOff: boolean;
    }
  /** What was written for the client before it was asked has left. */
  | { readonly type: 'drained'; readonly connection: number }
  /** The server shuts down: sessions tell their clients, in their own words or with `message`. */
  | { readonly type: 'closing'; readonly message: string }
  /** An operator wants the connection closed. */
  | { readonly type: 'kick'; readonly connection: number; readonly reason: string }
  /** Answer once nothing that this host has taken in is still on its way. */
  | { readonly type: 'settle'; readonly id: number }
  /** Stop all actors in the reverse order of their start, each after its mailbox is empty. */
  | { readonly type: 'drain' };

/** From a host to the main thread. */
export type HostEvent =
  /** So many bytes of the journal have been read, out of `total`. */
  | { readonly type: 'recovering'; readonly bytes: number; readonly total: number }
  | { readonly type: 'ready' }
  /** Nothing can be stored at the moment; without an error: it can again. */
  | { readonly type: 'store'; readonly error?: ErrorRecord }
  | { readonly type: 'settled'; readonly id: number }
  | { readonly type: 'drained'; readonly deadLetters: Readonly<Record<string, number>> }
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string; readonly fields: LogFields }
  /** A fault was escalated past the last supervisor, or the store is damaged: the host can't go on. */
  | { readonly type: 'fatal'; readonly error: ErrorRecord };

/** Between two hosts. */
export type PeerMessage =
  | { readonly type: 'watch'; readonly address: string; readonly watcher: string }
  /** The watcher has stopped. */
  | { readonly type: 'unwatch'; readonly address: string; readonly watcher: string }
  | { readonly type: 'terminated'; readonly address: string; readonly watcher: string };
