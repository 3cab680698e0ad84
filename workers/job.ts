/** The entry of short, stateless jobs: what takes long or touches files and networks, outside actors and main thread. */
import type { Job, JobOutcome, JobResults } from '../src/protocol/host-task.ts';
import { messageOf, OutcryError } from '../src/values/errors.ts';
import { exportData } from './data/export.ts';
import { importData } from './data/import.ts';
import { hostStats } from './data/stats.ts';
import { verifyHost } from './data/verify.ts';
import { readStream } from './exchange/read-stream.ts';
import { writeGoldDay } from './gold/day-file.ts';
import { refreshGold } from './gold/refresh.ts';
import { readStatement } from './ledger/read-statement.ts';
import { writeReport } from './ledger/write-report.ts';
import { runFileCommand } from './lobby/files.ts';
import { redistribute } from './runtime/redistribute.ts';
import { checkPassword, hashPassword } from './users/passwords.ts';

export async function runJob(job: Job): Promise<JobOutcome<JobResults[keyof JobResults]>> {
  try {
    return { ok: true, value: await resultOf(job) };
  } catch (error) {
    if (error instanceof OutcryError) return { ok: false, error: error.toRecord() };
    return { ok: false, error: { code: 'ERR_UNEXPECTED', message: messageOf(error), fields: {} } };
  }
}

async function resultOf(job: Job): Promise<JobResults[keyof JobResults]> {
  switch (job.type) {
    case 'write-report':
      await writeReport(job.path, job.balances);
      return undefined;
    case 'warm-up':
      return undefined;
    case 'redistribute':
      await redistribute(job.from, job.to);
      return undefined;
    case 'verify':
      return verifyHost(job);
    case 'stats':
      return hostStats(job);
    case 'export':
      return exportData(job);
    case 'import':
      return importData(job);
    case 'file':
      return runFileCommand(job);
    case 'statement':
      return readStatement(job);
    case 'read-stream':
      return readStream(job);
    case 'hash-password':
      return hashPassword(job);
    case 'check-password':
      return checkPassword(job);
    case 'refresh-gold':
      return refreshGold(job);
    case 'write-gold-day':
      await writeGoldDay(job);
      return null;
  }
}
