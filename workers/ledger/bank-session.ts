/**
 * One client of the bank's port. It is answered nothing: most clients never read, and one that is answered and closes
 * loses what it sent. Unless its first line asks for answers: then it is an upload. Whole lines come in; what becomes of
 * them is the ledger's.
 */
import { LEDGER_SHARDS, type TallyCommand } from '../../src/protocol/bank.ts';
import type { Actor, ConnectionCommand, Context } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import type { BankLines, PostingTarget } from './bank-lines.ts';
import { LedgerShard } from './ledger-shard.ts';
import { PostingsWriter } from './postings.ts';
import { findHeader, type UploadMessage, UploadSession } from './upload-session.ts';

const LF = 10;

type SessionContext = Context<ConnectionCommand | UploadMessage>;

/** What all bank sessions of a host share. */
export class BankCounter {
  readonly #lines: BankLines;
  readonly #shards: readonly ActorRef<never>[];
  readonly #tally: ActorRef<TallyCommand>;
  readonly #targets: PostingTarget[] = [];
  /** For shards in other hosts. */
  readonly #writers = Array.from({ length: LEDGER_SHARDS }, () => new PostingsWriter());

  constructor(lines: BankLines, shards: readonly ActorRef<never>[], tally: ActorRef<TallyCommand>) {
    this.#lines = lines;
    this.#shards = shards;
    this.#tally = tally;
  }

  takeLines(bytes: Uint8Array, start: number, end: number, context: Context<never>): void {
    // Looked up for each message: a restart replaces a shard.
    this.#shards.forEach((shard, i) => {
      const peer = context.peer(shard);
      this.#targets[i] = peer instanceof LedgerShard ? peer : (this.#writers[i] as PostingsWriter);
    });
    const count = this.#lines.take(bytes, start, end, this.#targets);
    context.countFrames(count);
    this.#writers.forEach((writer, i) => {
      const postings = writer.take();
      if (postings !== undefined) {
        context.tellBytes(this.#shards[i] as ActorRef<never>, postings, 0, postings.length);
      }
    });
    this.#tellDiscards(context);
  }

  /** A session for an upload over such a connection. */
  createUpload(): UploadSession {
    return new UploadSession(this.#lines, this.#shards, (context) => this.#tellDiscards(context));
  }

  /** The connection broke within a line. */
  discardCutOff(context: Context<never>): void {
    this.#lines.discard('cut-off');
    this.#tellDiscards(context);
  }

  #tellDiscards(context: Context<never>): void {
    const counts = this.#lines.takeDiscards();
    if (counts === undefined) return;
    context.tell(this.#tally, { type: 'discarded', counts });
    context.countIgnored(counts);
  }
}

/** `memory` is the upload-id of the upload that a session before this one was taking. */
export class BankSession implements Actor<ConnectionCommand | UploadMessage> {
  readonly #counter: BankCounter;
  readonly #memory: string | undefined;
  #upload: UploadSession | undefined;
  #isFirst = true;

  constructor(counter: BankCounter, memory?: string) {
    this.#counter = counter;
    this.#memory = memory;
  }

  started(context: SessionContext): void {
    if (this.#memory === undefined) return;
    this.#upload = this.#counter.createUpload();
    this.#upload.resume(this.#memory, context);
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number, context: SessionContext): void {
    const isWhole = bytes[end - 1] === LF;
    if (this.#isFirst) {
      this.#isFirst = false;
      const header = this.#upload === undefined ? findHeader(bytes, start, end) : undefined;
      if (header !== undefined) {
        this.#upload = this.#counter.createUpload();
        const isTaken = this.#upload.begin(header, context);
        if (isTaken && header.end < end) this.#upload.takeLines(bytes, header.end, end, context);
        return;
      }
    }
    if (this.#upload === undefined) {
      if (isWhole) this.#counter.takeLines(bytes, start, end, context);
      else this.#counter.takeLines(withLf(bytes, start, end), 0, end - start + 1, context);
    }
    // An upload's client ends every line: without its end a line is one that was broken off.
    else if (isWhole) this.#upload.takeLines(bytes, start, end, context);
  }

  receive(command: ConnectionCommand | UploadMessage, context: SessionContext): undefined {
    switch (command.type) {
      case 'connection-ended':
        if (this.#upload === undefined) context.stop();
        else this.#upload.end(context);
        break;
      case 'connection-closed':
        if (this.#upload !== undefined) this.#upload.close(context);
        else {
          if (command.isCutOff) this.#counter.discardCutOff(context);
          context.stop();
        }
        break;
      case 'connection-drained':
      // Most clients of the bank never read: they are read to their end, and told nothing.
      case 'server-closing':
      case 'kicked':
        break;
      default:
        this.#upload?.receive(command, context);
    }
  }

  storeFailed(context: SessionContext): void {
    this.#upload?.storeFailed(context);
  }
}

function withLf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const line = new Uint8Array(end - start + 1);
  line.set(bytes.subarray(start, end));
  line[end - start] = LF;
  return line;
}
