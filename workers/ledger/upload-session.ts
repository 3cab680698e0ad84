/**
 * The side of a bank connection whose client wants to know what is durable: every line of its upload counts exactly
 * once, whatever breaks.
 *
 *     client    OUTCRY 1 ACK upload-id          the first line
 *     server    OK n                            the first n lines are durable; the client goes on with the next
 *               ERR n reason                    line n was discarded
 *               ERR 0 reason text               the upload as a whole: see REFUSALS
 *
 * Each shard knows up to which line it has seen to all that is its own. The upload is as far as the least of them. A
 * shard in this host is told in the same turn in which the OK is sent, and an OK leaves when its turn is stored; one in
 * another host answers when it has stored its part.
 *
 *     find, of all shards ──► open-others ──► open-home ──► taking      lost: the client is asked to say its first
 *               └──── the home knows it ────────────────────┘                 line again
 *
 * The home is opened last: an upload that it knows is known to all.
 */
import {
  DISCARD_REASONS,
  type FoundUpload,
  type LedgerCommand,
  type UploadNotice,
} from '../../src/protocol/bank.ts';
import type { Context } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import type { BankLines, PostingTarget } from './bank-lines.ts';
import { POSTING } from './ledger.ts';
import { LedgerShard } from './ledger-shard.ts';
import { NO_UPLOAD, PostingsWriter } from './postings.ts';
import { homeOf } from './uploads.ts';

const HEADER = /^OUTCRY (\d{1,9}) ACK(?:[ \t]+(.*?))?[ \t\r]*$/;
const HEADER_START = Buffer.from('OUTCRY ');
const UPLOAD_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** A first line longer than this is none. */
const HEADER_BYTES_MAX = 256;
const VERSION = 1;

/** What an OK is sent after, at the latest. */
const OK_BYTES = 64 * 1024;
const OK_DELAY_MS = 50;
const ASK_TIMEOUT_MS = 10_000;
/** Lines that come before the first OK are kept up to this. */
const EARLY_BYTES_MAX = 1024 * 1024;
const LF = 10;

/** What is said of an upload as a whole, by reason. */
export const REFUSALS = {
  retry: 'what was on its way was lost: say the first line again',
  store: 'nothing can be stored at the moment; stay, it goes on by itself',
  'taken-over': 'another connection goes on with this upload',
  'upload-id': 'an upload-id is 1 to 128 letters, digits, points, underscores and hyphens',
  version: `this server speaks version ${VERSION}`,
  early: 'lines came before the first OK, which says where to go on',
  forgotten: 'the server has forgotten this upload',
} as const;
export type Refusal = keyof typeof REFUSALS;

export interface UploadCommand {
  readonly type: 'answered';
  /** Answers to what an earlier first line has started, or an earlier round, are ignored. */
  readonly round: number;
  readonly shard: number;
  /** Null if the shard does not know the upload, undefined if it could not be asked. */
  readonly found: FoundUpload | null | undefined;
}

export type UploadMessage =
  | UploadCommand
  | UploadNotice
  | { readonly type: 'say-ok' }
  | { readonly type: 'shard-lost' };

type UploadContext = Context<UploadMessage>;

/** The upload that a connection's first line asks for; undefined if it is an ordinary line. */
export function findHeader(bytes: Uint8Array, start: number, end: number): Header | undefined {
  for (let i = 0; i < HEADER_START.length; i++) if (bytes[start + i] !== HEADER_START[i]) return undefined;
  const lineEnd = bytes.indexOf(LF, start);
  if (lineEnd < 0 || lineEnd >= end || lineEnd - start > HEADER_BYTES_MAX) return undefined;
  const line = Buffer.from(bytes.buffer, bytes.byteOffset + start, lineEnd - start).toString('latin1');
  const match = HEADER.exec(line);
  if (match === null) return undefined;
  return { version: Number(match[1]), id: match[2] ?? '', end: lineEnd + 1 };
}

export interface Header {
  readonly version: number;
  readonly id: string;
  /** Where the next line begins. */
  readonly end: number;
}

interface Shard {
  readonly ref: ActorRef<LedgerCommand>;
  number: number;
  /** Up to here it has answered that it is done. */
  confirmed: number;
  readonly writer: PostingsWriter;
}

export class UploadSession {
  readonly #lines: BankLines;
  readonly #tellDiscards: (context: Context<never>) => void;
  readonly #shards: readonly Shard[];
  #id = '';
  #state: 'find' | 'open-others' | 'open-home' | 'taking' | 'lost' = 'lost';
  #round = 0;
  /** Answers still to come in this round. */
  #awaited = 0;
  #home = 0;
  /** What the home knows of earlier discards. */
  #earlier: readonly number[] = [];
  /** Lines that have been taken, and up to which they have been acknowledged. */
  #taken = 0;
  #acknowledged = 0;
  #bytesSinceOk = 0;
  #isOkDue = false;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #hasEnded = false;

  /** `tellDiscards` has what the lines have discarded counted. */
  constructor(
    lines: BankLines,
    shards: readonly ActorRef<never>[],
    tellDiscards: (context: Context<never>) => void,
  ) {
    this.#lines = lines;
    this.#tellDiscards = tellDiscards;
    this.#shards = shards.map((ref) => ({
      ref: ref as ActorRef<LedgerCommand>,
      number: NO_UPLOAD,
      confirmed: 0,
      writer: new PostingsWriter(),
    }));
  }

  /** Its first line has come. */
  begin({ version, id }: Header, context: UploadContext): void {
    if (version !== VERSION) this.#refuse('version', context);
    else if (!UPLOAD_ID.test(id)) this.#refuse('upload-id', context);
    else {
      context.remember(id);
      for (const { ref } of this.#shards) {
        if (context.peer(ref) === undefined) context.watch(ref as ActorRef<never>, { type: 'shard-lost' });
      }
      this.#find(id, context);
    }
  }

  /** It takes the place of a session that was lost with its host. */
  resume(id: string, context: UploadContext): void {
    this.#id = id;
    this.#lose(context);
  }

  takeLines(bytes: Uint8Array, start: number, end: number, context: UploadContext): void {
    if (this.#state === 'taking') this.#take(bytes, start, end, context);
    else if (this.#state === 'lost') this.#awaitHeader(bytes, start, end, context);
    else {
      this.#earlyBytes += end - start;
      if (this.#earlyBytes > EARLY_BYTES_MAX) this.#refuse('early', context);
      else this.#early.push(bytes.subarray(start, end));
    }
  }

  receive(message: UploadMessage, context: UploadContext): void {
    switch (message.type) {
      case 'answered':
        if (message.round === this.#round) this.#onAnswer(message, context);
        break;
      case 'marked':
        this.#onMarked(message, context);
        break;
      case 'say-ok':
        this.#isOkDue = false;
        this.#sayOk(context);
        break;
      case 'shard-lost':
        if (this.#state !== 'lost') this.#lose(context);
        break;
      case 'taken-over':
        this.#refuse('taken-over', context);
    }
  }

  /** The client has sent all it had. */
  end(context: UploadContext): void {
    this.#hasEnded = true;
    this.#stopIfDone(context);
  }

  /** The connection is gone. */
  close(context: UploadContext): void {
    const { ref, number } = this.#shards[this.#home] as Shard;
    if (number !== NO_UPLOAD) context.tell(ref, { type: 'release', upload: number, session: context.self });
    context.stop();
  }

  storeFailed(context: UploadContext): void {
    if (this.#state !== 'lost') this.#say(`ERR 0 store ${REFUSALS.store}\n`, context);
  }

  #find(id: string, context: UploadContext): void {
    this.#id = id;
    this.#home = homeOf(id);
    this.#early = [];
    this.#earlyBytes = 0;
    this.#ask('find', { type: 'find-upload', id }, () => true, context);
  }

  /** Asks those shards for which `isAsked`; the home with a claim, so that an older connection gives way. */
  #ask(
    state: 'find' | 'open-others' | 'open-home',
    command: LedgerCommand & { type: 'find-upload' | 'open-upload' },
    isAsked: (shard: number) => boolean,
    context: UploadContext,
  ): void {
    this.#state = state;
    const round = ++this.#round;
    this.#shards.forEach(({ ref }, shard) => {
      if (!isAsked(shard)) return;
      this.#awaited++;
      const asked = shard === this.#home ? { ...command, claim: context.self } : command;
      context.ask<LedgerCommand, FoundUpload | null>(ref, asked, ASK_TIMEOUT_MS, (answer) => ({
        type: 'answered',
        round,
        shard,
        found: answer.ok ? answer.value : undefined,
      }));
    });
  }

  #onAnswer({ shard, found }: UploadCommand, context: UploadContext): void {
    if (found === undefined) {
      this.#lose(context);
      return;
    }
    const { number, mark, discards } = found ?? { number: NO_UPLOAD, mark: 0, discards: [] };
    Object.assign(this.#shards[shard] as Shard, { number, confirmed: mark });
    if (shard === this.#home) this.#earlier = discards;
    if (--this.#awaited > 0) return;
    const id = this.#id;
    const isHomeKnown = this.#shards[this.#home]?.number !== NO_UPLOAD;
    if (this.#state === 'find' && !isHomeKnown) {
      this.#ask('open-others', { type: 'open-upload', id }, (each) => each !== this.#home, context);
    } else if (this.#state === 'open-others') {
      this.#ask('open-home', { type: 'open-upload', id }, (each) => each === this.#home, context);
    } else if (this.#shards.some((each) => each.number === NO_UPLOAD)) this.#refuse('forgotten', context);
    else this.#startTaking(context);
  }

  #startTaking(context: UploadContext): void {
    this.#state = 'taking';
    this.#taken = this.#confirmed;
    this.#acknowledged = -1;
    if (this.#taken > 0 && this.#early.length > 0) {
      this.#refuse('early', context);
      return;
    }
    this.#sayOk(context);
    this.#sayDiscards(
      this.#earlier.filter((packed) => lineOf(packed) <= this.#taken),
      context,
    );
    for (const bytes of this.#early.splice(0)) this.#take(bytes, 0, bytes.length, context);
    this.#stopIfDone(context);
  }

  /** Up to here every shard is done. */
  get #confirmed(): number {
    return Math.min(...this.#shards.map(({ confirmed }) => confirmed));
  }

  #take(bytes: Uint8Array, start: number, end: number, context: UploadContext): void {
    const from = this.#taken + 1;
    const peers = this.#shards.map(({ ref }) => peerOf(ref, context));
    const targets = this.#shards.map(({ number, writer }, i) => targetFor(peers[i], number, from) ?? writer);
    const discards: number[] = [];
    const count = this.#lines.take(bytes, start, end, targets, (index, reason) => {
      discards.push(pack(from + index, DISCARD_REASONS.indexOf(reason)));
    });
    this.#taken += count;
    this.#tellDiscards(context);
    this.#tellShards(from, peers, discards, context);
    if (this.#state !== 'taking') return;
    this.#sayDiscards(discards, context);
    this.#bytesSinceOk += end - start;
    this.#oweOk(context);
  }

  /** Lets every shard know that it has all of its lines up to the last one taken. */
  #tellShards(
    from: number,
    peers: readonly (LedgerShard | undefined)[],
    discards: readonly number[],
    context: UploadContext,
  ): void {
    const to = this.#taken;
    for (const [i, shard] of this.#shards.entries()) {
      const { ref, number, writer } = shard;
      const peer = peers[i];
      const isHome = i === this.#home;
      // Before the mark: what is at or below it has been kept already.
      const kept = isHome ? discards.filter((packed) => lineOf(packed) > shard.confirmed) : [];
      if (peer !== undefined) {
        peer.keepDiscards(number, kept);
        if (!peer.mark(number, from, to)) {
          this.#lose(context);
          return;
        }
        shard.confirmed = Math.max(shard.confirmed, to);
        continue;
      }
      const postings = writer.take(number, from);
      if (postings !== undefined) context.tellBytes(ref as ActorRef<never>, postings, 0, postings.length);
      if (kept.length > 0) context.tell(ref, { type: 'discards', upload: number, discards: kept });
      context.tell(ref, { type: 'mark', upload: number, from, to, session: context.self });
    }
  }

  #onMarked(
    { shard, line, isGap, discards }: UploadNotice & { type: 'marked' },
    context: UploadContext,
  ): void {
    if (this.#state !== 'taking') return;
    if (isGap) {
      this.#lose(context);
      return;
    }
    const marked = this.#shards[shard] as Shard;
    marked.confirmed = Math.max(marked.confirmed, line);
    this.#sayDiscards(discards, context);
    const home = this.#shards[this.#home] as Shard;
    if (discards.length > 0) {
      context.tell(home.ref, { type: 'discards', upload: home.number, discards });
    }
    this.#oweOk(context);
    this.#stopIfDone(context);
  }

  /** Says it now if it is time, and soon if not. */
  #oweOk(context: UploadContext): void {
    if (this.#confirmed === this.#acknowledged) return;
    if (this.#bytesSinceOk >= OK_BYTES) this.#sayOk(context);
    else if (!this.#isOkDue) {
      this.#isOkDue = true;
      context.startTimer('ok', OK_DELAY_MS, { type: 'say-ok' });
    }
  }

  #sayOk(context: UploadContext): void {
    const confirmed = this.#confirmed;
    if (this.#state !== 'taking' || confirmed === this.#acknowledged) return;
    this.#acknowledged = confirmed;
    this.#bytesSinceOk = 0;
    this.#say(`OK ${confirmed}\n`, context);
  }

  #sayDiscards(discards: readonly number[], context: UploadContext): void {
    if (discards.length === 0) return;
    const lines = discards.map((packed) => `ERR ${lineOf(packed)} ${reasonOf(packed)}\n`);
    this.#say(lines.join(''), context);
  }

  #say(text: string, context: UploadContext): void {
    const bytes = Buffer.from(text, 'latin1');
    context.send(bytes, 0, bytes.length);
  }

  #stopIfDone(context: UploadContext): void {
    if (!this.#hasEnded) return;
    const isWaiting = this.#state === 'taking' ? this.#confirmed < this.#taken : this.#state !== 'lost';
    if (isWaiting) return;
    this.#sayOk(context);
    this.close(context);
  }

  #refuse(reason: Refusal, context: UploadContext): void {
    this.#say(`ERR 0 ${reason} ${REFUSALS[reason]}\n`, context);
    this.close(context);
  }

  /** Something that was on its way is lost; what comes until the client has heard of it is not taken. */
  #lose(context: UploadContext): void {
    this.#state = 'lost';
    this.#round++;
    this.#awaited = 0;
    for (const { writer } of this.#shards) writer.take();
    this.#say(`ERR 0 retry ${REFUSALS.retry}\n`, context);
    this.#stopIfDone(context);
  }

  /** Looks for the first line, said again; what comes before it is dropped. */
  #awaitHeader(bytes: Uint8Array, start: number, end: number, context: UploadContext): void {
    for (let at = start; at < end; at = bytes.indexOf(LF, at) + 1) {
      const header = findHeader(bytes, at, end);
      if (header?.id !== this.#id) continue;
      this.#find(this.#id, context);
      if (header.end < end) this.takeLines(bytes, header.end, end, context);
      return;
    }
  }
}

function peerOf(ref: ActorRef<LedgerCommand>, context: UploadContext): LedgerShard | undefined {
  const peer = context.peer(ref as ActorRef<never>);
  return peer instanceof LedgerShard ? peer : undefined;
}

/** Where the lines from `from` on go in a shard of this host: those that it has seen to already are skipped. */
function targetFor(shard: LedgerShard | undefined, upload: number, from: number): PostingTarget | undefined {
  const mark = shard?.markOf(upload) ?? 0;
  if (shard === undefined || mark < from) return shard;
  return {
    post: (view, start, length, hash, cents, line) =>
      from + line <= mark ? POSTING.applied : shard.post(view, start, length, hash, cents),
  };
}

function pack(line: number, reason: number): number {
  return line * 16 + reason;
}

function lineOf(packed: number): number {
  return Math.floor(packed / 16);
}

function reasonOf(packed: number): string {
  return DISCARD_REASONS[packed % 16] ?? 'unknown';
}
