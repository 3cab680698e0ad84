/**
 * How the sources have fared: which are asked next, and what of their refusals is worth a line of the log. Pure.
 *
 * A source that is refused again and again is left out for longer and longer, but never are all: so there is one try an
 * interval, whatever happens.
 */
import type { ProviderName } from '../../src/protocol/gold.ts';

/** A source is never left out for longer. */
const OUT_MAX_MS = 12 * 3_600_000;
/** Of refusals for the same reason each such one is said again. */
const SAID_EVERY = 12;

interface Failing {
  readonly reason: string;
  /** For that reason, in a row. */
  readonly times: number;
  /** For any reason, in a row. */
  readonly refusals: number;
  readonly triedMs: number;
  readonly outUntilMs: number;
}

export class Tries {
  readonly #sources: readonly ProviderName[];
  readonly #intervalMs: number;
  readonly #failing = new Map<ProviderName, Failing>();

  constructor(sources: readonly ProviderName[], intervalMs: number) {
    this.#sources = sources;
    this.#intervalMs = intervalMs;
  }

  /** Those to be asked at `nowMs`, in their order. */
  due(nowMs: number): readonly ProviderName[] {
    const due = this.#sources.filter((source) => (this.#failing.get(source)?.outUntilMs ?? 0) <= nowMs);
    return due.length > 0 ? due : this.#sources.filter((source) => source === this.#longestOut());
  }

  succeed(source: ProviderName): void {
    this.#failing.delete(source);
  }

  /** Of a try that began at `nowMs`; returns how often the source was refused for that reason, if it is to be said. */
  refuse(source: ProviderName, reason: string, nowMs: number): number | undefined {
    const before = this.#failing.get(source);
    const times = before?.reason === reason ? before.times + 1 : 1;
    const refusals = (before?.refusals ?? 0) + 1;
    const outMs = Math.min(this.#intervalMs * 2 ** (refusals - 1), Math.max(OUT_MAX_MS, this.#intervalMs));
    this.#failing.set(source, { reason, times, refusals, triedMs: nowMs, outUntilMs: nowMs + outMs });
    return times === 1 || times % SAID_EVERY === 0 ? times : undefined;
  }

  #longestOut(): ProviderName | undefined {
    const tried = (source: ProviderName) => this.#failing.get(source)?.triedMs ?? 0;
    const [first, ...others] = this.#sources;
    return others.reduce(
      (longest, source) => (tried(source) < tried(longest as ProviderName) ? source : longest),
      first,
    );
  }
}
