/** Where inputs wait for each other: the k-th time one comes to a barrier it meets all others that come there so often. */
import { OutcryError } from '../../src/values/errors.ts';

export interface BarrierGuest {
  readonly file: string;
  /** How often it comes to each. */
  readonly barriers: ReadonlyMap<string, number>;
  onPass(): void;
  /** It will never pass. */
  onFail(error: OutcryError): void;
}

interface Waiting {
  readonly name: string;
  /** From 1. */
  readonly time: number;
}

interface Visits {
  /** By barrier. */
  readonly times: Map<string, number>;
  waiting: Waiting | undefined;
}

export class Barriers {
  /** Those who have not ended. */
  readonly #visits = new Map<BarrierGuest, Visits>();
  /** Those who have ended before they came as often as they were to. */
  readonly #missing: { readonly guest: BarrierGuest; readonly times: ReadonlyMap<string, number> }[] = [];

  /** All of them, before any arrives. */
  invite(guest: BarrierGuest): void {
    if (guest.barriers.size > 0) this.#visits.set(guest, { times: new Map(), waiting: undefined });
  }

  arrive(guest: BarrierGuest, name: string): void {
    const visits = this.#visits.get(guest);
    if (visits === undefined) return;
    const time = (visits.times.get(name) ?? 0) + 1;
    visits.times.set(name, time);
    visits.waiting = { name, time };
    const absent = this.#missing.find(
      ({ guest: { barriers }, times }) => (barriers.get(name) ?? 0) >= time && (times.get(name) ?? 0) < time,
    );
    if (absent !== undefined) this.#fail(guest, name, `${absent.guest.file} has ended`);
    else if (this.#expectedAt(name, time).every((other) => this.#isAt(other, name, time))) {
      this.#pass(this.#expectedAt(name, time));
    } else this.#failIfStuck();
  }

  /** Whoever waits for it will not meet it. */
  leave(guest: BarrierGuest): void {
    const left = this.#visits.get(guest);
    if (left === undefined) return;
    this.#visits.delete(guest);
    this.#missing.push({ guest, times: left.times });
    for (const [other, { waiting }] of [...this.#visits]) {
      if (waiting === undefined) continue;
      const { name, time } = waiting;
      const wasExpected = (guest.barriers.get(name) ?? 0) >= time && (left.times.get(name) ?? 0) < time;
      if (wasExpected) this.#fail(other, name, `${guest.file} has ended`);
    }
    this.#failIfStuck();
  }

  #expectedAt(name: string, time: number): BarrierGuest[] {
    return [...this.#visits.keys()].filter(({ barriers }) => (barriers.get(name) ?? 0) >= time);
  }

  /** It waits there, or has been there. */
  #isAt(guest: BarrierGuest, name: string, time: number): boolean {
    return (this.#visits.get(guest)?.times.get(name) ?? 0) >= time;
  }

  #pass(guests: readonly BarrierGuest[]): void {
    for (const guest of guests) {
      const visits = this.#visits.get(guest);
      if (visits !== undefined) visits.waiting = undefined;
    }
    for (const guest of guests) guest.onPass();
  }

  /** Each waits for another one that waits, too. */
  #failIfStuck(): void {
    const all = [...this.#visits];
    if (!all.every(([, { waiting }]) => waiting !== undefined)) return;
    const stuck = all.map(([guest, { waiting = { name: '', time: 0 } }]) => {
      const { name, time } = waiting;
      const absent = this.#expectedAt(name, time).find((other) => !this.#isAt(other, name, time));
      const elsewhere = absent && this.#visits.get(absent)?.waiting?.name;
      return { guest, name, why: `${absent?.file} waits at ${elsewhere}` };
    });
    for (const { guest, name, why } of stuck) this.#fail(guest, name, why);
  }

  #fail(guest: BarrierGuest, name: string, why: string): void {
    const visits = this.#visits.get(guest);
    if (visits !== undefined) visits.waiting = undefined;
    guest.onFail(new OutcryError('ERR_EXPECTATION', `barrier ${name}: ${why}`));
  }
}
