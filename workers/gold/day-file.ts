/** Writes the file of a day's gold rates, whole or not at all. */
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { WriteGoldDayJob } from '../../src/protocol/gold.ts';
import { isGoldDate } from '../../src/protocol/gold-dates.ts';
import { goldFileText } from '../../src/protocol/gold-file.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { syncFolder } from '../sync-folder.ts';

/** Rejects with ERR_FILE_IO. */
export async function writeGoldDay({ folder, date, refreshes }: WriteGoldDayJob): Promise<void> {
  if (!isGoldDate(date)) throw new OutcryError('ERR_FILE_NAME', `${date} is no day`);
  try {
    await mkdir(folder, { recursive: true });
    const part = join(folder, `.${date}.json.part`);
    const file = await open(part, 'w');
    try {
      await file.writeFile(goldFileText(date, refreshes));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, join(folder, `${date}.json`));
    await syncFolder(folder);
  } catch (error) {
    throw new OutcryError('ERR_FILE_IO', `can't write ${date}.json: ${messageOf(error)}`, { cause: error });
  }
}
