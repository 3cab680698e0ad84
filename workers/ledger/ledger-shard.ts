/**
 * The actor that owns one sixteenth of the accounts, and knows how far each upload has come among them. Sessions in its
 * host call it directly; those of other hosts send it postings as bytes. Requests of the api ask it, wherever they are;
 * their keys are stored together with their postings.
 *
 * A line of an upload counts once: lines up to the upload's mark are skipped, and what does not join on to the mark is
 * not taken, since something was lost on the way. So lines and their mark are one message and are stored together:
 * between the two another session of the same upload, or a crash, would find lines without a mark.
 */
import {
  DISCARD_REASONS,
  type DiscardReason,
  type FoundUpload,
  LEDGER_ADDRESSES,
  type LedgerCommand,
  type LedgerFigures,
  type PostOutcome,
  REQUEST_TRANSACTIONS_MAX,
  type TallyCommand,
  type UploadNotice,
} from '../../src/protocol/bank.ts';
import { toAddress } from '../../src/values/address.ts';
import type { Context, DurableActor } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import type { FlatEvents } from '../runtime/journal.ts';
import { encodeBalances, encodeSome } from './balances.ts';
import type { HashKey } from './half-sip-hash.ts';
import { claimOf, fingerprintOf, Keys, type RememberedKey } from './keys.ts';
import { hashName, Ledger, POSTING, type PostingOutcome, refusalOf, viewOf } from './ledger.ts';
import { LedgerLog, readEvents } from './ledger-log.ts';
import { decodeSnapshot, encodeSnapshot } from './ledger-snapshot.ts';
import { partIn, readPostings } from './postings.ts';
import {
  DISCARDS_KEPT,
  isRefusal,
  lineOfDiscard,
  packDiscard,
  partNameOf,
  type Upload,
  Uploads,
} from './uploads.ts';

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

type ShardContext = Context<LedgerCommand>;

export class LedgerShard implements DurableActor<LedgerCommand> {
  readonly #options: LedgerShardOptions;
  readonly #log: LedgerLog | undefined;
  readonly #ledger: Ledger;
  readonly #uploads = new Uploads();
  readonly #keys = new Keys();
  /** The sessions that go on with uploads of which this is the home, by number. */
  readonly #claims = new Map<number, string>();

  constructor(options: LedgerShardOptions) {
    this.#options = options;
    this.#log = options.isDurable ? new LedgerLog() : undefined;
    this.#ledger = new Ledger(options.accountsMax, options.hashKey, this.#log);
  }

  /** What its state amounts to. */
  get figures(): LedgerFigures {
    const { accountCount: accounts, postingCount: transactions } = this.#ledger;
    return { accounts, transactions, uploads: this.#uploads.homeCount, keys: this.#keys.count };
  }

  /** The direct call of a session in the same host, which counts what is refused. */
  post(view: DataView, start: number, length: number, hash: number, cents: number): PostingOutcome {
    return this.#ledger.post(view, start, length, hash, cents);
  }

  /** The mark of an upload, for a session in the same host; undefined if it is not known any more. */
  markOf(upload: number): number | undefined {
    return this.#uploads.get(upload)?.mark;
  }

  /** The lines up to `line`, which join on to the mark, have all been posted; `discards` are those of them to be kept. */
  mark(number: number, line: number, discards: readonly number[]): void {
    const upload = this.#uploads.get(number);
    if (upload === undefined || line <= upload.mark) return;
    for (const packed of discards) {
      // What is at or below the mark was kept when it was set.
      if (lineOfDiscard(packed) > upload.mark) this.#keep(upload, packed);
    }
    this.#uploads.mark(upload, line);
    this.#log?.mark(number, line);
  }

  /** What was refused of the lines `from` to `to`, whoever has posted them, as far as it is kept. */
  refusedBetween(number: number, from: number, to: number): number[] {
    const discards = this.#uploads.get(number)?.discards ?? [];
    return discards.filter((packed) => {
      const line = lineOfDiscard(packed);
      return line >= from && line <= to && isRefusal(packed);
    });
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number, context: ShardContext): void {
    const part = partIn(bytes, start);
    if (part === undefined) {
      readPostings(bytes, start, end, (view, nameStart, length, hash, cents) =>
        this.#postFromAfar(view, nameStart, length, hash, cents, context),
      );
      return;
    }
    const { upload: number, firstLine, lastLine, discards } = part;
    const mark = this.markOf(number);
    // Something that was to come before is lost; whoever has sent this finds out when it asks for the mark.
    if (mark === undefined || firstLine > mark + 1) return;
    const refused: number[] = [];
    readPostings(bytes, start, end, (view, nameStart, length, hash, cents, index) => {
      const line = firstLine + index;
      if (line <= mark) return POSTING.applied;
      const outcome = this.#postFromAfar(view, nameStart, length, hash, cents, context);
      if (outcome !== POSTING.applied) refused.push(packDiscard(line, refusalOf(outcome)));
      return outcome;
    });
    this.mark(number, lastLine, [...discards, ...refused]);
  }

  receive(command: LedgerCommand, context: ShardContext): undefined {
    switch (command.type) {
      case 'balances':
        context.reply(encodeBalances(this.#ledger));
        break;
      case 'some-balances':
        context.reply(encodeSome(this.#ledger, command.from, command.accounts));
        break;
      case 'figures':
        context.reply(this.figures);
        break;
      case 'balance':
        context.reply(this.#balanceOf(command.name) ?? null);
        break;
      case 'claim-key':
        context.reply(this.#claimKey(command));
        break;
      case 'post':
        context.reply(this.#postRequest(command));
        break;
      case 'open-upload':
        context.reply(this.#open(command.id, command.claim, context));
        break;
      case 'say-mark':
        this.#sayMark(command, context);
        break;
      case 'release':
        this.#release(command.id, command.session);
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
      key: (key) => this.#keys.add(key),
    });
  }

  snapshot(): Iterable<Uint8Array> {
    const [ledger, uploads, keys] = [this.#ledger.freeze(), this.#uploads.store(), this.#keys.store()];
    return encodeSnapshot({ ledger, uploads, keys });
  }

  restore(pieces: readonly Uint8Array[]): void {
    const { ledger, uploads, keys } = decodeSnapshot(pieces);
    this.#ledger.restore(ledger);
    this.#uploads.restore(uploads);
    this.#keys.restore(keys);
  }

  #balanceOf(name: Uint8Array): number | undefined {
    const view = viewOf(name);
    return this.#ledger.balanceOf(view, 0, name.length, hashName(view, 0, name.length));
  }

  #claimKey({ key, fingerprint }: LedgerCommand & { type: 'claim-key' }): PostOutcome {
    const claim = claimOf(key);
    const known = this.#keys.find(claim);
    if (known === undefined) this.#remember({ key: claim, fingerprint, refused: [] });
    else if (known.fingerprint !== fingerprint) return { type: 'key-conflict' };
    return outcomeOf([]);
  }

  #postRequest({ key, postings }: LedgerCommand & { type: 'post' }): PostOutcome {
    if (key === undefined) return outcomeOf(this.#postAll(postings));
    const fingerprint = fingerprintOf(postings);
    const known = this.#keys.find(key);
    if (known !== undefined) {
      return known.fingerprint === fingerprint ? outcomeOf(known.refused) : { type: 'key-conflict' };
    }
    const refused = this.#postAll(postings).slice(0, REQUEST_TRANSACTIONS_MAX);
    this.#remember({ key, fingerprint, refused });
    return outcomeOf(refused);
  }

  #remember(key: RememberedKey): void {
    this.#keys.add(key);
    this.#log?.key(key);
  }

  /** Returns what was refused, packed, with the index of its transaction for a line. */
  #postAll(postings: Uint8Array): number[] {
    const refused: number[] = [];
    readPostings(postings, 0, postings.length, (view, start, length, hash, cents, index) => {
      const outcome = this.post(view, start, length, hash, cents);
      if (outcome !== POSTING.applied) refused.push(packDiscard(index, refusalOf(outcome)));
      return outcome;
    });
    return refused;
  }

  #open(id: string, claim: string | undefined, context: ShardContext): FoundUpload {
    const known = this.#uploads.find(id);
    const upload = known ?? this.#uploads.open(id);
    if (known === undefined) this.#log?.openUpload(Buffer.from(id, 'latin1'));
    if (claim !== undefined) this.#claim(upload, claim, context);
    if (known === undefined) this.#forgetOldest(context);
    const { number, mark, discards } = upload;
    return { number, mark, discards: discards.slice(-DISCARDS_KEPT) };
  }

  /** The newest connection goes on, in whatever order the claims come: an older one may be gone for long. */
  #claim({ number }: Upload, session: string, context: ShardContext): void {
    const before = this.#claims.get(number);
    if (before === session) return;
    const isNewest = before === undefined || connectionOf(session) > connectionOf(before);
    if (isNewest) this.#claims.set(number, session);
    const loser = isNewest ? before : session;
    if (loser !== undefined)
      context.tell(context.refer<UploadNotice>(toAddress(loser)), { type: 'taken-over' });
  }

  #keep(upload: Upload, packed: number): void {
    this.#uploads.discard(upload, packed);
    this.#log?.discard(upload.number, packed);
  }

  #release(id: string, session: string): void {
    const upload = this.#uploads.find(id);
    if (upload !== undefined && this.#claims.get(upload.number) === session)
      this.#claims.delete(upload.number);
  }

  /** The home decides for all shards. One that a session goes on with is not forgotten: two could do that in turns. */
  #forgetOldest(context: ShardContext): void {
    while (this.#uploads.homeCount > this.#options.uploadsMax) {
      const oldest = this.#uploads.oldestAtHome(({ number }) => !this.#claims.has(number));
      if (oldest === undefined) return;
      this.#forgetEverywhere(oldest, context);
    }
  }

  #forgetEverywhere(upload: Upload, context: ShardContext): void {
    const id = partNameOf(upload.id, upload.number);
    this.#forget(upload);
    for (const address of LEDGER_ADDRESSES) {
      if (address === context.self) continue;
      context.tell(context.refer<LedgerCommand>(address), { type: 'forget-upload', id });
    }
  }

  #sayMark({ upload, from, to, session }: LedgerCommand & { type: 'say-mark' }, context: ShardContext): void {
    const isGap = (this.markOf(upload) ?? -1) < to;
    const discards = this.refusedBetween(upload, from, to);
    const { shard } = this.#options;
    const notice: UploadNotice = { type: 'marked', shard, upload, line: to, isGap, discards };
    context.tell(context.refer<UploadNotice>(toAddress(session)), notice);
  }

  /** A posting of a session in another host, which can not count what is refused. */
  #postFromAfar(
    view: DataView,
    start: number,
    length: number,
    hash: number,
    cents: number,
    context: ShardContext,
  ): PostingOutcome {
    const outcome = this.post(view, start, length, hash, cents);
    if (outcome !== POSTING.applied) {
      context.tell(this.#options.tally, { type: 'discarded', counts: { [refusalOf(outcome)]: 1 } });
    }
    return outcome;
  }

  #forget(upload: Upload): void {
    this.#uploads.forget(upload);
    this.#claims.delete(upload.number);
    this.#log?.forgetUpload(upload.number);
  }
}

function outcomeOf(refused: readonly number[]): PostOutcome {
  return {
    type: 'posted',
    refused: refused.map((packed) => [lineOfDiscard(packed), DISCARD_REASONS[packed % 16] as DiscardReason]),
  };
}

/** The number of a session's connection: the newer, the higher. */
function connectionOf(session: string): number {
  return Number(session.slice(session.lastIndexOf('/') + 1));
}
