/** The pool of short, stateless jobs; see workers/job.ts. One thread is kept, with its code loaded. */
import type { MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Job, JobOutcome, JobResults } from './protocol/host-task.ts';
import { OutcryError } from './values/errors.ts';

const JOB_ENTRY = new URL('../workers/job.js', import.meta.url).href;
/** A thread ends when there was no work for so long: to start one takes longer than most jobs. */
const IDLE_MS = 10_000;
/** Of passwords two are hashed at a time and of gold one refresh is fetched, so that files and statements need not wait. */
const THREADS_MAX = 4;

export class Jobs {
  readonly #pool = new Piscina<Job, JobOutcome<unknown>>({
    filename: JOB_ENTRY,
    name: 'runJob',
    minThreads: 1,
    maxThreads: THREADS_MAX,
    idleTimeout: IDLE_MS,
    atomics: 'disabled',
  });

  private constructor() {}

  /** Resolves when a thread is ready for work. */
  static async start(): Promise<Jobs> {
    const jobs = new Jobs();
    await jobs.run({ type: 'warm-up' });
    return jobs;
  }

  /** `ports` are those in the job; `signal` ends the thread that runs it, and rejects. */
  run<J extends Job>(
    job: J,
    ports: readonly MessagePort[] = [],
    signal: AbortSignal | null = null,
  ): Promise<JobOutcome<JobResults[J['type']]>> {
    const outcome = this.#pool.run(job, { transferList: [...ports], signal });
    return outcome as Promise<JobOutcome<JobResults[J['type']]>>;
  }

  /** What the job answers; rejects with the error that it ended with. */
  async result<J extends Job>(
    job: J,
    ports?: readonly MessagePort[],
    signal?: AbortSignal,
  ): Promise<JobResults[J['type']]> {
    const outcome = await this.run(job, ports, signal);
    if (!outcome.ok) throw OutcryError.fromRecord(outcome.error);
    return outcome.value;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
