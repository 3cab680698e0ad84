/** The jobs of a command on a data folder: on worker threads, with lines on how far they are where a person looks on. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { FolderView } from '../data-folder.ts';
import { Jobs } from '../jobs.ts';
import type { Progress, StoredHost } from '../protocol/data-jobs.ts';
import { progressLines } from './progress-lines.ts';

/** Runs `work` with a pool of job threads, and ends them. */
export async function withJobs<T>(work: (jobs: Jobs) => Promise<T>): Promise<T> {
  const jobs = await Jobs.start();
  try {
    return await work(jobs);
  } finally {
    await jobs.close();
  }
}

export function hostsOf({ hostFolders, isComplete, user }: FolderView): StoredHost[] {
  return hostFolders.map((folder, index) => ({
    folder,
    index,
    count: hostFolders.length,
    isMade: isComplete,
    isInUse: user !== undefined,
  }));
}

/** Sums up what several jobs say about their progress. */
export class WorkProgress {
  readonly #print: (done: number, total: number) => void;
  readonly #parts: Progress[] = [];

  constructor(work: string) {
    // Standard output may be what the work is about.
    const lines = progressLines(work, (line) => process.stderr.write(line));
    this.#print = process.stderr.isTTY ? lines : () => {};
  }

  /** The port for one more job. */
  open(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const part = this.#parts.push({ done: 0, total: 0 }) - 1;
    port1.on('message', (progress: Progress) => {
      this.#parts[part] = progress;
      this.show();
    });
    return port2;
  }

  show(): void {
    const sum = (key: keyof Progress) => this.#parts.reduce((total, part) => total + part[key], 0);
    this.#print(sum('done'), sum('total'));
  }
}
