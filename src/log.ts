/** The log: JSON lines on standard error, or readable lines where a person reads them. */
import { type Logger, pino } from 'pino';
import type { Config } from './config.ts';

const STDERR = 2;

export async function createLog({ level, format }: Config['log']): Promise<Logger> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  if (!isPretty) return pino({ level, base: null }, pino.destination({ fd: STDERR, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({
    destination: STDERR,
    sync: true,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return pino({ level, base: null }, stream);
}
