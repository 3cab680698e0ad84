/** The entry of short, stateless jobs: what takes long or touches files and networks, outside actors and main thread. */
import type { Job, JobOutcome } from '../src/protocol/host-task.ts';
import { toRecord } from '../src/values/errors.ts';
import { writeReport } from './ledger/write-report.ts';
import { redistribute } from './runtime/redistribute.ts';

export async function runJob(job: Job): Promise<JobOutcome> {
  try {
    if (job.type === 'write-report') await writeReport(job.path, job.balances);
    else if (job.type === 'redistribute') await redistribute(job.from, job.to);
    return { ok: true };
  } catch (error) {
    return { ok: false, error: toRecord(error) };
  }
}
