/** The entry of a host that runs the actors of the runtime bench: sources of messages and asks, and where they go. */
import type { HostPorts } from '../../src/protocol/host-task.ts';
import { hostIndexOf, toAddress } from '../../src/values/address.ts';
import { type Actor, type Answer, type Context, STOP_ON_FAULT } from '../../workers/runtime/actor.ts';
import type { ActorRef } from '../../workers/runtime/actor-ref.ts';
import type { Ask } from '../../workers/runtime/asks.ts';
import { runHost } from '../../workers/runtime/host.ts';

export const MESSAGE_BYTES = 64;
const BURST = 1000;
const ASKS_IN_FLIGHT = 1000;
const TIMEOUT_MS = 60_000;

export type SourceCommand = { readonly type: 'send'; readonly count: number };
export type SinkCommand =
  | { readonly type: 'await'; readonly count: number }
  | { readonly type: 'echo'; readonly value: number };
export type AskerCommand =
  | { readonly type: 'ask'; readonly count: number }
  | { readonly type: 'answered'; readonly answer: Answer<number> };

/** The address `name/n` with the smallest n that lives in `host`. */
export function addressIn(host: number, hostCount: number, name: string) {
  for (let n = 0; ; n++) {
    const address = toAddress(`${name}/${n}`);
    if (hostIndexOf(address, hostCount) === host) return address;
  }
}

/** Sends in bursts, so that it feels back-pressure between them as any actor does. */
class Source implements Actor<SourceCommand> {
  readonly #sink: ActorRef<never>;
  readonly #self: ActorRef<SourceCommand>;
  readonly #message = new Uint8Array(MESSAGE_BYTES).fill(1);

  constructor(self: ActorRef<SourceCommand>, sink: ActorRef<never>) {
    this.#self = self;
    this.#sink = sink;
  }

  receive({ count }: SourceCommand, context: Context<SourceCommand>): undefined {
    const now = Math.min(BURST, count);
    for (let i = 0; i < now; i++) context.tellBytes(this.#sink, this.#message, 0, MESSAGE_BYTES);
    if (count > now) context.tell(this.#self, { type: 'send', count: count - now });
  }
}

/** Adds up what it gets; answers once it has got as many messages as asked for, and echoes numbers. */
class Sink implements Actor<SinkCommand> {
  #sum = 0;
  #count = 0;
  #awaited = Number.POSITIVE_INFINITY;
  #answer: (() => void) | undefined;

  receiveBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#sum += (bytes[start] as number) + (bytes[end - 1] as number);
    this.#count++;
    if (this.#count === this.#awaited) this.#answer?.();
  }

  receive(command: SinkCommand, context: Context<SinkCommand>): undefined {
    if (command.type === 'echo') context.reply(command.value);
    else this.#await(command.count, context);
  }

  #await(count: number, context: Context<SinkCommand>): void {
    const ask = context.takeAsk();
    this.#awaited = count;
    this.#answer = () => {
      if (ask !== undefined) context.replyTo(ask, this.#sum);
    };
    if (this.#count >= count) this.#answer();
  }
}

/** Asks the sink of the other host so many times, and answers with the sum of what it was told. */
class Asker implements Actor<AskerCommand> {
  readonly #sink: ActorRef<SinkCommand>;
  #left = 0;
  #pending = 0;
  #sum = 0;
  #ask: Ask | undefined;

  constructor(sink: ActorRef<SinkCommand>) {
    this.#sink = sink;
  }

  receive(command: AskerCommand, context: Context<AskerCommand>): undefined {
    if (command.type === 'ask') {
      this.#ask = context.takeAsk();
      this.#left = command.count;
      this.#sum = 0;
    } else {
      this.#pending--;
      if (command.answer.ok) this.#sum += command.answer.value;
    }
    while (this.#left > 0 && this.#pending < ASKS_IN_FLIGHT) this.#askSink(context);
    if (this.#pending === 0 && this.#ask !== undefined) context.replyTo(this.#ask, this.#sum);
  }

  #askSink(context: Context<AskerCommand>): void {
    this.#left--;
    this.#pending++;
    const adapt = (answer: Answer<number>): AskerCommand => ({ type: 'answered', answer });
    context.ask<SinkCommand, number>(this.#sink, { type: 'echo', value: 1 }, TIMEOUT_MS, adapt);
  }
}

export function runBenchHost(ports: HostPorts): Promise<void> {
  return runHost(ports, {
    bench: (system) => {
      const { hostIndex, hostCount } = system;
      const sink = addressIn(hostIndex, hostCount, 'sink');
      system.spawnRoot(sink, { create: () => new Sink(), supervision: STOP_ON_FAULT });
      const source = addressIn(hostIndex, hostCount, 'source');
      const other = addressIn((hostIndex + 1) % hostCount, hostCount, 'sink');
      system.spawnRoot(source, {
        create: () => new Source(system.refer(source), system.refer(other)),
        supervision: STOP_ON_FAULT,
      });
      system.spawnRoot(addressIn(hostIndex, hostCount, 'asker'), {
        create: () => new Asker(system.refer(other)),
        supervision: STOP_ON_FAULT,
      });
      return () => {
        throw new Error('the bench has no sessions');
      };
    },
  });
}
