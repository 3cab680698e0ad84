/** The operations of gold: the store of rates answers all of them. */
import { GOLD_REFRESH, type GoldImport, type OperationName } from '../../src/protocol/api/operations.ts';
import {
  type Found,
  type GoldAnswer,
  type GoldAnswers,
  type GoldCommand,
  type GoldRefresh,
  type Missing,
  RATES_ADDRESS,
} from '../../src/protocol/gold.ts';
import { toAddress } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import type { Call, Handlers, Sink } from './call.ts';
import { GoldSource } from './gold-source.ts';

type GoldOperation = Extract<OperationName, `gold.${string}`>;

const RANGE_LIMIT = 366;
/** Of all days of a range: so many fit into a frame. */
const RANGE_ROWS_MAX = 2000;
const DATES_LIMIT = 100;
/** Refreshes of an import that a client may send ahead. */
const REFRESHES_AHEAD = 8;

export function goldOperations(): Handlers<GoldOperation> {
  return {
    'gold.look-up': (call) => {
      const { date, type } = call.params;
      ask(call, { type: 'look-up', date, wanted: type }, (found) =>
        replyFound(call, found, { date, wanted: type }),
      );
    },
    'gold.range': (call) => {
      const { from, to, type, limit = RANGE_LIMIT } = call.params;
      ask(call, { type: 'range', from, to, wanted: type, limit }, (found) => {
        if ('missing' in found) call.fail(missingError(found, { date: `${from}..${to}`, wanted: type }));
        else call.reply({ days: inOneFrame(found.days), total: found.total });
      });
    },
    'gold.types': (call) => {
      const { date } = call.params;
      const command = { type: 'types', ...(date === undefined ? {} : { date }) } as const;
      ask(call, command, (types) => call.reply(types));
    },
    'gold.dates': (call) => {
      const { limit = DATES_LIMIT } = call.params;
      ask(call, { type: 'dates', limit }, (dates) => call.reply(dates));
    },
    'gold.latest': (call) => {
      const { type } = call.params;
      const wanted = type === undefined ? {} : { wanted: type };
      ask(call, { type: 'latest', ...wanted }, (found) => replyFound(call, found, wanted));
    },
    'gold.watch': watch,
    'gold.import': (call) => {
      call.openUpload(null, new RefreshSink(call));
      call.allow(REFRESHES_AHEAD);
    },
  };
}

/** At least the first day. */
function inOneFrame(days: readonly GoldAnswer[]): readonly GoldAnswer[] {
  let rows = 0;
  const end = days.findIndex((day, i) => {
    rows += day.rows.length;
    return i > 0 && rows > RANGE_ROWS_MAX;
  });
  return end === -1 ? days : days.slice(0, end);
}

/** The store knows the session, not its streams: it is told when the first one is there, and when the last one is gone. */
function watch(call: Call<'gold.watch'>): void {
  const { session } = call;
  const tellRates = (type: 'watch' | 'unwatch') => {
    const command: GoldCommand = { type, session: toAddress(session.self) };
    session.tell(session.refer<GoldCommand>(RATES_ADDRESS), command);
  };
  const source = new GoldSource(call, () => {
    if (session.callsOf('gold.watch').length <= 1) tellRates('unwatch');
  });
  session.failWhenLost(call.id, RATES_ADDRESS);
  // Ahead of the answer: a client may want no more before it is open.
  call.source = source;
  tellRates('watch');
  ask(call, { type: 'latest' }, (found) => source.open('missing' in found ? null : found));
}

/** Hands on what the client sends; what is there already does no harm, so each part is stored by itself. */
class RefreshSink implements Sink {
  readonly #call: Call<'gold.import'>;
  #count = 0;
  #waiting: GoldRefresh[] = [];
  #isAsking = false;
  #hasEnded = false;
  #sum: GoldImport = { refreshes: 0, rows: 0, known: 0 };

  constructor(call: Call<'gold.import'>) {
    this.#call = call;
  }

  take(items: readonly unknown[]): void {
    try {
      for (const item of items) this.#waiting.push(GOLD_REFRESH(item, `gold.import[${this.#count++}]`));
    } catch (error) {
      if (!(error instanceof OutcryError)) throw error;
      this.#call.fail(error);
      return;
    }
    this.#handOn();
  }

  finish(): void {
    this.#hasEnded = true;
    this.#handOn();
  }

  /** What was handed on stays. */
  cancel(): void {
    this.#waiting = [];
  }

  #handOn(): void {
    if (this.#isAsking) return;
    const refreshes = this.#waiting.splice(0);
    if (refreshes.length === 0) {
      if (this.#hasEnded) this.#call.reply(this.#sum);
      return;
    }
    this.#isAsking = true;
    ask(this.#call, { type: 'import', refreshes }, (taken) => {
      this.#isAsking = false;
      const { refreshes: count, rows, known } = this.#sum;
      this.#sum = {
        refreshes: count + taken.refreshes,
        rows: rows + taken.rows,
        known: known + taken.known,
      };
      this.#call.allow(refreshes.length);
      this.#handOn();
    });
  }
}

function ask<T extends keyof GoldAnswers>(
  call: Call<never> | Call,
  command: GoldCommand & { readonly type: T },
  then: (answer: GoldAnswers[T]) => void,
): void {
  call.ask<GoldAnswers[T]>(RATES_ADDRESS, command, then);
}

interface Asked {
  readonly date?: string;
  readonly wanted?: string;
}

function replyFound(call: Call<'gold.look-up' | 'gold.latest'>, found: Found, asked: Asked): void {
  if ('missing' in found) call.fail(missingError(found, asked));
  else call.reply(found satisfies GoldAnswer);
}

function missingError({ missing, nearest }: Missing, { date, wanted = '' }: Asked): OutcryError {
  const fields = nearest === null ? {} : { fields: { nearest } };
  const when = date === undefined ? '' : ` of ${date}`;
  if (missing === 'date') {
    const hint = nearest === null ? '' : `; the nearest date is ${nearest}`;
    return new OutcryError('ERR_GOLD_DATE', `there are no rates${when}${hint}`, fields);
  }
  const hint = nearest === null ? '' : `; did you mean ${nearest}?`;
  const message = `there are no rates${when} of the type ${printable(wanted)}${hint}`;
  return new OutcryError('ERR_GOLD_TYPE', message, fields);
}
