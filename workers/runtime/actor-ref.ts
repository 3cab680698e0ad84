/**
 * A typed reference to an actor wherever it lives. Send to it with the context's `tell` or `ask`; it crosses threads
 * and wires as its address.
 */
import type { Address } from '../../src/values/address.ts';
import type { Cell } from './cell.ts';

declare const messageType: unique symbol;

export class ActorRef<in Message> {
  declare readonly [messageType]: (message: Message) => void;
  readonly address: Address;
  /** Index of the host it lives in. */
  readonly host: number;
  /** The runtime's: the cell found last, when it lives in this host. */
  cell: Cell | undefined;
  /** The runtime's: the number that stands for the address on a link, and for which naming of that link. */
  linkId = 0;
  linkNaming: object | undefined;

  constructor(address: Address, host: number) {
    this.address = address;
    this.host = host;
  }
}
