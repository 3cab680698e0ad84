/** Who lives in a host: cells by address and by connection, and the references through which others reach them. */
import { MAIN_SERVICE } from '../../src/protocol/desk.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { ActorRef } from './actor-ref.ts';
import type { Cell } from './cell.ts';

/** In place of a host, where an address is the main thread's. */
export const MAIN_HOST = -1;
const MAIN_PREFIX = `${MAIN_SERVICE}/`;

/** References remembered by address; beyond it they are made anew at each use. */
const REFS_MAX = 65_536;

export class Directory {
  readonly hostIndex: number;
  readonly hostCount: number;
  readonly #cells = new Map<Address, Cell>();
  readonly #refs = new Map<Address, ActorRef<unknown>>();
  readonly #sessions = new Map<number, Cell>();
  /** Cells without a parent, in the order of their start. */
  readonly #roots = new Set<Cell>();

  constructor(hostIndex: number, hostCount: number) {
    this.hostIndex = hostIndex;
    this.hostCount = hostCount;
  }

  get roots(): readonly Cell[] {
    return [...this.#roots];
  }

  /** The actors whose state is stored. */
  get durable(): Cell[] {
    return [...this.#cells.values()].filter(({ spec }) => spec.isDurable);
  }

  get sessions(): Iterable<Cell> {
    return this.#sessions.values();
  }

  get cells(): Iterable<Cell> {
    return this.#cells.values();
  }

  hostOf(address: Address): number {
    if (address.startsWith(MAIN_PREFIX)) return MAIN_HOST;
    return hostIndexOf(address, this.hostCount);
  }

  refer<Message>(address: Address): ActorRef<Message> {
    let ref = this.#refs.get(address);
    if (ref === undefined) {
      ref = new ActorRef<unknown>(address, this.hostOf(address));
      ref.cell = this.#cells.get(address);
      if (this.#refs.size < REFS_MAX) this.#refs.set(address, ref);
    }
    return ref;
  }

  /** The cell behind `ref` if it lives in this host. */
  cellOf(ref: ActorRef<never>): Cell | undefined {
    let { cell } = ref;
    if (cell === undefined || cell.state === 'stopped') {
      cell = ref.host === this.hostIndex ? this.#cells.get(ref.address) : undefined;
      ref.cell = cell;
    }
    return cell;
  }

  find(address: Address): Cell | undefined {
    return this.#cells.get(address);
  }

  sessionOf(connection: number): Cell | undefined {
    return this.#sessions.get(connection);
  }

  add(cell: Cell): void {
    const { self, parent, connection } = cell;
    if (this.#cells.has(self)) throw new RangeError(`the address ${self} is taken`);
    this.#cells.set(self, cell);
    const ref = this.#refs.get(self);
    if (ref !== undefined) ref.cell = cell;
    if (connection !== undefined) this.#sessions.set(connection, cell);
    if (parent === undefined) this.#roots.add(cell);
    else {
      parent.children ??= new Map();
      parent.children.set(self, cell);
    }
  }

  remove(cell: Cell): void {
    const { self, parent, connection } = cell;
    this.#cells.delete(self);
    this.#refs.delete(self);
    this.#roots.delete(cell);
    if (connection !== undefined) this.#sessions.delete(connection);
    parent?.children?.delete(self);
  }
}
