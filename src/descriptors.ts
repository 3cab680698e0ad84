/**
 * How many connections this process may hold. Beyond its limit of file descriptors the system closes connections
 * behind a program's back, with what their clients have sent: the limit of connections must stay below it, so that the
 * others are refused where it is seen.
 */
import { readFileSync } from 'node:fs';

/** For the threads, their files and pipes, and reports. */
const RESERVED = 100;

/** `wanted`, or as many as there are descriptors for; where the system does not say, `wanted`. */
export function affordableConnections(wanted: number, limits = readLimits()): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
  return soft === undefined ? wanted : Math.max(1, Math.min(wanted, Number(soft) - RESERVED));
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
