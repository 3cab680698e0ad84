/** For texts that are kept: one that was cut out of a message keeps all of the message in memory. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
