/**
 * Long work on a terminal: one line on standard error with a bar, the rate and the time left.
 * Where standard error is no terminal it draws nothing and only passes lines through.
 */
import type { Options } from 'cli-progress';

export interface Progress {
  advance(amount: number): void;
  /** Writes a line to standard error without tearing the bar. */
  print(line: string): void;
  /** Removes the bar. */
  stop(): void;
}

export interface ProgressOptions {
  /** Asked only when a bar is drawn; undefined when nobody can know, and then there is a rate but no bar. */
  readonly findTotal: () => Promise<number | undefined>;
  readonly formatAmount: (amount: number) => string;
}

/** Leaves room for the figures on a terminal of 80 columns. */
const BAR_COLUMNS = 24;

export async function startProgress(options: ProgressOptions): Promise<Progress> {
  const { TERM } = process.env;
  const canDraw = process.stderr.isTTY && TERM !== 'dumb';
  return canDraw ? startBar(options) : PLAIN_LINES;
}

/** `0:07`, `12:30`, `3:05:00`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const parts = hours > 0 ? [hours, String(minutes).padStart(2, '0')] : [minutes];
  return [...parts, String(whole % 60).padStart(2, '0')].join(':');
}

const PLAIN_LINES: Progress = {
  advance() {},
  print(line) {
    process.stderr.write(`${line}\n`);
  },
  stop() {},
};

async function startBar({ findTotal, formatAmount }: ProgressOptions): Promise<Progress> {
  const [total, { SingleBar }, { default: picocolors }] = await Promise.all([
    findTotal(),
    import('cli-progress'),
    import('picocolors'),
  ]);
  const { NO_COLOR } = process.env;
  const colours = picocolors.createColors(!NO_COLOR);
  const startedMs = performance.now();

  const format: Options['format'] = (_options, { value }) => {
    const rate = value / Math.max((performance.now() - startedMs) / 1000, 0.001);
    const speed = `${formatAmount(value)}  ${formatAmount(rate)}/s`;
    if (total === undefined) return speed;
    const share = Math.min(value / Math.max(total, 1), 1);
    const filled = Math.round(share * BAR_COLUMNS);
    const bar = colours.green('━'.repeat(filled)) + '─'.repeat(BAR_COLUMNS - filled);
    const left = rate > 0 ? formatDuration(Math.max(total - value, 0) / rate) : '–';
    return `${bar} ${Math.floor(share * 100)} %  ${speed}  ${left} left`;
  };

  // The line is kept short instead of switching the terminal's wrapping off: Ctrl-C would leave it off.
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, linewrap: true });
  let done = 0;
  const draw = () => bar.start(total ?? 0, done);
  draw();
  return {
    advance(amount) {
      done += amount;
      bar.update(done);
    },
    print(line) {
      bar.stop();
      PLAIN_LINES.print(line);
      draw();
    },
    stop: () => bar.stop(),
  };
}
