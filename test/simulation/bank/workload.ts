/** What the clients of a simulated server send, and what must become of it. */
import { DISCARD_REASONS, type DiscardReason, type PostOutcome } from '../../../src/protocol/bank.ts';
import { MINOR_UNITS_MAX } from '../../../src/values/money.ts';
import { shardOfName } from '../../../workers/ledger/bank-lines.ts';
import type { Random } from '../../../workers/runtime/random.ts';
import { BankModel, readLine } from '../../support/bank-model.ts';

export const LINE_LENGTH_MAX = 120;

const JUNK = [
  '',
  ' \t',
  'nobody',
  'nobody credit',
  'nobody transfer $5.00',
  'nobody credit five',
  `${'n'.repeat(70)} credit $1`,
  'nobody credit $99999999999999999999',
  'x'.repeat(LINE_LENGTH_MAX + 1),
  'y'.repeat(3 * LINE_LENGTH_MAX),
];
const MOST = '$90071992547409.91';
const SHARED_ACCOUNTS = 6;

/** One upload: accounts of its own, whose order of lines can be seen, and accounts that it shares with the others. */
export class UploadPlan {
  readonly id: string;
  readonly text: Buffer;
  /** Where each line begins, and where the last one ends. */
  readonly starts: readonly number[];
  /** Reason by line, from 1. */
  readonly discards = new Map<number, DiscardReason>();
  /** For each account of its own its balance after each line, from line 0; undefined while it is not open. */
  readonly own = new Map<string, (number | undefined)[]>();
  /** What it adds to each shared account. */
  readonly shared = new Map<string, number>();
  readonly applied: number;

  constructor(id: string, lines: readonly string[]) {
    this.id = id;
    this.text = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
    let at = 0;
    this.starts = [0, ...lines.map((line) => (at += line.length + 1))];
    this.applied = this.#read(lines);
  }

  get lineCount(): number {
    return this.starts.length - 1;
  }

  #read(lines: readonly string[]): number {
    const model = new BankModel(LINE_LENGTH_MAX);
    for (const [index, line] of lines.entries()) {
      const before = model.applied;
      const known = new Set(Object.entries(model.discards).map(([reason, count]) => `${reason} ${count}`));
      model.take(line);
      if (model.applied === before) this.discards.set(index + 1, newReason(model, known));
      this.#note(model, index + 1);
    }
    for (const [name, balance] of model.balances) {
      if (!name.startsWith(this.id)) this.shared.set(name, Number(balance));
    }
    return model.applied;
  }

  #note({ balances }: BankModel, line: number): void {
    for (const [name, balance] of balances) {
      if (!name.startsWith(this.id)) continue;
      const history = this.own.get(name) ?? new Array<number | undefined>(line).fill(undefined);
      history[line] = Number(balance);
      this.own.set(name, history);
    }
  }
}

function newReason({ discards }: BankModel, known: ReadonlySet<string>): DiscardReason {
  const reason = DISCARD_REASONS.find(
    (each) => discards[each] !== undefined && !known.has(`${each} ${discards[each]}`),
  );
  if (reason === undefined) throw new Error('the model has discarded a line without a reason');
  return reason;
}

export function drawUpload(random: Random, id: string): UploadPlan {
  const count = 1 + random.below(random.chance(0.3) ? 200 : 60);
  const junk = random.pick([0, 0.02, 0.3]);
  return new UploadPlan(
    id,
    Array.from({ length: count }, () => (random.chance(junk) ? random.pick(JUNK) : drawLine(random, id))),
  );
}

function drawLine(random: Random, id: string): string {
  const type = random.pick(['credit', 'debit']);
  if (random.chance(0.3)) return `common-${random.below(SHARED_ACCOUNTS)} ${type} $${random.below(1000)}.25`;
  const name = `${id}-${random.below(12)}`;
  return `${name} ${type} ${random.chance(0.1) ? MOST : `$${random.below(100_000)}.${10 + random.below(90)}`}`;
}

/** Lines without an upload: each opens an account of its own, so that it can be seen what became of it. */
export class PlainPlan {
  readonly text: Buffer;
  /** Cents by account. */
  readonly accounts = new Map<string, number>();

  constructor(random: Random, name: string) {
    const lines = Array.from({ length: 1 + random.below(60) }, (_, i) => {
      const line = `${name}-${i} credit $${1000 + random.below(9000)}.${10 + random.below(90)}`;
      const posting = readLine(line, LINE_LENGTH_MAX);
      if (typeof posting === 'string') throw new Error(`${line}: ${posting}`);
      this.accounts.set(posting.name, Number(posting.cents));
      return line;
    });
    this.text = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
  }
}

/** One of a plan's requests. */
export interface PlannedRequest {
  readonly key: string;
  readonly transactions: readonly (readonly [account: string, cents: number])[];
  /** The shards that it concerns. */
  readonly shards: ReadonlySet<number>;
  readonly outcome: PostOutcome;
}

/** Requests to accounts of its own and to those that all share; some come again later, some with another content. */
export class RequestPlan {
  readonly id: string;
  readonly requests: readonly PlannedRequest[];
  /** Those of them that post anything: under each key the first. */
  readonly posting: PlannedRequest[] = [];
  /** For each account of its own its balance after so many of those; undefined while it is not open. */
  readonly own = new Map<string, (number | undefined)[]>();
  /** What it adds to each shared account. */
  readonly shared = new Map<string, number>();
  applied = 0;
  readonly #model = new BankModel();

  constructor(random: Random, id: string) {
    this.id = id;
    this.requests = Array.from({ length: 1 + random.below(25) }, () => this.#draw(random));
    for (const [name, balance] of this.#model.balances) {
      if (!name.startsWith(id)) this.shared.set(name, Number(balance));
    }
  }

  #draw(random: Random): PlannedRequest {
    if (this.posting.length > 0 && random.chance(0.3)) {
      const earlier = random.pick(this.posting);
      return random.chance(0.7) ? earlier : withOtherContent(earlier);
    }
    const transactions = Array.from({ length: 1 + random.below(8) }, () => this.#drawTransaction(random));
    const request: PlannedRequest = {
      key: `${this.id} ${this.posting.length}`,
      transactions,
      shards: new Set(transactions.map(([name]) => shardOfName(Buffer.from(name)))),
      outcome: this.#post(transactions),
    };
    this.posting.push(request);
    this.#note();
    return request;
  }

  #drawTransaction(random: Random): [string, number] {
    if (random.chance(0.2)) return [`common-${random.below(SHARED_ACCOUNTS)}`, random.below(100_000)];
    const name = `${this.id}-${random.below(10)}`;
    const cents = random.chance(0.2) ? MINOR_UNITS_MAX : random.below(1_000_000);
    return [name, random.chance(0.5) ? cents : -cents];
  }

  #post(transactions: PlannedRequest['transactions']): PostOutcome {
    const isRefused = transactions.map(([name, cents]) => !this.#model.post(name, BigInt(cents)));
    const refused = isRefused.flatMap((is, index) => (is ? [[index, 'balance-out-of-range'] as const] : []));
    this.applied += transactions.length - refused.length;
    return { type: 'posted', refused };
  }

  #note(): void {
    const { length } = this.posting;
    for (const [name, balance] of this.#model.balances) {
      if (!name.startsWith(this.id)) continue;
      const history = this.own.get(name) ?? new Array<number | undefined>(length).fill(undefined);
      history[length] = Number(balance);
      this.own.set(name, history);
    }
  }
}

function withOtherContent(request: PlannedRequest): PlannedRequest {
  const transactions = request.transactions.map(
    ([name, cents]) => [name, cents > 0 ? cents - 1 : cents + 1] as const,
  );
  return { ...request, transactions, outcome: { type: 'key-conflict' } };
}
