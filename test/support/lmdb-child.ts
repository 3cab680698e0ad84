/** Uses LMDB files in a process of its own, since a damaged file may crash it. */
import { Random } from '../../workers/runtime/random.ts';
import { change, type Entry, entriesOf, openStore } from './lmdb-entries.ts';

/** Either read the file and write more into it, or write until the process is killed. */
export interface ChildTask {
  readonly path: string;
  readonly seed: number;
  readonly untilKilled?: boolean;
}

export interface ChildAnswer {
  /** What the file had; undefined if LMDB refused to read it or to write more. */
  readonly entries?: readonly Entry[];
  readonly error?: string;
}

process.on('message', (task: ChildTask) => {
  const work = task.untilKilled ? writeOn(task) : readAndWrite(task);
  work.then(answer, (error: unknown) => answer({ error: String(error) }));
});

function answer(message: ChildAnswer): void {
  process.send?.(message);
}

async function readAndWrite({ path, seed }: ChildTask): Promise<ChildAnswer> {
  const store = openStore(path);
  try {
    const entries = entriesOf(store);
    await change(store, new Random(seed), { count: 60, keys: 2000, lengthMax: 20_000 });
    return { entries };
  } finally {
    await store.close();
  }
}

/** Answers as soon as there is something in the file. */
async function writeOn({ path, seed }: ChildTask): Promise<ChildAnswer> {
  const random = new Random(seed);
  const store = openStore(path);
  answer({});
  for (;;) await change(store, random, { count: 100, keys: 3000, lengthMax: 500_000, removals: 30 });
}
