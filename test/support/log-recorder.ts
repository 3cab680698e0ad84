/** A log that keeps its entries, to be looked at. */
import { type Logger, pino } from 'pino';

export interface LogEntry {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface LogRecorder {
  readonly log: Logger;
  readonly entries: LogEntry[];
}

export function createLogRecorder(): LogRecorder {
  const entries: LogEntry[] = [];
  const formatters = { level: (level: string) => ({ level }) };
  const log = pino(
    { level: 'trace', base: null, timestamp: false, formatters },
    { write: (line: string) => entries.push(JSON.parse(line) as LogEntry) },
  );
  return { log, entries };
}
