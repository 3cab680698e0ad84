/** The operations of the bank: its ledger shards post and answer, the main thread has statements made. */
import type { RefusalTuple, StatementReply } from '../../src/protocol/api/operations.ts';
import {
  LEDGER_ADDRESSES,
  LEDGER_SHARDS,
  type LedgerCommand,
  type LedgerCursor,
  type LedgerFigures,
  type PostOutcome,
  type SomeBalances,
} from '../../src/protocol/bank.ts';
import { DESK_ADDRESS, type DeskCommand } from '../../src/protocol/desk.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { type ApiPostings, accountBytes } from '../ledger/api-postings.ts';
import { decodeBalances } from '../ledger/balances.ts';
import { shardOfName } from '../ledger/bank-lines.ts';
import { fingerprintOfAll } from '../ledger/keys.ts';
import { homeOf } from '../ledger/uploads.ts';
import type { Call, Handlers, Source } from './call.ts';

type BankOperation = 'bank.post' | 'bank.balance' | 'bank.balances' | 'bank.statement';

/** Accounts in one frame. */
const PAGE_ACCOUNTS = 1000;
const FIRST_ACCOUNT: LedgerCursor = { account: 0, word: 0 };

export function bankOperations(postings: ApiPostings): Handlers<BankOperation> {
  return {
    'bank.post': (call) => post(call, postings),
    'bank.balance': (call) => {
      const name = accountBytes(call.params.account);
      const address = LEDGER_ADDRESSES[shardOfName(name)] as string;
      const command: LedgerCommand = { type: 'balance', name };
      call.ask<number | null>(address, command, (cents) => call.reply({ cents }));
    },
    'bank.balances': (call) => {
      let accounts = 0;
      askAll<LedgerFigures>(call, { type: 'figures' }, (figures) => {
        for (const shard of figures) accounts += shard.accounts;
        call.openDownload({ accounts }, new Balances(call));
      });
    },
    'bank.statement': (call) => {
      const { account, last, at } = call.params;
      const command: DeskCommand = {
        type: 'statement',
        name: accountBytes(account),
        ...(last === undefined ? {} : { last }),
        ...(at === undefined ? {} : { at }),
      };
      call.ask<StatementReply>(DESK_ADDRESS, command, (statement) => call.reply(statement));
    },
  };
}

/** What a request has for each shard. */
type Parts = readonly (Uint8Array | undefined)[];

/** A key stands for one request: its home says so before anything is posted under it. */
function post(call: Call<'bank.post'>, postings: ApiPostings): void {
  const parts = postings.take(call.takeParams().transactions);
  const { key } = call;
  if (key === undefined) {
    postParts(call, parts);
    return;
  }
  const command: LedgerCommand = { type: 'claim-key', key, fingerprint: fingerprintOfAll(parts) };
  askLedger(call, homeOf(key), command, () => postParts(call, parts));
}

/** Each shard takes its part, and remembers the key with it: what is sent again is posted where it was not. */
function postParts(call: Call<'bank.post'>, parts: Parts): void {
  const { key } = call;
  const refused: RefusalTuple[] = [];
  let awaited = parts.filter((part) => part !== undefined).length;
  if (awaited === 0) call.reply({ refused });
  parts.forEach((part, shard) => {
    if (part === undefined) return;
    const command: LedgerCommand = { type: 'post', postings: part, ...(key === undefined ? {} : { key }) };
    askLedger(call, shard, command, (ofShard) => {
      refused.push(...ofShard);
      if (--awaited === 0) call.reply({ refused: refused.sort(([a], [b]) => a - b) });
    });
  });
}

/** `then` gets what the shard has refused; a conflict ends the call. */
function askLedger(
  call: Call<'bank.post'>,
  shard: number,
  command: LedgerCommand,
  then: (refused: readonly RefusalTuple[]) => void,
): void {
  call.ask<PostOutcome>(LEDGER_ADDRESSES[shard] as string, command, (outcome) => {
    if (outcome.type === 'posted') then(outcome.refused);
    else call.fail(new OutcryError('ERR_API_KEY', `the key ${call.key} was used for other transactions`));
  });
}

/** Asks all shards; `then` gets their replies by shard. */
function askAll<Reply>(call: Call, command: LedgerCommand, then: (replies: readonly Reply[]) => void): void {
  const replies: Reply[] = [];
  let awaited = LEDGER_SHARDS;
  LEDGER_ADDRESSES.forEach((address, shard) => {
    call.ask<Reply>(address, command, (reply) => {
      replies[shard] = reply;
      if (--awaited === 0) then(replies);
    });
  });
}

/** The accounts of one shard after the other, each as it is when its turn comes; nothing is kept between two of them. */
class Balances implements Source {
  readonly #call: Call<'bank.balances'>;
  #shard = 0;
  #next = FIRST_ACCOUNT;
  #isAsking = false;

  constructor(call: Call<'bank.balances'>) {
    this.#call = call;
  }

  pull(credit: number): void {
    if (this.#isAsking) return;
    const address = LEDGER_ADDRESSES[this.#shard];
    if (address === undefined) this.#call.end();
    else this.#ask(address, Math.min(credit, PAGE_ACCOUNTS));
  }

  #ask(address: string, accounts: number): void {
    this.#isAsking = true;
    const command: LedgerCommand = { type: 'some-balances', from: this.#next, accounts };
    this.#call.ask<SomeBalances>(address, command, ({ balances, next }) => {
      this.#isAsking = false;
      const page = decodeBalances(balances);
      this.#next = next;
      if (page.length < accounts) {
        this.#shard++;
        this.#next = FIRST_ACCOUNT;
      }
      this.#call.push(page);
      this.#call.pullAgain();
    });
  }
}
