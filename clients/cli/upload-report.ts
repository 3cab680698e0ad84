/** What a person reads on standard error about one upload: discarded lines, breaks, and that it goes on. */
import { DISCARD_REASONS } from '../../src/protocol/bank.ts';
import type { Discard, Upload } from '../upload.ts';
import type { Progress } from './progress.ts';

const SHOWN_DISCARDS_MAX = 20;
/** A connection that breaks many times a second has a line a second. */
const QUIET_MS = 1000;

/** Discarded lines by reason, over all files. */
export class DiscardTotals {
  readonly #counts = new Map<string, number>(DISCARD_REASONS.map((reason) => [reason, 0]));

  add({ reason }: Discard): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  get sum(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** `empty 1, amount 2`, in the order in which lines are examined. */
  format(): string {
    const seen = [...this.#counts].filter(([, count]) => count > 0);
    return seen.map(([reason, count]) => `${reason} ${count}`).join(', ');
  }
}

export interface UploadReportOptions {
  readonly file: string;
  readonly progress: Progress;
  readonly discards: DiscardTotals;
}

export class UploadReport {
  readonly #file: string;
  readonly #progress: Progress;
  readonly #totals: DiscardTotals;
  #discardCount = 0;
  #byteCount = 0;
  /** Until the server says for the first time from where it goes on. */
  #isFirst = true;
  #isBroken = false;
  #breakCount = 0;
  #shownBreakCount = 0;
  /** What was shown last of a break, until the connection is back. */
  #shownBreak: string | undefined;
  #isStoreShown = false;
  #troubleMs = Number.NEGATIVE_INFINITY;

  constructor({ file, progress, discards }: UploadReportOptions) {
    this.#file = file;
    this.#progress = progress;
    this.#totals = discards;
  }

  discarded(discards: readonly Discard[]): void {
    for (const discard of discards) {
      this.#totals.add(discard);
      this.#discardCount += 1;
      if (this.#discardCount <= SHOWN_DISCARDS_MAX) {
        this.#progress.print(`${this.#file}:${discard.line}: ${discard.reason}`);
      }
    }
  }

  /** The first `byteCount` bytes of the file, or nearly, are durable. */
  advanced(byteCount: number): void {
    this.#progress.advance(byteCount - this.#byteCount);
    this.#byteCount = byteCount;
    this.#isStoreShown = false;
  }

  /** The same cause is said once until the connection is back. */
  broke(why: string, { acknowledged, lineCount }: Upload): void {
    if (!this.#isBroken) this.#breakCount += 1;
    this.#isBroken = true;
    if (why === this.#shownBreak || this.#isQuiet()) return;
    if (this.#shownBreak === undefined) this.#shownBreakCount += 1;
    this.#shownBreak = why;
    this.#sayTrouble(`${why}; ${acknowledged} of ${lineCount} lines are durable, trying again`);
  }

  opened({ nextLine, lineCount }: Upload): void {
    if (this.#shownBreak !== undefined) this.#say(`goes on with line ${nextLine} of ${lineCount}`);
    else if (this.#isFirst && nextLine > 1) {
      this.#say(`was begun before; goes on with line ${nextLine} of ${lineCount}`);
    }
    this.#isBroken = false;
    this.#shownBreak = undefined;
    this.#isFirst = false;
  }

  waitsForStore(text: string): void {
    if (this.#isStoreShown || this.#isQuiet()) return;
    this.#isStoreShown = true;
    this.#sayTrouble(`the server can not store at the moment${text === '' ? '' : ` (${text})`}; waiting`);
  }

  ended(): void {
    const hiddenCount = this.#discardCount - SHOWN_DISCARDS_MAX;
    if (hiddenCount > 0) this.#progress.print(`${this.#file}: … and ${hiddenCount} more`);
    if (this.#breakCount > this.#shownBreakCount) this.#say(`was interrupted ${this.#breakCount} times`);
  }

  #isQuiet(): boolean {
    return performance.now() - this.#troubleMs < QUIET_MS;
  }

  #sayTrouble(text: string): void {
    this.#troubleMs = performance.now();
    this.#say(text);
  }

  #say(text: string): void {
    this.#progress.print(`${this.#file}: ${text}`);
  }
}
