/** An upload over as many connections as it takes: after each break it goes on, until there is no more progress. */
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { OutcryError } from '../../src/values/errors.ts';
import type { Discard, Upload } from '../upload.ts';
import type { Address } from './send-errors.ts';
import type { BufferPair } from './send-file.ts';
import { type ConnectionListener, UploadConnection } from './upload-connection.ts';
import type { UploadReport } from './upload-report.ts';
import type { UploadSource } from './upload-source.ts';

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 2000;

export interface UploadRunOptions {
  readonly address: Address;
  readonly source: UploadSource;
  readonly buffers: BufferPair;
  readonly giveUpSeconds: number;
  readonly report: UploadReport;
}

/** Resolves when every line is durable; throws ERR_UPLOAD_… and what the source throws. */
export async function runUpload(upload: Upload, options: UploadRunOptions): Promise<void> {
  await new UploadRun(upload, options).toItsEnd();
}

class UploadRun implements ConnectionListener {
  readonly #upload: Upload;
  readonly #options: UploadRunOptions;
  readonly #giveUp: NodeJS.Timeout;
  #connection: UploadConnection | undefined;
  #isGivenUp = false;
  #acknowledged = 0;
  #progressMs = performance.now();
  #pauseMs = PAUSE_MIN_MS;

  constructor(upload: Upload, options: UploadRunOptions) {
    this.#upload = upload;
    this.#options = options;
    this.#giveUp = setTimeout(() => this.#onGiveUp(), options.giveUpSeconds * 1000);
  }

  async toItsEnd(): Promise<void> {
    const { address, source, buffers, report } = this.#options;
    try {
      while (this.#upload.state === 'closed') {
        this.#connection = new UploadConnection(this.#upload, { address, source, buffers, listener: this });
        const ending = await this.#connection.run();
        if (ending === undefined) break;
        if (!this.#isGivenUp) {
          report.broke(ending, this.#upload);
          await this.#pause();
        }
        if (this.#isGivenUp) throw this.#givenUpError(ending);
      }
    } finally {
      clearTimeout(this.#giveUp);
    }
    if (this.#upload.failure !== undefined) throw this.#upload.failure;
  }

  onAnswer(discards: readonly Discard[]): void {
    const { report, source } = this.#options;
    const { acknowledged, storeTrouble } = this.#upload;
    report.discarded(discards);
    if (storeTrouble !== undefined) report.waitsForStore(storeTrouble);
    if (acknowledged <= this.#acknowledged) return;
    this.#acknowledged = acknowledged;
    this.#progressMs = performance.now();
    this.#pauseMs = PAUSE_MIN_MS;
    this.#giveUp.refresh();
    if (this.#upload.state !== 'failed') report.advanced(source.bytesBefore(acknowledged));
  }

  onOpened(): void {
    this.#options.report.opened(this.#upload);
  }

  async onRetry(): Promise<void> {
    this.#options.report.broke('the server has lost what was on its way', this.#upload);
    await this.#pause();
  }

  /** Longer each time while there is no progress, and no two clients of a server that comes back at the same time. */
  async #pause(): Promise<void> {
    const jitterMs = randomInt(Math.ceil(this.#pauseMs / 2));
    const leftMs = this.#options.giveUpSeconds * 1000 - (performance.now() - this.#progressMs);
    const pauseMs = Math.min(this.#pauseMs + jitterMs, Math.max(leftMs, 0) + 1);
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MAX_MS);
    await delay(pauseMs);
  }

  #onGiveUp(): void {
    this.#isGivenUp = true;
    const { storeTrouble } = this.#upload;
    this.#connection?.cut(
      storeTrouble === undefined
        ? 'the server is connected but acknowledges nothing'
        : 'the server can not store',
    );
  }

  #givenUpError(ending: string): OutcryError {
    const { acknowledged, lineCount } = this.#upload;
    const { giveUpSeconds } = this.#options;
    return new OutcryError(
      'ERR_UPLOAD_GIVEN_UP',
      `given up after ${giveUpSeconds} s without progress: ${ending}. ${acknowledged} of ${lineCount} lines are ` +
        'durable; the same command goes on from there',
      { fields: { acknowledged, lineCount } },
    );
  }
}
