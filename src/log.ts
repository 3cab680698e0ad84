/** The log: JSON lines on standard error, or readable lines where a person reads them. */
import { type Logger, pino } from 'pino';
import type { Config } from './config.ts';

const STDERR = 2;

export async function createLog({ level, format }: Config['log']): Promise<Logger> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const stream = isPretty ? await prettyStream() : pino.destination({ fd: STDERR, sync: true });
  // A log that can't be written, to a full disk say, must not end the server.
  stream.on('error', () => {});
  return pino({ level, base: null }, stream);
}

async function prettyStream() {
  const { default: pretty } = await import('pino-pretty');
  return pretty({ destination: STDERR, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
}
