/** One file as an upload: the id under which it goes, and what is said when it does not come through. */
import { OutcryError } from '../../src/values/errors.ts';
import { Upload } from '../upload.ts';
import type { Progress } from './progress.ts';
import type { Address } from './send-errors.ts';
import type { BufferPair } from './send-file.ts';
import { type DiscardTotals, UploadReport } from './upload-report.ts';
import { runUpload, type UploadRunOptions } from './upload-run.ts';
import { openUploadSource } from './upload-source.ts';

/** What all files of a command share. */
export interface UploadSettings {
  readonly address: Address;
  /** Instead of the hash of the content. */
  readonly uploadId: string | undefined;
  /** Whether what was uploaded before is uploaded once more. */
  readonly isAgain: boolean;
  readonly giveUpSeconds: number;
  readonly progress: Progress;
  readonly discards: DiscardTotals;
  readonly turns: Turns;
  /** Called once for each upload that sent anything, however it ended. */
  readonly onDurable: (lineCount: number) => void;
}

/** Files of the same content have the same id and go one after the other, or they would take it from each other. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  take(id: string, work: () => Promise<void>): Promise<void> {
    const before = this.#last.get(id) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#last.set(id, turn);
    return turn;
  }
}

/** Resolves when every line is durable; throws ERR_SEND_FILE and ERR_UPLOAD_…. */
export async function uploadFile(file: string, buffers: BufferPair, settings: UploadSettings): Promise<void> {
  const { address, uploadId, giveUpSeconds, progress, discards, turns } = settings;
  const source = await openUploadSource(file, buffers);
  const id = uploadId ?? `sha256-${source.digest}`;
  const report = new UploadReport({ file, progress, discards });
  const options: UploadRunOptions = { address, source, buffers, giveUpSeconds, report };
  try {
    await turns.take(id, () => runFirstIncomplete(id, options, settings));
  } catch (error) {
    throw isAboutUpload(error) ? withFile(file, error) : error;
  } finally {
    report.ended();
    await source.close();
  }
}

/** Each upload of the same content has an id of its own, so that one more of them can be interrupted and go on, too. */
async function runFirstIncomplete(
  id: string,
  options: UploadRunOptions,
  { isAgain, onDurable }: UploadSettings,
): Promise<void> {
  for (let time = 1; ; time++) {
    const { lineCount } = options.source;
    const upload = new Upload({ id: time === 1 ? id : `${id}.${time}`, lineCount });
    try {
      await runUpload(upload, options);
    } catch (error) {
      const wasComplete = isAboutUpload(error) && error.code === 'ERR_UPLOAD_COMPLETE';
      if (!wasComplete) onDurable(upload.acknowledged);
      if (wasComplete && isAgain) continue;
      throw error;
    }
    onDurable(lineCount);
    return;
  }
}

function isAboutUpload(error: unknown): error is OutcryError {
  return error instanceof OutcryError && error.code.startsWith('ERR_UPLOAD_');
}

function withFile(file: string, cause: OutcryError): OutcryError {
  const { code, message, fields } = cause;
  const hint = code === 'ERR_UPLOAD_COMPLETE' ? '. To post them a second time: --again' : '';
  return new OutcryError(code, `${file}: ${message}${hint}`, { cause, fields: { ...fields, file } });
}
