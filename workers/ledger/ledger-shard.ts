/**
 * The actor that owns one sixteenth of the accounts, and knows how far each upload has come among them. Sessions in its
 * host call it directly; those of other hosts send it postings as bytes, and marks.
 *
 * A line of an upload counts once: lines up to the upload's mark are skipped, and what does not join on to the mark is
 * refused, since something was lost on the way.
 */
import {
  DISCARD_REASONS,
  type FoundUpload,
  LEDGER_ADDRESSES,
  type LedgerCommand,
  type TallyCommand,
  type UploadNotice,
} from '../../src/protocol/bank.ts';
import { toAddress } from '../../src/values/address.ts';
import type { Context, DurableActor } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import type { FlatEvents } from '../runtime/journal.ts';
import { encodeBalances } from './balances.ts';
import type { HashKey } from './half-sip-hash.ts';
import { Ledger, POSTING, type PostingOutcome, refusalOf } from './ledger.ts';
import { LedgerLog, readEvents } from './ledger-log.ts';
import { decodeSnapshot, encodeSnapshot } from './ledger-snapshot.ts';
import { headOfPostings, NO_UPLOAD, readPostings } from './postings.ts';
import { DISCARDS_KEPT, type Upload, Uploads } from './uploads.ts';

export interface LedgerShardOptions {
  readonly shard: number;
  readonly accountsMax: number;
  /** Uploads of which this is the home. */
  readonly uploadsMax: number;
  readonly hashKey: HashKey;
  readonly tally: ActorRef<TallyCommand>;
  /** Without it no events are written. */
  readonly isDurable: boolean;
}

export class LedgerShard implements DurableActor<LedgerCommand> {
  readonly #options: LedgerShardOptions;
  readonly #log: LedgerLog | undefined;
  readonly #ledger: Ledger;
  readonly #uploads: Uploads;
  /** The sessions that go on with uploads of which this is the home, by number. */
  readonly #claims = new Map<number, string>();
  /** What was refused since the last mark of uploads that come from other hosts, by number. */
  readonly #refused = new Map<number, number[]>();

  constructor(options: LedgerShardOptions) {
    this.#options = options;
    this.#uploads = new Uploads(options.shard);
    this.#log = options.isDurable ? new LedgerLog() : undefined;
    this.#ledger = new Ledger(options.accountsMax, options.hashKey, this.#log);
  }

  /** What its state amounts to; uploads are counted at their home. */
  get figures(): { readonly accounts: number; readonly transactions: number; readonly uploads: number } {
    const { accountCount: accounts, postingCount: transactions } = this.#ledger;
    return { accounts, transactions, uploads: this.#uploads.homeCount };
  }

  /** The direct call of a session in the same host, which counts what is refused. */
  post(view: DataView, start: number, length: number, hash: number, cents: number): PostingOutcome {
    return this.#ledger.post(view, start, length, hash, cents);
  }

  /** The mark of an upload, for a session in the same host; undefined if it is not known any more. */
  markOf(upload: number): number | undefined {
    return this.#uploads.get(upload)?.mark;
  }

  /** The lines `from` to `to` have all been posted. False if that does not join on to the mark. */
  mark(number: number, from: number, to: number): boolean {
    const upload = this.#uploads.get(number);
    if (upload === undefined || from > upload.mark + 1) return false;
    if (to > upload.mark) {
      this.#uploads.mark(upload, to);
      this.#log?.mark(number, to);
    }
    return true;
  }

  keepDiscards(number: number, discards: readonly number[]): void {
    const upload = this.#uploads.get(number);
    if (upload === undefined) return;
    for (const packed of discards) {
      this.#uploads.discard(upload, packed);
      this.#log?.discard(number, packed);
    }
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number, context: Context<LedgerCommand>): void {
    const { upload: number, firstLine } = headOfPostings(bytes, start);
    const upload = this.#uploads.get(number);
    if (number !== NO_UPLOAD && (upload === undefined || firstLine > upload.mark + 1)) return;
    const done = upload?.mark ?? 0;
    readPostings(bytes, start, end, (view, nameStart, length, hash, cents, index) => {
      const line = firstLine + index;
      if (upload !== undefined && line <= done) return POSTING.applied;
      const outcome = this.post(view, nameStart, length, hash, cents);
      if (outcome === POSTING.applied) return outcome;
      const reason = refusalOf(outcome);
      context.tell(this.#options.tally, { type: 'discarded', counts: { [reason]: 1 } });
      if (upload !== undefined) this.#refuse(upload, line * 16 + DISCARD_REASONS.indexOf(reason));
      return outcome;
    });
  }

  receive(command: LedgerCommand, context: Context<LedgerCommand>): undefined {
    switch (command.type) {
      case 'balances':
        context.reply(encodeBalances(this.#ledger));
        break;
      case 'applied':
        context.reply(this.#ledger.postingCount);
        break;
      case 'find-upload':
        context.reply(this.#find(command.id, command.claim, context));
        break;
      case 'open-upload':
        context.reply(this.#open(command.id, command.claim, context));
        break;
      case 'mark': {
        const { upload, from, to, session } = command;
        const isGap = !this.mark(upload, from, to);
        const { shard } = this.#options;
        const discards = this.#refused.get(upload) ?? [];
        this.#refused.delete(upload);
        const notice: UploadNotice = { type: 'marked', shard, line: to, isGap, discards };
        context.tell(context.refer<UploadNotice>(toAddress(session)), notice);
        break;
      }
      case 'release':
        if (this.#claims.get(command.upload) === command.session) this.#claims.delete(command.upload);
        break;
      case 'discards':
        this.keepDiscards(command.upload, command.discards);
        break;
      case 'forget-upload': {
        const upload = this.#uploads.find(command.id);
        if (upload !== undefined) this.#forget(upload);
      }
    }
  }

  takeFlat(): FlatEvents | undefined {
    return this.#log?.take();
  }

  applyFlat(bytes: Uint8Array, start: number, end: number): void {
    const ledger = this.#ledger;
    const uploads = this.#uploads;
    const known = (number: number) => uploads.get(number) as Upload;
    readEvents(bytes, start, end, {
      posting: (account, cents) => ledger.replayPosting(account, cents),
      openAccount: (view, nameStart, length) => ledger.replayOpen(view, nameStart, length),
      openUpload: (id) => uploads.open(Buffer.from(id).toString('latin1')),
      mark: (number, line) => uploads.mark(known(number), line),
      discard: (number, packed) => uploads.discard(known(number), packed),
      forgetUpload: (number) => uploads.forget(known(number)),
    });
  }

  snapshot(): Iterable<Uint8Array> {
    return encodeSnapshot({ ledger: this.#ledger.freeze(), uploads: this.#uploads.store() });
  }

  restore(pieces: readonly Uint8Array[]): void {
    const { ledger, uploads } = decodeSnapshot(pieces);
    this.#ledger.restore(ledger);
    this.#uploads.restore(uploads);
  }

  #find(id: string, claim: string | undefined, context: Context<LedgerCommand>): FoundUpload | null {
    const upload = this.#uploads.find(id);
    if (upload === undefined) return null;
    if (claim !== undefined) this.#claim(upload, claim, context);
    const { number, mark, discards } = upload;
    return { number, mark, discards: discards.slice(-DISCARDS_KEPT) };
  }

  #open(id: string, claim: string | undefined, context: Context<LedgerCommand>): FoundUpload {
    const upload = this.#uploads.open(id);
    this.#log?.openUpload(Buffer.from(id, 'latin1'));
    if (claim !== undefined) {
      this.#claim(upload, claim, context);
      this.#forgetOldest(context);
    }
    return { number: upload.number, mark: 0, discards: [] };
  }

  #claim({ number }: Upload, session: string, context: Context<LedgerCommand>): void {
    const before = this.#claims.get(number);
    this.#claims.set(number, session);
    if (before === undefined || before === session) return;
    context.tell(context.refer<UploadNotice>(toAddress(before)), { type: 'taken-over' });
  }

  /** The home decides for all shards. */
  #forgetOldest(context: Context<LedgerCommand>): void {
    const { oldestAtHome, homeCount } = this.#uploads;
    if (oldestAtHome === undefined || homeCount <= this.#options.uploadsMax) return;
    const { id } = oldestAtHome;
    this.#forget(oldestAtHome);
    for (const address of LEDGER_ADDRESSES) {
      if (address === context.self) continue;
      context.tell(context.refer<LedgerCommand>(address), { type: 'forget-upload', id });
    }
  }

  #refuse({ number }: Upload, packed: number): void {
    const refused = this.#refused.get(number);
    if (refused === undefined) this.#refused.set(number, [packed]);
    else refused.push(packed);
  }

  #forget(upload: Upload): void {
    this.#uploads.forget(upload);
    this.#claims.delete(upload.number);
    this.#refused.delete(upload.number);
    this.#log?.forgetUpload(upload.number);
  }
}
