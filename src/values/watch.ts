/**
 * Shows something again and again: on a terminal in place, elsewhere one after the other, until it is interrupted.
 */
import { setTimeout as delay } from 'node:timers/promises';

export interface WatchScreen {
  readonly isTTY?: boolean | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

export interface WatchOptions {
  readonly screen: WatchScreen;
  readonly everyMs: number;
  /** Ends it, in order. */
  readonly signal: AbortSignal;
}

const HOME = '\x1b[H';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/**
 * What `render` gives ends with a newline; of undefined nothing is shown. Throws what `render` throws, but not when it was
 * interrupted.
 */
export async function watch(
  render: () => Promise<string | undefined>,
  { screen, everyMs, signal }: WatchOptions,
): Promise<void> {
  try {
    for (let isFirst = true; ; ) {
      const text = await render();
      if (text !== undefined) {
        screen.write(screen.isTTY ? inPlace(text, screen.rows, isFirst) : text);
        isFirst = false;
      }
      await delay(everyMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Written over what is there, line by line, so that nothing flickers. What the screen has no room for is counted. */
function inPlace(text: string, rows: number | undefined, isFirst: boolean): string {
  const lines = text.split('\n').slice(0, -1);
  // Some terminals say that they have no rows at all.
  const room = Math.max((rows || Number.POSITIVE_INFINITY) - 1, 2);
  if (lines.length > room) lines.splice(room - 1, lines.length, `… ${lines.length - room + 1} more lines`);
  const shown = lines.map((line) => `${line}${CLEAR_LINE_END}\n`);
  return `${HOME}${isFirst ? CLEAR_BELOW : ''}${shown.join('')}${CLEAR_BELOW}`;
}
