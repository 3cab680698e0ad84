/**
 * The connections of all services, open ones and the last that have ended. Pure: `decide` says what happened, `apply`
 * makes it so.
 *
 * Connections are told of by two who do not wait for each other, the main thread and the connection's session; so each
 * may come first, and either late. The number that a run of the server has for a connection may come again, after
 * billions of them: what tells connections apart is that number together with the time of the accept.
 *
 * Invariants: records are in the order of their numbers; of those that have ended the last ENDED_KEPT are kept.
 */
import {
  type ConnectionFigures,
  type ConnectionRecord,
  ENDED_KEPT,
  type RegistryAnswer,
  type RegistryCommand,
  type RegistryQuery,
} from '../../src/protocol/registry.ts';
import { copyOf } from '../../src/values/copy-of.ts';

export type RegistryEvent =
  | {
      readonly type: 'opened';
      readonly number: number;
      readonly connection: number;
      readonly service: string;
      readonly address: string;
      readonly user: string;
      readonly sinceMs: number;
    }
  | { readonly type: 'named'; readonly number: number; readonly user: string }
  | { readonly type: 'ended'; readonly number: number; readonly untilMs: number; readonly reason: string }
  | { readonly type: 'measured'; readonly number: number; readonly figures: ConnectionFigures };

/** What is frozen at once, to be written later. */
export interface RegistryState {
  readonly next: number;
  readonly records: readonly ConnectionRecord[];
  /** Numbers of those that have ended, in the order of their ends. */
  readonly ended: readonly number[];
}

/** Why a connection is over whose end nobody has seen. */
export const END_NOT_SEEN = 'the server ended first';

const NO_FIGURES: ConnectionFigures = { bytesIn: 0, bytesOut: 0, frames: 0, ignored: {} };

export class Registry {
  #next = 1;
  #lastConnection = 0;
  /** Names of services, to be shared. */
  readonly #services = new Map<string, string>();
  readonly #records = new Map<number, ConnectionRecord>();
  /** By what the last run has called them: the number of the last one that was called so. */
  readonly #numbers = new Map<number, number>();
  /** Numbers of those that have ended, a ring once it is full: `#oldest` is where the oldest of them is. */
  #ended: number[] = [];
  #oldest = 0;

  get size(): number {
    return this.#records.size;
  }

  /** What the next run of the server may call its first connection, so that none is called as one that is known. */
  get nextConnection(): number {
    return Math.max(this.#next, this.#lastConnection + 1);
  }

  decide(command: Exclude<RegistryCommand, { type: 'list' }>): readonly RegistryEvent[] {
    switch (command.type) {
      case 'present':
        return this.#endAbsent(new Set(command.connections), command.timeMs);
      case 'opened':
        return this.#open(command);
      case 'ended':
        return this.#end(command);
    }
  }

  apply(event: RegistryEvent): void {
    const { number } = event;
    if (event.type === 'opened') {
      const { connection, service, address, user, sinceMs } = event;
      if (number !== this.#next) throw new RangeError(`the next connection is ${this.#next}, not ${number}`);
      this.#next++;
      this.#numbers.set(connection, number);
      this.#lastConnection = Math.max(this.#lastConnection, connection);
      this.#records.set(number, {
        number,
        connection,
        service: this.#shared(service),
        address: copyOf(address),
        user: copyOf(user),
        sinceMs,
        untilMs: null,
        reason: '',
        figures: NO_FIGURES,
      });
      return;
    }
    const record = this.#records.get(number);
    if (record === undefined) throw new RangeError(`there is no connection ${number}`);
    if (event.type === 'named') this.#records.set(number, { ...record, user: copyOf(event.user) });
    else if (event.type === 'measured') this.#records.set(number, { ...record, figures: event.figures });
    else {
      this.#records.set(number, { ...record, untilMs: event.untilMs, reason: this.#shared(event.reason) });
      this.#keepEnded(number);
    }
  }

  list({ service, state, user = '', address = '', limit }: RegistryQuery): RegistryAnswer {
    const found: ConnectionRecord[] = [];
    for (const record of this.#records.values()) {
      if (service !== undefined && record.service !== service) continue;
      if (state !== undefined && (record.untilMs === null) !== (state === 'open')) continue;
      if (record.user.includes(user) && record.address.includes(address)) found.push(record);
    }
    return { connections: found.slice(Math.max(0, found.length - limit)), total: found.length };
  }

  freeze(): RegistryState {
    const ended = [...this.#ended.slice(this.#oldest), ...this.#ended.slice(0, this.#oldest)];
    return { next: this.#next, records: [...this.#records.values()], ended };
  }

  /** Only at the beginning. */
  restore({ next, records, ended }: RegistryState): void {
    this.#next = next;
    this.#ended = [...ended];
    for (const record of records) {
      this.#records.set(record.number, record);
      this.#numbers.set(record.connection, record.number);
      this.#lastConnection = Math.max(this.#lastConnection, record.connection);
    }
  }

  #endAbsent(present: ReadonlySet<number>, timeMs: number): RegistryEvent[] {
    return [...this.#records.values()]
      .filter(({ connection, untilMs }) => untilMs === null && !present.has(connection))
      .map(({ number }) => ({ type: 'ended', number, untilMs: timeMs, reason: END_NOT_SEEN }));
  }

  #open(command: RegistryCommand & { type: 'opened' }): readonly RegistryEvent[] {
    const { connection, service, address, sinceMs, user = '' } = command;
    const known = this.#find(connection);
    if (known?.sinceMs === sinceMs) {
      const isNews = user !== '' && user !== known.user;
      return isNews ? [{ type: 'named', number: known.number, user }] : [];
    }
    const number = this.#next;
    const opened: RegistryEvent = { type: 'opened', number, connection, service, address, user, sinceMs };
    if (known?.untilMs !== null) return [opened];
    return [{ type: 'ended', number: known.number, untilMs: sinceMs, reason: END_NOT_SEEN }, opened];
  }

  #end(command: RegistryCommand & { type: 'ended' }): readonly RegistryEvent[] {
    const { connection, untilMs, reason, figures } = command;
    const known = this.#find(connection);
    if (known === undefined) return [];
    const { number } = known;
    const events: RegistryEvent[] = [];
    if (known.untilMs === null) events.push({ type: 'ended', number, untilMs, reason });
    if (figures !== undefined) events.push({ type: 'measured', number, figures });
    return events;
  }

  /** One string for all connections of a service. */
  #shared(service: string): string {
    const known = this.#services.get(service);
    if (known !== undefined) return known;
    const copy = copyOf(service);
    this.#services.set(copy, copy);
    return copy;
  }

  /** The last connection that was called so. */
  #find(connection: number): ConnectionRecord | undefined {
    const number = this.#numbers.get(connection);
    return number === undefined ? undefined : this.#records.get(number);
  }

  #keepEnded(number: number): void {
    if (this.#ended.length < ENDED_KEPT) {
      this.#ended.push(number);
      return;
    }
    this.#forget(this.#ended[this.#oldest] as number);
    this.#ended[this.#oldest] = number;
    this.#oldest = (this.#oldest + 1) % ENDED_KEPT;
  }

  #forget(number: number): void {
    const connection = this.#records.get(number)?.connection;
    this.#records.delete(number);
    if (connection !== undefined && this.#numbers.get(connection) === number)
      this.#numbers.delete(connection);
  }
}
