/** The entry of short, stateless jobs: what takes long or touches files and networks, outside actors and main thread. */
import type { Job, JobOutcome } from '../src/protocol/host-task.ts';
import { messageOf, OutcryError } from '../src/values/errors.ts';
import { writeReport } from './ledger/write-report.ts';
import { redistribute } from './runtime/redistribute.ts';

export async function runJob(job: Job): Promise<JobOutcome> {
  try {
    if (job.type === 'write-report') await writeReport(job.path, job.balances);
    else if (job.type === 'redistribute') await redistribute(job.from, job.to);
    return { ok: true };
  } catch (error) {
    if (error instanceof OutcryError) return { ok: false, error: error.toRecord() };
    return { ok: false, error: { code: 'ERR_UNEXPECTED', message: messageOf(error), fields: {} } };
  }
}
