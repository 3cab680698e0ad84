/**
 * What does the actor runtime cost a message?
 *
 *     in a host        source ── tells ──► sink          client ── ask ──► server ── reply ──► client
 *     between hosts    source on one thread ── 64-byte messages ──► sink on another, back-pressure included
 *
 * Peers, each in its own way of telling and asking, where they are installed (`npm install --no-save nact comedy`):
 * nact and comedy. They are never dependencies.
 */
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { HostLink } from '../src/host-link.ts';
import type { HostPorts, PeerPort } from '../src/protocol/host-task.ts';
import { type Address, hostIndexOf, toAddress } from '../src/values/address.ts';
import { type Actor, type Answer, type Context, STOP_ON_FAULT } from '../workers/runtime/actor.ts';
import type { ActorRef } from '../workers/runtime/actor-ref.ts';
import { ActorSystem } from '../workers/runtime/actor-system.ts';
import {
  type AskerCommand,
  addressIn,
  MESSAGE_BYTES,
  type SinkCommand,
  type SourceCommand,
} from './support/bench-host.ts';
import { check, environmentLine, formatRates, formatRatio, median, print } from './support/figures.ts';

export interface RuntimeBenchOptions {
  readonly tells: number;
  readonly asks: number;
  readonly hostMessages: number;
  readonly hostAsks: number;
  readonly peerMessages: number;
  readonly repeats: number;
}

const FULL: RuntimeBenchOptions = {
  tells: 5_000_000,
  asks: 1_000_000,
  hostMessages: 5_000_000,
  hostAsks: 500_000,
  peerMessages: 200_000,
  repeats: 5,
};

const BURST = 1000;
const ASKS_IN_FLIGHT = 100;
const TIMEOUT_MS = 60_000;
const HOSTS = 2;
const BYTES_HIGH = 2 ** 24;

export async function runRuntimeBench(options: RuntimeBenchOptions): Promise<void> {
  const { tells, asks, peerMessages, repeats } = options;
  print('actor runtime', environmentLine());
  const tellSeconds = repeat(repeats, () => measureTells(tells));
  print(`${tells} tells in a host`, formatRates(tells, tellSeconds));
  const askSeconds = repeat(repeats, () => measureAsks(asks));
  print(`${asks} asks in a host`, formatRates(asks, askSeconds));
  await measureBetweenHosts(options);
  const ours = { tells: tells / median(tellSeconds), asks: asks / median(askSeconds) };
  await comparePeer('nact', measureNact, peerMessages, ours);
  await comparePeer('comedy', measureComedy, peerMessages, ours);
}

function repeat(repeats: number, measure: () => number): number[] {
  // The first two warm up.
  return Array.from({ length: repeats + 2 }, measure).slice(2);
}

function createSystem(): ActorSystem {
  const system = new ActorSystem({
    hostIndex: 0,
    hostCount: 1,
    linkHighWater: Number.POSITIVE_INFINITY,
    mailboxMax: 65_536,
    log: (_level, text) => {
      throw new Error(text);
    },
    createSession: () => {
      throw new Error('the bench has no sessions');
    },
  });
  system.nowMs = performance.now();
  return system;
}

function runSystem(system: ActorSystem): number {
  const startedMs = performance.now();
  while (system.run(performance.now()));
  return (performance.now() - startedMs) / 1000;
}

function measureTells(count: number): number {
  const system = createSystem();
  let sum = 0;
  const sinkActor: Actor<number> = {
    receive(value) {
      sum += value;
      return undefined;
    },
  };
  const sink = system.spawnRoot<number>(toAddress('sink/0'), {
    create: () => sinkActor as Actor,
    supervision: STOP_ON_FAULT,
  });
  const source: ActorRef<number> = system.refer(toAddress('source/0'));
  const sourceActor: Actor<number> = {
    started: (context) => context.tell(source, count),
    receive(left, context) {
      const now = Math.min(BURST, left);
      for (let i = 0; i < now; i++) context.tell(sink, 1);
      if (left > now) context.tell(source, left - now);
      return undefined;
    },
  };
  system.spawnRoot(source.address, { create: () => sourceActor as Actor, supervision: STOP_ON_FAULT });
  const seconds = runSystem(system);
  check(sum === count, `${sum} of ${count} tells arrived`);
  return seconds;
}

type ClientCommand = { readonly type: 'go' } | { readonly type: 'answered'; readonly answer: Answer<number> };

class Client implements Actor<ClientCommand> {
  sum = 0;
  #left: number;
  readonly #server: ActorRef<number>;

  constructor(count: number, server: ActorRef<number>) {
    this.#left = count;
    this.#server = server;
  }

  started(context: Context<ClientCommand>): void {
    for (let i = 0; i < ASKS_IN_FLIGHT; i++) this.#ask(context);
  }

  receive(command: ClientCommand, context: Context<ClientCommand>): undefined {
    if (command.type === 'answered' && command.answer.ok) this.sum += command.answer.value;
    this.#ask(context);
  }

  #ask(context: Context<ClientCommand>): void {
    if (this.#left-- > 0) context.ask<number, number>(this.#server, 1, TIMEOUT_MS, answered);
  }
}

const answered = (answer: Answer<number>): ClientCommand => ({ type: 'answered', answer });

function measureAsks(count: number): number {
  const system = createSystem();
  const serverActor: Actor<number> = {
    receive(value, context) {
      context.reply(value);
      return undefined;
    },
  };
  const server = system.spawnRoot<number>(toAddress('server/0'), {
    create: () => serverActor as Actor,
    supervision: STOP_ON_FAULT,
  });
  const client = new Client(count, server);
  system.spawnRoot(toAddress('client/0'), { create: () => client as Actor, supervision: STOP_ON_FAULT });
  const seconds = runSystem(system);
  check(client.sum === count, `${client.sum} of ${count} asks were answered`);
  return seconds;
}

/** Two hosts on worker threads, joined by a channel of their own as in the server. */
async function measureBetweenHosts({ hostMessages, hostAsks, repeats }: RuntimeBenchOptions): Promise<void> {
  const { links, stop } = startHosts();
  const ask = (address: Address, command: SourceCommand | SinkCommand | AskerCommand) =>
    (links[hostIndexOf(address, HOSTS)] as HostLink).ask(address, command, TIMEOUT_MS);
  const source = addressIn(0, HOSTS, 'source');
  const sink = addressIn(1, HOSTS, 'sink');
  const asker = addressIn(0, HOSTS, 'asker');
  const tellSeconds: number[] = [];
  const askSeconds: number[] = [];
  for (let i = 1; i <= repeats + 1; i++) {
    const startedMs = performance.now();
    // The source never answers; its ask ends with the bench.
    ask(source, { type: 'send', count: hostMessages }).catch(() => {});
    const sum = await ask(sink, { type: 'await', count: hostMessages * i });
    const toldMs = performance.now();
    check(sum === 2 * hostMessages * i, `the sink added up ${sum}`);
    const answers = await ask(asker, { type: 'ask', count: hostAsks });
    check(answers === hostAsks, `${answers} of ${hostAsks} asks were answered`);
    tellSeconds.push((toldMs - startedMs) / 1000);
    askSeconds.push((performance.now() - toldMs) / 1000);
  }
  await stop();
  const bytes = `${MESSAGE_BYTES} bytes`;
  print(`${hostMessages} × ${bytes} between hosts`, formatRates(hostMessages, tellSeconds.slice(1)));
  print(`${hostAsks} asks between hosts`, formatRates(hostAsks, askSeconds.slice(1)));
}

function startHosts(): { readonly links: readonly HostLink[]; readonly stop: () => Promise<void> } {
  const pool = new Piscina<HostPorts, void>({
    filename: new URL('./support/bench-host.js', import.meta.url).href,
    name: 'runBenchHost',
    minThreads: HOSTS,
    maxThreads: HOSTS,
    atomics: 'disabled',
  });
  const between = new MessageChannel();
  const links = [between.port1, between.port2].map((peerPort, index) => {
    const main = new MessageChannel();
    const link = new HostLink({ index, bytesHigh: BYTES_HIGH, bytesLow: BYTES_HIGH / 2, onEvent: () => {} });
    link.attach(main.port1);
    const ports: HostPorts = {
      hostIndex: index,
      hostCount: HOSTS,
      port: main.port2,
      linkHighWater: BYTES_HIGH,
      mailboxMax: 65_536,
    };
    // The pool is destroyed at the end of the bench, with its tasks.
    pool.run(ports, { transferList: [main.port2] }).catch(() => {});
    const peer: PeerPort = { peer: 1 - index, port: peerPort };
    main.port1.postMessage(peer, [peerPort]);
    return link;
  });
  const stop = async () => {
    for (const link of links) link.lose('the bench is over');
    await pool.destroy();
  };
  return { links, stop };
}

interface PeerFigures {
  readonly tellSeconds: number;
  readonly askSeconds: number;
}

async function comparePeer(
  name: string,
  measure: (count: number, module: never) => Promise<PeerFigures>,
  count: number,
  ours: { readonly tells: number; readonly asks: number },
): Promise<void> {
  let module: never;
  try {
    module = (await import(name)) as never;
  } catch {
    print(name, 'absent (npm install --no-save nact comedy)');
    return;
  }
  const { tellSeconds, askSeconds } = await measure(count, module);
  print(
    `${name}, tells`,
    formatRates(count, [tellSeconds]),
    formatRatio((ours.tells * tellSeconds) / count, 'it'),
  );
  print(
    `${name}, asks`,
    formatRates(count, [askSeconds]),
    formatRatio((ours.asks * askSeconds) / count, 'it'),
  );
}

interface NactModule {
  start(): unknown;
  spawn(parent: unknown, receive: (state: number, message: NactMessage, context: unknown) => number): unknown;
  dispatch(actor: unknown, message: NactMessage): void;
  query(actor: unknown, make: (replyTo: unknown) => NactMessage, timeoutMs: number): Promise<unknown>;
  stop(system: unknown): void;
}
type NactMessage = { readonly replyTo?: unknown; readonly last?: () => void };

async function measureNact(count: number, nact: NactModule): Promise<PeerFigures> {
  const system = nact.start();
  const actor = nact.spawn(system, (state = 0, message) => {
    message.last?.();
    if (message.replyTo !== undefined) nact.dispatch(message.replyTo, {});
    return state + 1;
  });
  const tellSeconds = await timed(
    () =>
      new Promise<void>((resolve) => {
        for (let i = 1; i < count; i++) nact.dispatch(actor, {});
        nact.dispatch(actor, { last: resolve });
      }),
  );
  const askSeconds = await timed(() =>
    inFlight(count, () => nact.query(actor, (replyTo) => ({ replyTo }), TIMEOUT_MS)),
  );
  nact.stop(system);
  return { tellSeconds, askSeconds };
}

interface ComedyModule {
  readonly default: {
    createSystem(options: object): {
      rootActor(): Promise<{ createChild(definition: object): Promise<ComedyActor> }>;
      destroy(): Promise<void>;
    };
  };
}
interface ComedyActor {
  send(topic: string): Promise<void>;
  sendAndReceive(topic: string): Promise<unknown>;
}

async function measureComedy(count: number, comedy: ComedyModule): Promise<PeerFigures> {
  const log = { error() {}, warn() {}, info() {}, debug() {} };
  const system = comedy.default.createSystem({ log, root: {} });
  const root = await system.rootActor();
  let received = 0;
  const actor = await root.createChild({
    count: () => {
      received++;
    },
    get: () => received,
  });
  const tellSeconds = await timed(() => inFlight(count, () => actor.send('count')));
  const askSeconds = await timed(() => inFlight(count, () => actor.sendAndReceive('get')));
  check((await actor.sendAndReceive('get')) === count, `comedy received ${received} of ${count}`);
  await system.destroy();
  return { tellSeconds, askSeconds };
}

async function inFlight(count: number, call: () => Promise<unknown>): Promise<void> {
  for (let done = 0; done < count; done += ASKS_IN_FLIGHT) {
    await Promise.all(Array.from({ length: Math.min(ASKS_IN_FLIGHT, count - done) }, call));
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runRuntimeBench(FULL);
