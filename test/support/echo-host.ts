/**
 * A host in the test's own thread: an actor system at the far end of a HostLink, over a real message channel. Which
 * session a connection gets follows from its service's name:
 *
 *     echo       sends back the frames; answers the client's half-close with "bye" and stops
 *     once       sends back the first frame and stops
 *     flood      answers every line with as many bytes as the line says, and stays
 *     greeting   sends "hello" before it has heard anything
 *     deaf       takes the frames, never answers and never stops by itself before the connection is gone
 *     faulty     throws at the frame "fault"; otherwise echo
 *     flowing    answers a number with as many bytes; at "hold" it wants no input until what it has sent has left, and says
 *                then "drained"; at "keep" it wants none ever; calls its client as it is told by "name N"; ignores the rest
 *
 * A frame that ends with a pause or the input comes without its newline; they give it one.
 *
 * While it is held it takes nothing in, like a host that is busy.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { HostLink } from '../../src/host-link.ts';
import type { HostEvent } from '../../src/protocol/control.ts';
import { type Batch, transferListOf } from '../../src/protocol/link.ts';
import { monotonicMs } from '../../src/values/clock.ts';
import {
  type Actor,
  type ActorSpec,
  type ConnectionCommand,
  type Context,
  STOP_ON_FAULT,
} from '../../workers/runtime/actor.ts';
import { ActorSystem } from '../../workers/runtime/actor-system.ts';

export interface EchoHostOptions {
  readonly index?: number;
  readonly hostCount?: number;
  readonly bytesHigh?: number;
  readonly bytesLow?: number;
}

/** What a session has heard, as text; frames may come joined. */
export interface Heard {
  readonly service: string;
  readonly remoteAddress: string;
  readonly messages: string[];
  readonly commands: ConnectionCommand[];
}

export class EchoHost {
  readonly link: HostLink;
  /** Of every session since the start, in their order. */
  readonly sessions: Heard[] = [];
  readonly events: HostEvent[] = [];
  readonly #options: Required<EchoHostOptions>;
  #port: MessagePort;
  #takeIn: (batches: readonly Batch[]) => void = () => {};
  #held: Batch[] | undefined;

  constructor(options: EchoHostOptions = {}) {
    const defaults = { index: 0, hostCount: 1, bytesHigh: 16 * 1024 * 1024, bytesLow: 8 * 1024 * 1024 };
    this.#options = { ...defaults, ...options };
    const { index, bytesHigh, bytesLow } = this.#options;
    this.link = new HostLink({ index, bytesHigh, bytesLow, onEvent: (event) => this.events.push(event) });
    this.#port = this.#start();
  }

  /** The session of the latest connection. */
  get latest(): Heard {
    const heard = this.sessions.at(-1);
    if (heard === undefined) throw new Error('no session was started yet');
    return heard;
  }

  /** Takes in nothing until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  /** Takes in all that is held, in one turn. */
  release(): void {
    const batches = this.#held ?? [];
    this.#held = undefined;
    this.#takeIn(batches);
  }

  /** Takes in the oldest batch that is held, and stays held. */
  step(): void {
    const batch = this.#held?.shift();
    if (batch !== undefined) this.#takeIn([batch]);
  }

  get heldCount(): number {
    return this.#held?.length ?? 0;
  }

  /** Dies and is replaced by another, empty one. */
  replace(): void {
    this.#port.close();
    this.link.lose('the test ended it');
    this.#held = undefined;
    this.#port = this.#start();
  }

  close(): void {
    this.link.lose('the test is over');
    this.#port.close();
  }

  #start(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const system = new ActorSystem({
      hostIndex: this.#options.index,
      hostCount: this.#options.hostCount,
      linkHighWater: this.#options.bytesHigh,
      mailboxMax: 65_536,
      log: () => {
        // What sessions do wrong is seen at their connections.
      },
      createSession: (service, { remoteAddress }) => this.#createSession(service, remoteAddress),
    });
    const turn = () => {
      const hasMore = system.run(monotonicMs());
      const out = system.takeBatch(system.mainOrigin);
      if (out !== undefined) port2.postMessage(out, transferListOf(out));
      if (hasMore) setImmediate(turn);
    };
    this.#takeIn = (batches) => {
      for (const batch of batches) system.intake(system.mainOrigin, batch, monotonicMs());
      turn();
    };
    this.link.attach(port1);
    port2.on('message', (batch: Batch) => {
      if (this.#held === undefined) this.#takeIn([batch]);
      else this.#held.push(batch);
    });
    return port2;
  }

  #createSession(service: string, remoteAddress: string): ActorSpec {
    const heard: Heard = { service, remoteAddress, messages: [], commands: [] };
    this.sessions.push(heard);
    return { create: () => new Session(heard), supervision: STOP_ON_FAULT };
  }
}

class Session implements Actor<ConnectionCommand> {
  readonly #heard: Heard;

  constructor(heard: Heard) {
    this.#heard = heard;
  }

  started(context: Context<ConnectionCommand>): void {
    if (this.#heard.service === 'greeting') sendText(context, 'hello\n');
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number, context: Context<ConnectionCommand>): void {
    const frames = Buffer.from(bytes.subarray(start, end)).toString('latin1');
    const text = frames.endsWith('\n') ? frames : `${frames}\n`;
    this.#heard.messages.push(text);
    switch (this.#heard.service) {
      case 'flood':
        for (const line of text.trimEnd().split('\n')) sendText(context, 'x'.repeat(Number(line)));
        break;
      case 'deaf':
        break;
      case 'faulty':
        if (text === 'fault\n') throw new Error('the session was told to fail');
        sendText(context, text);
        break;
      case 'once':
        sendText(context, text);
        context.stop();
        break;
      case 'flowing':
        for (const line of text.trimEnd().split('\n')) this.#flow(line, context);
        break;
      default:
        sendText(context, text);
    }
  }

  #flow(line: string, context: Context<ConnectionCommand>): void {
    const [word = '', name = ''] = line.split(' ');
    context.countFrames(1);
    if (/^\d+$/.test(word)) sendText(context, 'x'.repeat(Number(word)));
    else if (word === 'name') context.identify(name);
    else if (word === 'keep') context.pauseInput();
    else if (word === 'hold') {
      context.pauseInput();
      context.tellDrained();
    } else context.countIgnored({ [word]: 1, all: 1 });
  }

  receive(command: ConnectionCommand, context: Context<ConnectionCommand>): undefined {
    this.#heard.commands.push(command);
    if (command.type === 'server-closing' || command.type === 'kicked') return;
    if (command.type === 'connection-drained') {
      sendText(context, 'drained\n');
      context.resumeInput();
      return;
    }
    if (this.#heard.service === 'deaf' && command.type === 'connection-ended') return;
    if (command.type === 'connection-ended') sendText(context, 'bye\n');
    context.stop();
  }
}

function sendText(context: Context<ConnectionCommand>, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  context.send(bytes, 0, bytes.length);
}
