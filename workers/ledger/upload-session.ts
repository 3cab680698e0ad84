/**
 * The side of a bank connection whose client wants to know what is durable: every line of its upload counts exactly
 * once, whatever breaks.
 *
 *     client    OUTCRY 1 ACK upload-id          the first line
 *     server    OK n                            the first n lines are durable; the client goes on with the next
 *               ERR n reason                    line n was discarded; before the OK that includes it
 *               ERR 0 reason text               the upload as a whole: see REFUSALS
 *
 * Each shard knows up to which line it has seen to all that is its own. The upload is as far as the least of them. A
 * shard in this host is told in the same turn in which the OK is sent, and an OK leaves when its turn is stored; one in
 * another host answers when it has stored its part.
 *
 *     open-home ──► open-others ──► taking            lost: the client is asked to say its first line again
 *
 * The home is asked first, and gives the upload a number that no other upload ever has. The others know it by its id and
 * that number (`partNameOf`), so that whoever opens it finds the same one, however late its message comes, and what is
 * left of one that was forgotten is never taken for one of the same id.
 */
import type { FoundUpload, LedgerCommand, UploadNotice } from '../../src/protocol/bank.ts';
import type { Context } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import type { BankLines, PostingTarget } from './bank-lines.ts';
import { POSTING } from './ledger.ts';
import { LedgerShard } from './ledger-shard.ts';
import { PostingsWriter } from './postings.ts';
import { DISCARDS_KEPT, homeOf, lineOfDiscard, packDiscard, partNameOf, reasonOfDiscard } from './uploads.ts';

/** A first line that begins so is meant as one of these, since no posting does. */
const ATTEMPT = /^OUTCRY[ \t]+\d/;
const HEADER = /^OUTCRY[ \t]+(\d+)[ \t]+ACK(?:[ \t]+(.*?))?[ \t\r]*$/;
const HEADER_START = Buffer.from('OUTCRY ');
const UPLOAD_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** A longer first line is judged by so much of it. */
const HEADER_BYTES_MAX = 256;
const VERSION = 1;

/** What an OK is sent after, at the latest. */
const OK_BYTES = 64 * 1024;
const OK_DELAY_MS = 50;
const ASK_TIMEOUT_MS = 10_000;
/** Lines that come before the first OK are kept up to this. */
const EARLY_BYTES_MAX = 1024 * 1024;
const LF = 10;
/** In place of the number of an upload that is not open. */
const NO_UPLOAD = -1;
/** In place of the mark of one that a shard does not know. */
const NOT_KNOWN = -1;

/** What is said of an upload as a whole, by reason. */
export const REFUSALS = {
  retry: 'what was on its way was lost: say the first line again',
  store: 'nothing can be stored at the moment; stay, it goes on by itself',
  'taken-over': 'another connection goes on with this upload',
  'upload-id': 'an upload-id is 1 to 128 letters, digits, points, underscores and hyphens',
  version: `this server speaks version ${VERSION}`,
  'first-line': 'the first line of an upload is: OUTCRY 1 ACK upload-id',
  early: 'lines came before the first OK, which says where to go on',
} as const;
export type Refusal = keyof typeof REFUSALS;

export interface UploadCommand {
  readonly type: 'answered';
  /** Answers to what an earlier first line has started, or an earlier round, are ignored. */
  readonly round: number;
  readonly shard: number;
  /** Undefined if the shard could not be asked. */
  readonly found: FoundUpload | undefined;
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
  if (lineEnd < 0 || lineEnd >= end) return undefined;
  const length = Math.min(lineEnd - start, HEADER_BYTES_MAX);
  const line = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1');
  if (!ATTEMPT.test(line)) return undefined;
  const [, version, id = ''] = HEADER.exec(line) ?? [];
  return { version: version === undefined ? undefined : Number(version), id, end: lineEnd + 1 };
}

export interface Header {
  /** Undefined if the line only begins like a header. */
  readonly version: number | undefined;
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
  #state: 'open-home' | 'open-others' | 'taking' | 'lost' = 'lost';
  #round = 0;
  /** Answers still to come in this round. */
  #awaited = 0;
  #home = 0;
  /** Discards of which the shards have told at the opening, of lines that are not taken yet. */
  #earlier: number[] = [];
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

  /** Its first line has come; false if it is refused, and nothing that follows it counts. */
  begin(header: Header, context: UploadContext): boolean {
    const refusal = reasonToRefuse(header);
    if (refusal !== undefined) {
      this.#refuse(refusal, context);
      return false;
    }
    context.remember(header.id);
    this.#open(header.id, context);
    return true;
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
    // Also when it has only taken the place of one that was lost: that may have had a claim.
    if (this.#id !== '') {
      const home = this.#shards[homeOf(this.#id)] as Shard;
      context.tell(home.ref, { type: 'release', id: this.#id, session: context.self });
    }
    context.stop();
  }

  storeFailed(context: UploadContext): void {
    if (this.#state !== 'lost') this.#say(`ERR 0 store ${REFUSALS.store}\n`, context);
  }

  #open(id: string, context: UploadContext): void {
    this.#id = id;
    this.#home = homeOf(id);
    this.#early = [];
    this.#earlyBytes = 0;
    this.#earlier = [];
    this.#round++;
    this.#watchShards(context);
    this.#state = 'open-home';
    // With a claim, so that an older connection gives way.
    this.#ask(this.#home, { type: 'open-upload', id, claim: context.self }, context);
  }

  /** Each time anew: a watch has ended when its notice has come. */
  #watchShards(context: UploadContext): void {
    for (const { ref } of this.#shards) {
      const actor = ref as ActorRef<never>;
      if (context.peer(actor) === undefined) context.watch(actor, { type: 'shard-lost' });
    }
  }

  #openOthers(context: UploadContext): void {
    this.#state = 'open-others';
    const { number } = this.#shards[this.#home] as Shard;
    const id = partNameOf(this.#id, number);
    this.#shards.forEach((_, shard) => {
      if (shard !== this.#home) this.#ask(shard, { type: 'open-upload', id }, context);
    });
  }

  #ask(shard: number, command: LedgerCommand & { type: 'open-upload' }, context: UploadContext): void {
    const { ref } = this.#shards[shard] as Shard;
    const round = this.#round;
    this.#awaited++;
    context.ask<LedgerCommand, FoundUpload>(ref, command, ASK_TIMEOUT_MS, (answer) => ({
      type: 'answered',
      round,
      shard,
      found: answer.ok ? answer.value : undefined,
    }));
  }

  #onAnswer({ shard, found }: UploadCommand, context: UploadContext): void {
    if (found === undefined) {
      this.#lose(context);
      return;
    }
    const { number, mark, discards } = found;
    Object.assign(this.#shards[shard] as Shard, { number, confirmed: mark });
    this.#earlier.push(...discards);
    if (--this.#awaited > 0) return;
    if (this.#state === 'open-home') this.#openOthers(context);
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
    // Ahead of the OK: if that is the last one, a client that has it needs nothing more.
    this.#sayDiscards(this.#takeEarlier(), context);
    this.#sayOk(context);
    for (const bytes of this.#early.splice(0)) this.takeLines(bytes, 0, bytes.length, context);
    this.#stopIfDone(context);
  }

  /** Removes and returns what shards have told of the lines taken by now, in order: the last ones, each once. */
  #takeEarlier(): number[] {
    if (this.#earlier.length === 0) return [];
    const isTaken = (packed: number) => lineOfDiscard(packed) <= this.#taken;
    const taken = this.#earlier.filter(isTaken);
    this.#earlier = this.#earlier.filter((packed) => !isTaken(packed));
    return [...new Set(taken)].sort((a, b) => a - b).slice(-DISCARDS_KEPT);
  }

  /** Up to here every shard is done. */
  get #confirmed(): number {
    return Math.min(...this.#shards.map(({ confirmed }) => confirmed));
  }

  #take(bytes: Uint8Array, start: number, end: number, context: UploadContext): void {
    const from = this.#taken + 1;
    const peers = this.#shards.map(({ ref }) => peerOf(ref, context));
    const marks = peers.map(
      (peer, i) => peer && (peer.markOf((this.#shards[i] as Shard).number) ?? NOT_KNOWN),
    );
    // A shard that has forgotten the upload would take lines that it does not mark.
    if (marks.some((mark) => mark !== undefined && mark < from - 1)) {
      this.#lose(context);
      return;
    }
    const targets = this.#shards.map(({ writer }, i) => targetFor(peers[i], marks[i], from) ?? writer);
    const discards = this.#shards.map((): number[] => []);
    const count = this.#lines.take(bytes, start, end, targets, (index, reason, shard = this.#home) => {
      discards[shard]?.push(packDiscard(from + index, reason));
    });
    this.#taken += count;
    context.countFrames(count);
    this.#tellDiscards(context);
    const refusedBefore = this.#refusedBefore(from, peers, marks);
    this.#tellShards(from, peers, discards, context);
    this.#sayDiscards([...this.#takeEarlier(), ...refusedBefore, ...discards.flat()], context);
    this.#bytesSinceOk += end - start;
    this.#oweOk(context);
  }

  /** What another session has had refused, since the opening, of the lines that have just been skipped. */
  #refusedBefore(
    from: number,
    peers: readonly (LedgerShard | undefined)[],
    marks: readonly (number | undefined)[],
  ): number[] {
    if (marks.every((mark) => mark === undefined || mark < from)) return [];
    return this.#shards.flatMap(({ number }, i) => peers[i]?.refusedBetween(number, from, this.#taken) ?? []);
  }

  /**
   * Lets every shard know that it has all of its lines up to the last one taken, and what it is to keep of them, in the
   * same turn or the same message as the lines: what is stored is all of it or nothing.
   */
  #tellShards(
    from: number,
    peers: readonly (LedgerShard | undefined)[],
    discards: readonly (readonly number[])[],
    context: UploadContext,
  ): void {
    const to = this.#taken;
    for (const [i, shard] of this.#shards.entries()) {
      const { ref, number, writer } = shard;
      const peer = peers[i];
      const toKeep = discards[i] ?? [];
      if (peer !== undefined) {
        peer.mark(number, to, toKeep);
        shard.confirmed = Math.max(shard.confirmed, to);
        continue;
      }
      const part = writer.takePart({ upload: number, firstLine: from, lastLine: to, discards: toKeep });
      context.tellBytes(ref as ActorRef<never>, part, 0, part.length);
      context.tell(ref, { type: 'say-mark', upload: number, from, to, session: context.self });
    }
  }

  #onMarked(notice: UploadNotice & { type: 'marked' }, context: UploadContext): void {
    const marked = this.#shards[notice.shard] as Shard;
    if (this.#state !== 'taking' || notice.upload !== marked.number) return;
    if (notice.isGap) {
      this.#lose(context);
      return;
    }
    marked.confirmed = Math.max(marked.confirmed, notice.line);
    this.#sayDiscards(notice.discards, context);
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
    const lines = discards.map((packed) => `ERR ${lineOfDiscard(packed)} ${reasonOfDiscard(packed)}\n`);
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
    for (const { writer } of this.#shards) writer.clear();
    this.#say(`ERR 0 retry ${REFUSALS.retry}\n`, context);
    this.#stopIfDone(context);
  }

  /** Looks for the first line, said again; what comes before it is dropped. */
  #awaitHeader(bytes: Uint8Array, start: number, end: number, context: UploadContext): void {
    for (let at = start; at < end; at = bytes.indexOf(LF, at) + 1) {
      const header = findHeader(bytes, at, end);
      if (header?.id !== this.#id) continue;
      this.#open(this.#id, context);
      if (header.end < end) this.takeLines(bytes, header.end, end, context);
      return;
    }
  }
}

function reasonToRefuse({ version, id }: Header): Refusal | undefined {
  if (version === undefined) return 'first-line';
  if (version !== VERSION) return 'version';
  return UPLOAD_ID.test(id) ? undefined : 'upload-id';
}

function peerOf(ref: ActorRef<LedgerCommand>, context: UploadContext): LedgerShard | undefined {
  const peer = context.peer(ref as ActorRef<never>);
  return peer instanceof LedgerShard ? peer : undefined;
}

/** Where the lines from `from` on go in a shard of this host: those that it has seen to already are skipped. */
function targetFor(
  shard: LedgerShard | undefined,
  mark: number | undefined,
  from: number,
): PostingTarget | undefined {
  if (shard === undefined || mark === undefined || mark < from) return shard;
  return {
    post: (view, start, length, hash, cents, line) =>
      from + line <= mark ? POSTING.applied : shard.post(view, start, length, hash, cents),
  };
}
