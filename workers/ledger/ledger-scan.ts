/** Walks over the events of a ledger shard and checks that each is possible, without doing it. */
import { messageOf } from '../../src/values/errors.ts';
import { checkKey } from './keys.ts';
import { EVENT, KIND_BITS, KIND_MASK, readFurther } from './ledger-log.ts';

export class LedgerScan {
  /** Accounts that are open; infinite if that is not known. */
  accounts: number;
  /** Events and postings in what was taken last. */
  events = 0;
  postings = 0;

  constructor(accounts: number) {
    this.accounts = accounts;
  }

  /** `bytes` from `start` to `end` are whole events; throws a RangeError. */
  take(bytes: Uint8Array, start: number, end: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.events = 0;
    this.postings = 0;
    let at = start;
    while (at < end) {
      const head = view.getInt32(at, true);
      const number = head >>> KIND_BITS;
      switch (head & KIND_MASK) {
        case EVENT.posting:
          if (number >= this.accounts) this.#failAccount(number);
          this.postings++;
          at += 8;
          break;
        case EVENT.widePosting:
          if (number >= this.accounts) this.#failAccount(number);
          this.postings++;
          at += 12;
          break;
        case EVENT.openAccount:
          this.accounts++;
          at += 4 + ((number + 3) & ~3);
          break;
        case EVENT.openUpload:
          at += 4 + ((number + 3) & ~3);
          break;
        case EVENT.mark:
        case EVENT.discard:
          at += 12;
          break;
        case EVENT.forgetUpload:
          at += 4;
          break;
        default:
          at = this.#takeFurther(bytes, view, at);
      }
      this.events++;
    }
    if (at !== end) throw new RangeError('the last of them has no end');
  }

  #takeFurther(bytes: Uint8Array, view: DataView, at: number): number {
    try {
      return readFurther(bytes, view, at, { key: checkKey });
    } catch (error) {
      throw new RangeError(`event ${this.events + 1} of them: ${messageOf(error)}`, { cause: error });
    }
  }

  #failAccount(account: number): never {
    throw new RangeError(
      `event ${this.events + 1} of them is of account ${account}, but there are ${this.accounts}`,
    );
  }
}
