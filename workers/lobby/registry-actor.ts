/** The actor around the registry: all connections of all services. */
import { Packr } from 'msgpackr';
import type { ConnectionRecord, RegistryCommand } from '../../src/protocol/registry.ts';
import type { Context, DurableActor } from '../runtime/actor.ts';
import { Registry, type RegistryEvent } from './registry.ts';

const packr = new Packr({ useRecords: false });

/** Records in one piece of a snapshot, which then stays below a megabyte. */
const PIECE_RECORDS = 2000;

/** The first piece; the others are records. */
interface Head {
  readonly next: number;
  readonly ended: readonly number[];
}

export class RegistryActor implements DurableActor<RegistryCommand, RegistryEvent> {
  readonly #registry = new Registry();

  get figures(): Readonly<Record<string, number>> {
    return { connections: this.#registry.size };
  }

  /** Whoever must know that it was heard may ask instead of telling: the answer is the number for the next connection. */
  receive(command: RegistryCommand, context: Context<RegistryCommand>): readonly RegistryEvent[] | undefined {
    if (command.type === 'list') {
      context.reply(this.#registry.list(command));
      return undefined;
    }
    context.reply(this.#registry.nextConnection);
    return this.#registry.decide(command);
  }

  apply(event: RegistryEvent): void {
    this.#registry.apply(event);
  }

  snapshot(): Iterable<Uint8Array> {
    const { next, ended, records } = this.#registry.freeze();
    const head: Head = { next, ended };
    return pieces(head, records);
  }

  restore([head, ...pieces]: readonly Uint8Array[]): void {
    const { next, ended } = packr.unpack(head as Uint8Array) as Head;
    const records = pieces.flatMap((piece) => packr.unpack(piece) as ConnectionRecord[]);
    this.#registry.restore({ next, ended, records });
  }
}

function* pieces(head: Head, records: readonly ConnectionRecord[]): Iterable<Uint8Array> {
  yield packr.pack(head);
  for (let i = 0; i < records.length; i += PIECE_RECORDS)
    yield packr.pack(records.slice(i, i + PIECE_RECORDS));
}
