import { open } from 'node:fs/promises';

/** Makes what was made, renamed or removed in the folder durable, where folders can be flushed: it is done anyway. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch {
    // Not possible here.
  }
}
