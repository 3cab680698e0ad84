/** Numbers of bytes, for people. */
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1.5 GB`: three digits are enough to watch something grow. */
export function formatBytes(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), BYTE_UNITS.length - 1);
  const scaled = bytes / 1000 ** power;
  return `${scaled.toFixed(power === 0 || scaled >= 100 ? 0 : 1)} ${BYTE_UNITS[power]}`;
}
