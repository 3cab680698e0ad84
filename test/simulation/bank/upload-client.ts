/** A client of a simulated server that uploads: what clients/upload.ts decides, done with a simulated connection. */
import { Upload } from '../../../clients/upload.ts';
import type { Random } from '../../../workers/runtime/random.ts';
import type { Move, Participant } from '../../../workers/runtime/simulation.ts';
import type { ClientConnection, Network } from '../network.ts';
import type { PipeReader } from '../pipe.ts';
import type { UploadPlan } from './workload.ts';

/** As in clients/cli/upload-connection.ts. There is none for silence while lines are sent: that never ends by itself. */
const FIRST_ANSWER_LIMIT_MS = 10_000;
const CLOSE_LIMIT_MS = 2000;
const PAUSE_MAX_MS = 2000;
/** Bytes that the network holds before the client waits. */
const WINDOW_BYTES = 2000;

export interface UploadClientOptions {
  readonly plan: UploadPlan;
  readonly network: Network;
  readonly random: Random;
  /** The most bytes that it sends at once. */
  readonly pieceMax: number;
  /** It sends lines behind its first line, without waiting for the answer. */
  readonly isHasty: boolean;
  readonly startsMs: number;
  /** The server has said that so many lines are durable. */
  readonly onAcknowledged: (plan: UploadPlan, lines: number) => void;
}

/** What one run of the client's program has seen. */
export interface Life {
  /** Times that each line was told to have been discarded, and why. */
  readonly told: Map<number, { times: number; reason: string }>;
  outcome: 'complete' | string | undefined;
}

export class UploadClient implements Participant, PipeReader {
  readonly lives: Life[] = [];
  readonly isReading = true;
  readonly #options: UploadClientOptions;
  #upload!: Upload;
  #life!: Life;
  #connection: ClientConnection | undefined;
  /** The next byte of the text to be sent. */
  #at = 0;
  /** When it connects, opens anew on its connection, or loses patience, whichever is next. */
  #alarmMs: number;
  #isHasty: boolean;
  #isDone = false;
  #acknowledged = 0;

  constructor(options: UploadClientOptions) {
    this.#options = options;
    this.#alarmMs = options.startsMs;
    this.#isHasty = options.isHasty;
    this.#begin();
  }

  get plan(): UploadPlan {
    return this.#options.plan;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** Where it is, for a failure's text. */
  toString(): string {
    const { state, acknowledged, lineCount, nextLine } = this.#upload;
    const wire = this.#connection === undefined ? 'not connected' : `connected, next byte ${this.#at}`;
    return `${this.plan.id} is ${state}, ${acknowledged} of ${lineCount} lines, next line ${nextLine}, ${wire}`;
  }

  get dueMs(): number {
    if (this.#isDone) return Infinity;
    return this.#maySend() ? 0 : this.#alarmMs;
  }

  addMoves(moves: Move[], nowMs: number): void {
    if (this.#isDone) return;
    if (this.#alarmMs <= nowMs) moves.push(this.#onAlarm);
    else if (this.#maySend()) moves.push(this.#send);
  }

  /** The program is ended, and started again. */
  restart(): void {
    if (this.#isDone) return;
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#begin();
    this.#alarmMs = this.#nowMs + this.#options.random.below(PAUSE_MAX_MS);
  }

  onData(bytes: Uint8Array): void {
    if (this.#connection === undefined) return;
    const before = this.#upload.state;
    for (const { line, reason } of this.#upload.receive(bytes)) {
      const times = (this.#life.told.get(line)?.times ?? 0) + 1;
      this.#life.told.set(line, { times, reason });
    }
    this.#noteAcknowledged();
    if (this.#upload.state !== before) this.#onState();
  }

  onEnd(): void {
    this.#connection?.destroy();
    this.#onClosed();
  }

  onBroken(): void {
    this.#connection?.destroy();
    this.#onClosed();
  }

  get #nowMs(): number {
    return this.#options.network.simulation.nowMs;
  }

  #begin(): void {
    const { id, lineCount } = this.plan;
    this.#upload = new Upload({ id, lineCount });
    this.#life = { told: new Map(), outcome: undefined };
    this.lives.push(this.#life);
    this.#acknowledged = 0;
  }

  readonly #onAlarm = (): void => {
    this.#alarmMs = Infinity;
    if (this.#connection === undefined) this.#connect();
    else if (this.#upload.state === 'retry') this.#open(this.#connection);
    else {
      this.#connection.destroy();
      this.#onClosed();
    }
  };

  #connect(): void {
    this.#connection = this.#options.network.connect('bank', this);
    if (this.#connection === undefined) this.#pause();
    else this.#open(this.#connection);
  }

  #open(connection: ClientConnection): void {
    connection.write(this.#upload.open());
    this.#alarmMs = this.#nowMs + FIRST_ANSWER_LIMIT_MS;
    this.#at = 0;
  }

  #maySend(): boolean {
    const { state } = this.#upload;
    const connection = this.#connection;
    if (connection === undefined || this.#at === this.plan.text.length) return false;
    return (
      (state === 'sending' || (state === 'opening' && this.#isHasty)) &&
      connection.toServer.length < WINDOW_BYTES
    );
  }

  readonly #send = (): void => {
    const { random, pieceMax, plan } = this.#options;
    const end = Math.min(this.#at + 1 + random.below(pieceMax), plan.text.length);
    this.#connection?.write(plan.text.subarray(this.#at, end));
    this.#at = end;
  };

  #noteAcknowledged(): void {
    const { acknowledged } = this.#upload;
    if (acknowledged <= this.#acknowledged) return;
    this.#acknowledged = acknowledged;
    this.#options.onAcknowledged(this.plan, acknowledged);
  }

  #onState(): void {
    const { state, nextLine, failure } = this.#upload;
    this.#alarmMs = Infinity;
    if (state === 'sending') this.#onOpened(nextLine);
    else if (state === 'retry') this.#pause();
    else if (state === 'complete') {
      this.#connection?.end();
      this.#alarmMs = this.#nowMs + CLOSE_LIMIT_MS;
    } else if (state === 'failed' && this.#isHasty && failure?.message.includes('early')) {
      // To send early is right for the first attempt alone.
      this.#isHasty = false;
      this.restart();
    } else {
      this.#connection?.destroy();
      this.#onClosed();
    }
  }

  #onOpened(nextLine: number): void {
    if (!this.#isHasty) this.#at = this.plan.starts[nextLine - 1] as number;
    this.#isHasty = false;
  }

  /** The connection is gone. */
  #onClosed(): void {
    this.#connection = undefined;
    this.#upload.close();
    const { state, failure } = this.#upload;
    if (state === 'complete' || state === 'failed') {
      this.#life.outcome = failure?.message ?? 'complete';
      this.#isDone = true;
    } else this.#pause();
  }

  #pause(): void {
    this.#isHasty = false;
    this.#alarmMs = this.#nowMs + 1 + this.#options.random.below(PAUSE_MAX_MS);
  }
}
