/**
 * Addresses of actors, and where an actor lives.
 *
 * An address is a path, `ledger/3`: the service first, then what the service calls the actor, then the names of
 * children, which live where their parent does. The host follows from the first two and the number of hosts alone, so
 * every thread computes it and no table has to be kept in step. Nothing stored depends on it: the number of hosts may
 * differ from run to run.
 */

declare const brand: unique symbol;
export type Address = string & { readonly [brand]: 'Address' };

const SLASH = 0x2f;
const ADDRESS = /^[a-z][a-z0-9-]*(\/[A-Za-z0-9._-]{1,128}){0,7}$/;

/** Checks that `text` is an address; throws a RangeError that names it otherwise. */
export function toAddress(text: string): Address {
  if (!ADDRESS.test(text)) {
    throw new RangeError(`an address looks like service/name, not ${JSON.stringify(text)}`);
  }
  return text as Address;
}

/** The index of the host that runs `address`, by FNV-1a over its first two parts. */
export function hostIndexOf(address: Address, hostCount: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0, slashes = 0; i < address.length; i++) {
    const character = address.charCodeAt(i);
    if (character === SLASH && ++slashes === 2) break;
    hash = Math.imul(hash ^ character, 0x01000193);
  }
  // FNV mixes its low bits last; folding the high ones in evens out small host counts.
  return ((hash ^ (hash >>> 15)) >>> 0) % hostCount;
}
