/**
 * The passwords that are being hashed, and those that wait for it: two at a time, so that other jobs find threads too.
 * Addresses take turns. Nothing is hashed for somebody who has given up.
 */
import { DESK_ADDRESS, type DeskCommand } from '../../src/protocol/desk.ts';
import type { CheckPasswordJob, HashPasswordJob } from '../../src/protocol/host-task.ts';
import type { Answer, Context } from '../runtime/actor.ts';
import type { Ask } from '../runtime/asks.ts';
import { FairQueue } from './fair-queue.ts';
import type { UsersEvent } from './users.ts';

const HASHES_AT_ONCE = 2;
/** At ten hashes a second each, the last of them is answered after seconds. */
const WAITING_MAX = 64;
/** Of a job: longer than who has asked waits, so that no more are run at once than there should be. */
const JOB_TIMEOUT_MS = 60_000;

/** Something that needs a hash. `ask` is answered by one of its methods, now or later. */
export interface HashWork {
  /** Those of a party take turns with those of others. */
  readonly party: string;
  readonly ask: Ask;
  /** Its turn has come: returns the job, or nothing if it was refused. */
  begin(): HashPasswordJob | CheckPasswordJob | undefined;
  end(answer: Answer<never>): readonly UsersEvent[];
  /** It is not begun. */
  drop(): void;
}

/** What the actor hands back to `end`. */
export interface Hashed {
  readonly type: 'hashed';
  readonly work: HashWork;
  readonly answer: Answer<never>;
}

type HashContext = Context<Hashed>;

export class HashQueue {
  #running = 0;
  readonly #waiting = new FairQueue<HashWork>(WAITING_MAX);

  get waitingCount(): number {
    return this.#waiting.size;
  }

  add(work: HashWork, context: HashContext): void {
    this.#waiting.add(work.party, work)?.drop();
    this.beginNext(context);
  }

  /** At once, for work that goes on with another hash. */
  begin(work: HashWork, context: HashContext): void {
    const job = work.begin();
    if (job === undefined) return;
    this.#running++;
    const adapt = (answer: Answer<never>): Hashed => ({ type: 'hashed', work, answer });
    context.ask<DeskCommand, never>(context.refer(DESK_ADDRESS), job, JOB_TIMEOUT_MS, adapt);
  }

  /** Nothing begins before what follows from it is applied: `beginNext` is for a later message. */
  end({ work, answer }: Hashed): readonly UsersEvent[] {
    this.#running--;
    return work.end(answer);
  }

  beginNext(context: HashContext): void {
    while (this.#running < HASHES_AT_ONCE) {
      const work = this.#waiting.take();
      if (work === undefined) return;
      if (work.ask.deadlineMs > context.nowMs) this.begin(work, context);
      else work.drop();
    }
  }
}
