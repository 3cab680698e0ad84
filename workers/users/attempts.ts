/** Who must wait before the next attempt: by name, by address, and for making accounts. Pure. */
import { formatCount } from '../../src/values/readable.ts';
import { Throttle } from './throttle.ts';

const KEYS_MAX = 65_536;
const FIRST_MS = 1000;
/** Short, and soon forgotten: nobody is kept out for long by what others try under the name. */
const NAMES = { firstMs: FIRST_MS, mostMs: 30_000, forgetMs: 15 * 60_000, keysMax: KEYS_MAX };
const ADDRESSES = { firstMs: FIRST_MS, mostMs: 60_000, forgetMs: 3_600_000, keysMax: KEYS_MAX };
const ACCOUNTS_FREE = 20;

export interface AttemptLimits {
  readonly nameFailuresMax: number;
  readonly addressFailuresMax: number;
}

/** Who tries: the key of the name, whether anybody has it or not, and that of the address. */
export interface Attempter {
  readonly name: string;
  readonly address: string;
}

/** For the attempts of one name from one address, apart from what all others try under the name. */
function pairOf({ name, address }: Attempter): string {
  return `${name} ${address}`;
}

export class Attempts {
  /** By names, and by pairs where the user is known. */
  readonly #names: Throttle;
  readonly #addresses: Throttle;
  /** Accounts that were made. */
  readonly #accounts = new Throttle({ ...ADDRESSES, free: ACCOUNTS_FREE });
  /** Pairs of which the right password has come, the latest last: nobody else's failures keep them waiting. */
  readonly #known = new Set<string>();
  #refused = 0;
  #refusedAddresses = new Set<string>();

  constructor({ nameFailuresMax, addressFailuresMax }: AttemptLimits) {
    this.#names = new Throttle({ ...NAMES, free: nameFailuresMax });
    this.#addresses = new Throttle({ ...ADDRESSES, free: addressFailuresMax });
  }

  /** Names and addresses whose attempts are counted. */
  get size(): number {
    return this.#names.size + this.#addresses.size + this.#accounts.size;
  }

  /** Who has an account was here. */
  know(who: Attempter): void {
    const pair = pairOf(who);
    this.#known.delete(pair);
    this.#known.add(pair);
    const [oldest] = this.#known;
    if (this.#known.size > KEYS_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Sign-ins. */
  waitMs(who: Attempter, nowMs: number): number {
    return Math.max(this.#names.waitMs(this.#keyOf(who), nowMs), this.#addresses.waitMs(who.address, nowMs));
  }

  begin(who: Attempter, nowMs: number): void {
    this.#names.begin(this.#keyOf(who), nowMs);
    this.#addresses.begin(who.address, nowMs);
  }

  fail(who: Attempter, nowMs: number): void {
    this.#names.fail(this.#keyOf(who), nowMs);
    this.#addresses.fail(who.address, nowMs);
  }

  /** Of the address only its own attempt is taken back: an account of one's own would clear the others. */
  succeed(who: Attempter): void {
    this.#names.succeed(this.#keyOf(who));
    this.#addresses.forgive(who.address);
    this.know(who);
  }

  /** It could not be found out. */
  forgive(who: Attempter): void {
    this.#names.forgive(this.#keyOf(who));
    this.#addresses.forgive(who.address);
  }

  /** Sign-ups. */
  accountWaitMs(address: string, nowMs: number): number {
    return Math.max(this.#accounts.waitMs(address, nowMs), this.#addresses.waitMs(address, nowMs));
  }

  beginAccount(address: string, nowMs: number): void {
    this.#accounts.begin(address, nowMs);
  }

  countAccount(address: string, nowMs: number): void {
    this.#accounts.fail(address, nowMs);
  }

  forgiveAccount(address: string): void {
    this.#accounts.forgive(address);
  }

  /** A name was asked for that somebody has: asked often enough, it would be a list of all. */
  failTaken(address: string, nowMs: number): void {
    this.#addresses.fail(address, nowMs);
  }

  #keyOf(who: Attempter): string {
    const pair = pairOf(who);
    return this.#known.has(pair) ? pair : who.name;
  }

  /** A sign-in was refused; returns whether it is the first since the last report. */
  countRefused(address: string): boolean {
    if (this.#refusedAddresses.size < KEYS_MAX) this.#refusedAddresses.add(address);
    return ++this.#refused === 1;
  }

  /** Removes what was counted, as a line for the log. No names: people type passwords there. */
  takeReport(): string {
    const refused = this.#refused;
    const addresses = this.#refusedAddresses.size;
    this.#refused = 0;
    this.#refusedAddresses = new Set();
    const signIns = refused === 1 ? '1 sign-in was' : `${formatCount(refused)} sign-ins were`;
    return `users: ${signIns} refused (${addresses === 1 ? '1 address' : `${formatCount(addresses)} addresses`})`;
  }
}

/**
 * What is counted as one address: of IPv6 a network of 64 bits, of which its owner has all. A port, and what an IPv4
 * address is wrapped in, do not count.
 */
export function addressKey(address: string): string {
  const [ipv4] = /\d+(?:\.\d+){3}/.exec(address) ?? [];
  if (ipv4 !== undefined || !address.includes(':')) return ipv4 ?? address;
  const [head = '', tail = ''] = address.split('::');
  const [before, behind] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const groups = [...(before ?? [])];
  while (groups.length + (behind ?? []).length < 8) groups.push('0');
  return `${[...groups, ...(behind ?? [])].slice(0, 4).join(':')}::/64`;
}
