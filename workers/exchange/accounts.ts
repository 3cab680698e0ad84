/** All trading accounts of a venue, by number and by name. A number is free again when its account is closed. */
import { GROUPS, SELF_TRADE_MODES, type TraderSettings } from '../../src/protocol/venue.ts';
import type { OpenedAccount } from './exchange-log.ts';
import type { SelfTradeCode } from './order-book.ts';
import type { Orders } from './orders.ts';
import type { RecoveredAccount } from './recovery.ts';
import { SequencedStream, type StreamMemory } from './sequenced-stream.ts';
import { TradingAccount } from './trading-account.ts';
import { type AccountRules, groupIndexOf } from './validate.ts';
import { textNumber } from './wire-text.ts';

const RAW_RULES: AccountRules = {
  groups: (1 << GROUPS.length) - 1,
  firms: undefined,
  valueMax: 0,
  ordersPerSecond: 0,
  selfTrade: SELF_TRADE_MODES.indexOf('cancel-newest') as SelfTradeCode,
};
/** Of a trader that the settings have no more. */
const NO_RULES: AccountRules = { ...RAW_RULES, groups: 0 };
/** Owners that have a name are numbered down from here; all others are their own account, numbered from 0. */
const FIRST_OWNER = -2;
const TENTHS = 10;

export class Accounts {
  /** By number. */
  readonly list: (TradingAccount | undefined)[] = [];
  /** Those that are open. */
  count = 0;
  readonly #orders: Orders;
  readonly #memory: StreamMemory;
  readonly #traders: ReadonlyMap<string, TraderSettings>;
  /** Names of owners; the first is FIRST_OWNER. */
  readonly #owners: readonly string[];
  readonly #byName = new Map<string, TradingAccount>();

  constructor(traders: readonly TraderSettings[], orders: Orders, memory: StreamMemory) {
    this.#orders = orders;
    this.#memory = memory;
    this.#traders = new Map(traders.map((trader) => [trader.user, trader]));
    this.#owners = [...new Set(traders.map(({ owner }) => owner))].filter((owner) => owner !== '');
  }

  get all(): TradingAccount[] {
    return this.list.filter((account) => account !== undefined);
  }

  /** As the settings have it. */
  traderOf(user: string): TraderSettings | undefined {
    return this.#traders.get(user);
  }

  find(user: string): TradingAccount | undefined {
    return this.#byName.get(user);
  }

  get(number: number): TradingAccount {
    const account = this.list[number];
    if (account === undefined) throw new RangeError(`no account has the number ${number}`);
    return account;
  }

  /** A number for a new account. */
  freeNumber(): number {
    if (this.count === this.list.length) return this.count;
    return this.list.indexOf(undefined);
  }

  open({ account: number, name, form, isRaw }: OpenedAccount, stream = this.newStream()): TradingAccount {
    const account = new TradingAccount(number, name, isRaw, form, this.#rulesOf(name, isRaw), stream);
    // No holes: they would not be found.
    while (this.list.length < number) this.list.push(undefined);
    this.list[number] = account;
    this.count++;
    if (!isRaw) this.#byName.set(name, account);
    this.#orders.setOwner(number, this.#ownerOf(account));
    return account;
  }

  /** Goes on with an account as it was stored. */
  restore({ number, name, form, isRaw, takesPart, lastToken, stream }: RecoveredAccount): void {
    const account = this.open({ account: number, name, form, isRaw }, stream);
    account.lastToken = lastToken;
    account.isPart = takesPart;
  }

  close({ number, name, isRaw, stream }: TradingAccount): void {
    stream.clear();
    this.list[number] = undefined;
    this.count--;
    if (!isRaw) this.#byName.delete(name);
  }

  newStream(): SequencedStream {
    return new SequencedStream(this.#memory);
  }

  #rulesOf(name: string, isRaw: boolean): AccountRules {
    if (isRaw) return RAW_RULES;
    const trader = this.#traders.get(name);
    return trader === undefined ? NO_RULES : toRules(trader);
  }

  #ownerOf({ number, name, isRaw }: TradingAccount): number {
    const index = isRaw ? -1 : this.#owners.indexOf(this.#traders.get(name)?.owner ?? '');
    return index === -1 ? number : FIRST_OWNER - index;
  }
}

function toRules({ groups, firms, orderValueMax, ordersPerSecond, selfTrade }: TraderSettings): AccountRules {
  return {
    groups: groups.reduce((bits, group) => bits | (1 << groupIndexOf(textNumber(group))), 0),
    firms: new Set(firms),
    valueMax: orderValueMax * TENTHS,
    ordersPerSecond,
    selfTrade: SELF_TRADE_MODES.indexOf(selfTrade) as SelfTradeCode,
  };
}
