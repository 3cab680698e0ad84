/** Mistakes of a bank that its simulation must find. */
import type { Framer, FrameSink } from '../../../src/framer.ts';
import type { LedgerCommand } from '../../../src/protocol/bank.ts';
import { LedgerShard } from '../../../workers/ledger/ledger-shard.ts';
import { partIn } from '../../../workers/ledger/postings.ts';
import type { Actor, Context } from '../../../workers/runtime/actor.ts';
import type { PlantedBug } from '../planted-bugs.ts';

/** Loses what it keeps once in a while. */
class ForgetfulFramer implements Framer {
  readonly #create: () => Framer;
  #inner: Framer;
  #chunks = 0;

  constructor(create: () => Framer) {
    this.#create = create;
    this.#inner = create();
  }

  get hasPartialFrame(): boolean {
    return this.#inner.hasPartialFrame;
  }

  get isWithinFrame(): boolean {
    return this.#inner.isWithinFrame;
  }

  feed(chunk: Uint8Array, sink: FrameSink): void {
    this.#inner.feed(chunk, sink);
    if (++this.#chunks % 8 === 0) this.#inner = this.#create();
  }

  flush(sink: FrameSink): void {
    this.#inner.flush(sink);
  }
}

function ofShards(change: (shard: LedgerShard) => void): (actor: Actor) => void {
  return (actor) => {
    if (actor instanceof LedgerShard) change(actor);
  };
}

/** It takes lines that it has for new ones. */
function forgetMarks(actor: LedgerShard): void {
  const receiveBytes = actor.receiveBytes.bind(actor);
  actor.receiveBytes = (bytes, start, end, context) => {
    const message = bytes.slice(start, end);
    const part = partIn(message, 0);
    const mark = part && actor.markOf(part.upload);
    // The line with which the message says that it begins.
    if (mark !== undefined) new DataView(message.buffer).setFloat64(4, mark + 1, true);
    receiveBytes(message, 0, message.length, context);
  };
}

function postAgain(actor: LedgerShard): void {
  const receive = actor.receive.bind(actor);
  const seen = new Set<string>();
  const unheard = { reply() {} } as unknown as Context<LedgerCommand>;
  actor.receive = (command, context) => {
    if (command.type === 'post' && command.key !== undefined) {
      if (seen.has(command.key)) receive({ type: 'post', postings: command.postings }, unheard);
      seen.add(command.key);
    }
    return receive(command, context);
  };
}

export const BANK_BUGS = {
  /** A line is applied whether or not the mark says that it was. */
  'double-apply': { services: ['bank'], change: ofShards(forgetMarks) },
  /** A request that comes again is posted again. */
  'double-post': { services: ['bank'], change: ofShards(postAgain) },
  /** What is left of a chunk behind its last line is forgotten. */
  'lost-carry': { services: ['bank'], createFramer: (create) => new ForgetfulFramer(create) },
} as const satisfies Record<string, PlantedBug>;
