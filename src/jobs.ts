/** The pool of short, stateless jobs; see workers/job.ts. One thread is kept, with its code loaded. */
import { Piscina } from 'piscina';
import type { Job, JobOutcome } from './protocol/host-task.ts';

const JOB_ENTRY = new URL('../workers/job.js', import.meta.url).href;
const THREADS_MAX = 2;

export class Jobs {
  readonly #pool = new Piscina<Job, JobOutcome>({
    filename: JOB_ENTRY,
    name: 'runJob',
    minThreads: 1,
    maxThreads: THREADS_MAX,
    atomics: 'disabled',
  });

  private constructor() {}

  /** Resolves when a thread is ready for work. */
  static async start(): Promise<Jobs> {
    const jobs = new Jobs();
    await jobs.run({ type: 'warm-up' });
    return jobs;
  }

  run(job: Job): Promise<JobOutcome> {
    return this.#pool.run(job);
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
