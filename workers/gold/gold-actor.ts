/**
 * The store of gold rates: it has them fetched, answers what they were, and tells who watches. Sources are asked by a job
 * of the main thread, one refresh at a time; so are the files of days written, which are copies of what is here.
 */
import { Packr } from 'msgpackr';
import { DESK_ADDRESS, type DeskAnswers, type DeskCommand } from '../../src/protocol/desk.ts';
import type {
  GoldAnswers,
  GoldCommand,
  GoldNotice,
  ProviderName,
  RefreshOrder,
  RefreshOutcome,
  SourceState,
  WriteDayOrder,
} from '../../src/protocol/gold.ts';
import { goldDateOf } from '../../src/protocol/gold-dates.ts';
import type { GoldSettings } from '../../src/protocol/host-task.ts';
import type { Address } from '../../src/values/address.ts';
import { formatSpan } from '../../src/values/readable.ts';
import type { Answer, Context, DurableActor } from '../runtime/actor.ts';
import { type FrozenDay, type GoldEvent, type Now, Rates } from './rates.ts';
import { Tries } from './tries.ts';

type GoldMessage =
  | GoldCommand
  | { readonly type: 'begin' }
  | { readonly type: 'due' }
  | { readonly type: 'fetched'; readonly answer: Answer<RefreshOutcome> }
  | {
      readonly type: 'written';
      readonly date: string;
      readonly answer: Answer<DeskAnswers['write-gold-day']>;
    }
  | { readonly type: 'write' }
  | { readonly type: 'gone'; readonly session: Address };

type GoldContext = Context<GoldMessage>;

/** The refresh that is on its way. */
interface Refreshing {
  readonly sources: readonly ProviderName[];
  readonly beganMs: number;
  readonly timeMs: number;
}

/** What the source of the latest rates has said of them: only that one is asked whether they have changed. */
interface Remembered {
  readonly state: SourceState;
  /** On another day rates of the same text may be of another day. */
  readonly date: string;
}

const packr = new Packr({ useRecords: false });

const BEGIN = 'begin';
const DUE = 'due';
const WRITE = 'write';
/** For each source that is asked: more than the job takes for it. */
const SOURCE_TIMEOUT_MS = 15_000;
const WRITE_TIMEOUT_MS = 60_000;
const WRITE_AGAIN_MS = 60_000;
/** Rows in one piece of a snapshot, which then stays below a megabyte. */
const PIECE_ROWS = 2000;

export class GoldActor implements DurableActor<GoldMessage, GoldEvent> {
  readonly #rates = new Rates();
  readonly #settings: GoldSettings;
  readonly #tries: Tries;
  readonly #watchers = new Set<Address>();
  #refreshing: Refreshing | undefined;
  #remembered: Remembered | undefined;
  /** The last try has failed, or none has succeeded since the start. */
  #isFailing = true;
  /** Days whose files are to be written. */
  readonly #unwritten = new Set<string>();
  #isWriting = false;
  #isWriteFailing = false;

  constructor(settings: GoldSettings) {
    this.#settings = settings;
    this.#tries = new Tries(settings.sources, settings.refreshMs);
  }

  get figures(): Readonly<Record<string, number>> {
    return this.#rates.figures;
  }

  /** The date is known in the first turn only. */
  started(context: GoldContext): void {
    context.startTimer(BEGIN, 0, { type: 'begin' });
  }

  receive(message: GoldMessage, context: GoldContext): readonly GoldEvent[] | undefined {
    switch (message.type) {
      case 'begin':
        this.#writeLater(this.#rates.latestDate, context);
        this.#onDue(context);
        return undefined;
      case 'due':
        this.#onDue(context);
        return undefined;
      case 'refresh':
        context.reply(null satisfies GoldAnswers['refresh']);
        this.#refresh(context);
        return undefined;
      case 'fetched':
        return this.#onFetched(message.answer, context);
      case 'import':
        return this.#onImport(message, context);
      case 'write':
        this.#writeNext(context);
        return undefined;
      case 'written':
        this.#onWritten(message, context);
        return undefined;
      case 'watch':
        this.#watch(message.session, context);
        context.reply(null satisfies GoldAnswers['watch']);
        return undefined;
      case 'unwatch':
        this.#watchers.delete(message.session);
        context.reply(null satisfies GoldAnswers['unwatch']);
        return undefined;
      case 'gone':
        this.#watchers.delete(message.session);
        return undefined;
      default:
        context.reply(this.#answer(message, { timeMs: context.timeMs, isFailing: this.#isFailing }));
        return undefined;
    }
  }

  apply(event: GoldEvent): void {
    this.#rates.apply(event);
  }

  snapshot(): Iterable<Uint8Array> {
    return piecesOf(this.#rates.freeze());
  }

  restore(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.#rates.restore(packr.unpack(piece) as FrozenDay[]);
  }

  #answer(
    command: GoldCommand & { readonly type: 'look-up' | 'range' | 'latest' | 'types' | 'dates' },
    now: Now,
  ): GoldAnswers[typeof command.type] {
    switch (command.type) {
      case 'look-up':
        return this.#rates.lookUp(command.date, command.wanted, now);
      case 'range':
        return this.#rates.range(command, now);
      case 'latest':
        return this.#rates.latest(command.wanted, now);
      case 'types':
        return this.#rates.types(command.date);
      case 'dates':
        return this.#rates.dates(command.limit);
    }
  }

  #onDue(context: GoldContext): void {
    if (this.#settings.sources.length === 0) return;
    context.startTimer(DUE, this.#settings.refreshMs, { type: 'due' });
    this.#refresh(context);
  }

  #refresh(context: GoldContext): void {
    const { nowMs: beganMs, timeMs } = context;
    const sources = this.#tries.due(beganMs);
    if (this.#refreshing !== undefined || sources.length === 0) return;
    this.#refreshing = { sources, beganMs, timeMs };
    const lastMedian = this.#rates.comparableMedian(timeMs);
    const order: RefreshOrder = {
      type: 'refresh-gold',
      sources: sources.map((name) => this.#stateOf(name, goldDateOf(timeMs))),
      timeMs,
      ...(lastMedian === undefined ? {} : { lastMedian }),
    };
    context.ask<DeskCommand, RefreshOutcome>(
      context.refer(DESK_ADDRESS),
      order,
      SOURCE_TIMEOUT_MS * sources.length,
      (answer) => ({ type: 'fetched', answer }),
    );
  }

  #stateOf(name: ProviderName, date: string): SourceState {
    const remembered = this.#remembered;
    return remembered?.state.name === name && remembered.date === date ? remembered.state : { name };
  }

  #onFetched(answer: Answer<RefreshOutcome>, context: GoldContext): readonly GoldEvent[] | undefined {
    const { sources, beganMs, timeMs } = this.#refreshing as Refreshing;
    this.#refreshing = undefined;
    const { refused, taken } = answer.ok
      ? answer.value
      : { refused: sources.map((source) => ({ source, reason: answer.error.message })) };
    for (const { source, reason } of refused) this.#logRefusal(source, reason, beganMs, context);
    this.#isFailing = taken === undefined;
    if (taken === undefined) {
      context.log('warn', `gold: no source could be used; ${this.#ageText(context)}`);
      return undefined;
    }
    this.#tries.succeed(taken.source);
    const { source, isUnchanged, refresh, dropped, ...state } = taken;
    const rows = refresh?.rows.length ?? this.#rates.latestRows;
    const fields = { source, rows, ...(dropped === 0 ? {} : { dropped }) };
    context.log('info', '~SERVER~ Database is up-to-date', fields);
    if (refresh === undefined) return this.#rates.confirm(source, timeMs);
    this.#remembered = { state: { name: source, ...state }, date: goldDateOf(timeMs) };
    const notice = this.#rates.changesOf(refresh);
    if (notice !== undefined) this.#tellWatchers(notice, context);
    const events = this.#rates.decide(refresh);
    if (events.some(({ type }) => type === 'refreshed')) this.#writeLater(refresh.date, context);
    return events;
  }

  #onImport(
    { refreshes }: GoldCommand & { readonly type: 'import' },
    context: GoldContext,
  ): readonly GoldEvent[] {
    const imported = new Map<string, GoldEvent>();
    let rows = 0;
    for (const refresh of refreshes) {
      const name = `${refresh.date} ${refresh.timeMs}`;
      if (imported.has(name)) continue;
      for (const event of this.#rates.decideImport(refresh)) {
        imported.set(name, event);
        rows += refresh.rows.length;
        this.#writeLater(refresh.date, context);
      }
    }
    const known = refreshes.length - imported.size;
    context.reply({ refreshes: imported.size, rows, known } satisfies GoldAnswers['import']);
    return [...imported.values()];
  }

  #watch(session: Address, context: GoldContext): void {
    if (this.#watchers.has(session)) return;
    this.#watchers.add(session);
    context.watch(context.refer(session), { type: 'gone', session });
  }

  #tellWatchers(notice: GoldNotice, context: GoldContext): void {
    for (const session of this.#watchers) context.tell(context.refer<GoldNotice>(session), notice);
  }

  #logRefusal(source: ProviderName, reason: string, triedMs: number, context: GoldContext): void {
    const times = this.#tries.refuse(source, reason, triedMs);
    if (times === undefined) return;
    const count = times === 1 ? '' : ` (${times} times)`;
    context.log('warn', `gold: ${source} was refused: ${reason}${count}`);
  }

  #ageText({ timeMs }: GoldContext): string {
    const { confirmedMs } = this.#rates;
    if (confirmedMs === undefined) return 'there are no rates yet';
    return `the rates are ${formatSpan(timeMs - confirmedMs)} old`;
  }

  /** Behind this turn, when what it has decided is part of the day. */
  #writeLater(date: string | undefined, context: GoldContext): void {
    if (date === undefined) return;
    this.#unwritten.add(date);
    context.startTimer(WRITE, 0, { type: 'write' });
  }

  #writeNext(context: GoldContext): void {
    const [date] = this.#unwritten;
    if (this.#isWriting || date === undefined) return;
    this.#unwritten.delete(date);
    this.#isWriting = true;
    const order: WriteDayOrder = {
      type: 'write-gold-day',
      date,
      refreshes: this.#rates.refreshesOf(date),
    };
    context.ask<DeskCommand, DeskAnswers['write-gold-day']>(
      context.refer(DESK_ADDRESS),
      order,
      WRITE_TIMEOUT_MS,
      (answer) => ({ type: 'written', date, answer }),
    );
  }

  #onWritten({ date, answer }: GoldMessage & { readonly type: 'written' }, context: GoldContext): void {
    this.#isWriting = false;
    if (answer.ok) {
      this.#isWriteFailing = false;
      this.#writeNext(context);
      return;
    }
    if (!this.#isWriteFailing) {
      context.log('warn', `gold: the file of ${date} is not written: ${answer.error.message}`);
    }
    this.#isWriteFailing = true;
    this.#unwritten.add(date);
    context.startTimer(WRITE, WRITE_AGAIN_MS, { type: 'write' });
  }
}

function* piecesOf(days: readonly FrozenDay[]): Iterable<Uint8Array> {
  let piece: FrozenDay[] = [];
  let rows = 0;
  for (const day of days) {
    piece.push(day);
    rows += day.refreshes.reduce((sum, refresh) => sum + refresh.rows.length, 0);
    if (rows < PIECE_ROWS) continue;
    yield packr.pack(piece);
    [piece, rows] = [[], 0];
  }
  if (piece.length > 0) yield packr.pack(piece);
}
