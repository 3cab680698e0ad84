/** Counts and times for people to read. */

/** `10,000,000` */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `2026-11-21 10:00:00.000`, in UTC. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('T', ' ').replace('Z', '');
}
