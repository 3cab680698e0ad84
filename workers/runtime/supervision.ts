/** What becomes of an actor that threw: pure decisions from its strategy and the times of its earlier restarts. */
import type { Supervision } from './actor.ts';

export type Verdict =
  | { readonly type: 'restart'; readonly delayMs: number }
  | { readonly type: 'stop' }
  | { readonly type: 'escalate'; readonly reason: string };

/** Makes any backoff longer than the process lives. */
const DOUBLINGS_MAX = 52;

/** Restarts of one child; every child has its own, so that siblings never use up each other's. */
export class RestartBudget {
  readonly #supervision: Supervision;
  #restartsMs: number[] = [];

  constructor(supervision: Supervision) {
    this.#supervision = supervision;
  }

  /** The verdict on a fault at `nowMs`; a restart is counted as used. */
  judge(nowMs: number): Verdict {
    const { onFault, restartsMax, periodMs, backoffMinMs, backoffMaxMs } = this.#supervision;
    if (onFault === 'stop') return { type: 'stop' };
    if (onFault === 'escalate') return { type: 'escalate', reason: 'its strategy is to escalate' };
    this.#restartsMs = this.#restartsMs.filter((restartMs) => nowMs - restartMs < periodMs);
    const earlier = this.#restartsMs.length;
    if (earlier >= restartsMax) {
      return { type: 'escalate', reason: `${earlier} restarts within ${periodMs} ms is the limit` };
    }
    this.#restartsMs.push(nowMs);
    // Without a limit to restarts 2 ** earlier becomes Infinity, and nothing times Infinity is not a number.
    const doublings = Math.min(earlier, DOUBLINGS_MAX);
    return { type: 'restart', delayMs: Math.min(backoffMaxMs, backoffMinMs * 2 ** doublings) };
  }
}
