/** An actor that answers as a test says and notes what comes. */
import { type Address, toAddress } from '../../src/values/address.ts';
import type { Context } from '../../workers/runtime/actor.ts';
import type { Ask } from '../../workers/runtime/asks.ts';
import { specOf, type TestHosts } from './actors.ts';

export interface ScriptedCommand {
  readonly type: string;
  readonly token?: unknown;
  readonly [key: string]: unknown;
}

/** What the test has it do, in an envelope, so that nothing else is taken for it. */
type Script =
  | { readonly does: 'tell'; readonly to: Address; readonly notice: unknown }
  | { readonly does: 'reply'; readonly value: unknown }
  | { readonly does: 'stop' };

export class ScriptedActor {
  readonly #hosts: TestHosts;
  readonly #address: Address;
  readonly #answers = new Map<string, unknown>();
  readonly #waiting: Ask[] = [];
  /** What it was told and asked, in order. */
  readonly commands: ScriptedCommand[] = [];

  /** `answers`: by the type of the command; what is not here is answered by `reply`. */
  constructor(hosts: TestHosts, address: Address, answers: Readonly<Record<string, unknown>> = {}) {
    this.#hosts = hosts;
    this.#address = address;
    for (const [type, value] of Object.entries(answers)) this.answer(type, value);
    hosts.spawn(
      address,
      specOf(() => ({
        receive: (message, context) => {
          const command = message as ScriptedCommand | Script;
          if ('does' in command) this.#do(command as Script, context);
          else this.#note(command, context);
          return undefined;
        },
      })),
    );
  }

  answer(type: string, value: unknown): void {
    this.#answers.set(type, value);
  }

  /** To the session of the connection of the api. */
  tell(connection: number, notice: unknown): void {
    this.#script({ does: 'tell', to: toAddress(`api/${connection}`), notice });
  }

  /** Answers what has waited longest. */
  reply(value: unknown): void {
    this.#script({ does: 'reply', value });
  }

  stop(): void {
    this.#script({ does: 'stop' });
  }

  commandsOf(type: string): readonly ScriptedCommand[] {
    return this.commands.filter((command) => command.type === type);
  }

  #script(script: Script): void {
    this.#hosts.tell(this.#address, script);
  }

  #do(script: Script, context: Context<unknown>): void {
    if (script.does === 'stop') context.stop();
    else if (script.does === 'tell') context.tell(context.refer(script.to), script.notice);
    else {
      const ask = this.#waiting.shift();
      if (ask !== undefined) context.replyTo(ask, script.value);
    }
  }

  #note(command: ScriptedCommand, context: Context<unknown>): void {
    this.commands.push(command);
    if (this.#answers.has(command.type)) {
      context.reply(this.#answers.get(command.type));
      return;
    }
    const ask = context.takeAsk();
    if (ask !== undefined) this.#waiting.push(ask);
  }
}
