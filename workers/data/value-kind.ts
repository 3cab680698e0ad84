/** Durable actors whose events are values: what the commands on a data folder need follows from the actor itself. */
import type { Address } from '../../src/values/address.ts';
import type { DurableActor } from '../runtime/actor.ts';
import { type BatchBuilder, BODY, type Segment, valuesIn } from '../runtime/journal.ts';
import type { Describer, EventLines, EventParser, StoredActor, StoredKind } from './stored-kind.ts';

/** An actor with what its state amounts to. */
export interface ValueActor<Event> extends DurableActor<never, Event> {
  apply(event: Event): void;
  readonly figures: Readonly<Record<string, number>>;
}

export interface ValueKindOptions<Event> {
  readonly address: Address;
  /** As texts call it: `a tally`. */
  readonly name: string;
  create(): ValueActor<Event>;
  /** Whether the value is an event of it, as far as that can be seen without its state. */
  isEvent(value: unknown): value is Event;
}

export function valueKind<Event>(options: ValueKindOptions<Event>): StoredKind {
  return {
    isOf: (address) => address === options.address,
    create: () => new StoredValues(options),
    examine(segment) {
      eventsIn(segment, options);
      return 0;
    },
    createDescriber: () => new ValueDescriber(options),
    createParser: (snapshot) => new ValueParser(options, snapshot),
  };
}

class StoredValues<Event> implements StoredActor {
  readonly #options: ValueKindOptions<Event>;
  readonly #actor: ValueActor<Event>;

  constructor(options: ValueKindOptions<Event>) {
    this.#options = options;
    this.#actor = options.create();
  }

  restore(pieces: readonly Uint8Array[]): void {
    this.#actor.restore(pieces);
  }

  apply(segment: Segment): void {
    for (const event of eventsIn(segment, this.#options)) this.#actor.apply(event);
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#actor.snapshot();
  }

  get figures(): Readonly<Record<string, number>> {
    return this.#actor.figures;
  }
}

class ValueDescriber<Event> implements Describer {
  readonly #options: ValueKindOptions<Event>;

  constructor(options: ValueKindOptions<Event>) {
    this.#options = options;
  }

  describe(segment: Segment, lines: EventLines): void {
    for (const event of eventsIn(segment, this.#options)) {
      lines.begin();
      lines.json(event);
      lines.end();
    }
  }
}

/** Applies every event to an actor of its own: one that can't have been is found at once. */
class ValueParser<Event> implements EventParser {
  readonly #options: ValueKindOptions<Event>;
  readonly #actor: ValueActor<Event>;
  #events: Event[] = [];

  constructor(options: ValueKindOptions<Event>, snapshot: readonly Uint8Array[] | undefined) {
    this.#options = options;
    this.#actor = options.create();
    if (snapshot !== undefined) this.#actor.restore(snapshot);
  }

  take(value: unknown): void {
    const event = checkEvent(value, this.#options);
    this.#actor.apply(event);
    this.#events.push(event);
  }

  flush(builder: BatchBuilder, address: Address, position: number): void {
    if (this.#events.length > 0) builder.addValues(address, position, this.#events);
    this.#events = [];
  }
}

/** Throws a RangeError if they are not what they should be. */
function eventsIn<Event>(segment: Segment, options: ValueKindOptions<Event>): Event[] {
  const { kind, count } = segment;
  if (kind !== BODY.values) {
    throw new RangeError(`the events of ${options.name} are values, these are of the kind ${kind}`);
  }
  const values = valuesIn(segment);
  if (values.length !== count) {
    throw new RangeError(`there should be ${count} events, but there are ${values.length}`);
  }
  return values.map((value) => checkEvent(value, options));
}

function checkEvent<Event>(value: unknown, { name, isEvent }: ValueKindOptions<Event>): Event {
  if (isEvent(value)) return value;
  throw new RangeError(`${name} has no event ${JSON.stringify(value)}`);
}
