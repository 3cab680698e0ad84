/** Whoever listens at the doors of the exchange: to all that clients send and are sent, as it passes the main thread. */
export interface SessionTap {
  opened(connection: TappedConnection): void;
  /** Whole frames of the client, `bytes` from `start` to `end`. They are on loan: what is kept is copied. */
  received(connection: number, bytes: Uint8Array, start: number, end: number): void;
  /** What its session writes to it, cut anywhere; on loan, too. */
  sent(connection: number, bytes: Uint8Array): void;
  /** The client sends no more. */
  ended(connection: number): void;
  /** `reason` is empty if the session ended in order. */
  closed(connection: number, reason: string): void;
}

export interface TappedConnection {
  readonly id: number;
  readonly service: string;
  /** Address and port of the client. */
  readonly remoteAddress: string;
}

/** All of `taps` as one; undefined if there is none. */
export function joinTaps(taps: readonly SessionTap[]): SessionTap | undefined {
  const [only] = taps;
  if (taps.length <= 1) return only;
  return {
    opened: (connection) => {
      for (const tap of taps) tap.opened(connection);
    },
    received: (connection, bytes, start, end) => {
      for (const tap of taps) tap.received(connection, bytes, start, end);
    },
    sent: (connection, bytes) => {
      for (const tap of taps) tap.sent(connection, bytes);
    },
    ended: (connection) => {
      for (const tap of taps) tap.ended(connection);
    },
    closed: (connection, reason) => {
      for (const tap of taps) tap.closed(connection, reason);
    },
  };
}
