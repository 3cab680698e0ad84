/** An exchange that answers as a test says and notes what comes, with two clients of the api: one is an operator. */
import { type ClientNotice, EXCHANGE_ADDRESS, type MarketNotice } from '../../src/protocol/exchange.ts';
import { type Address, toAddress } from '../../src/values/address.ts';
import type { Context } from '../../workers/runtime/actor.ts';
import { specOf, type TestHosts } from './actors.ts';
import { createApiHosts, HostedClient } from './api-in-hosts.ts';

interface Command {
  readonly type: string;
  readonly address?: Address;
  readonly notice?: unknown;
}

const CLIENT = 1;
const OPERATOR = 2;

export class ScriptedExchange {
  readonly hosts: TestHosts = createApiHosts();
  readonly client: HostedClient;
  readonly operator: HostedClient;
  /** What it was told and asked, in order. */
  readonly commands: Command[] = [];
  /** Byte messages. */
  readonly entries: Buffer[] = [];
  readonly #answers: Readonly<Record<string, unknown>>;

  /** `answers`: by the type of the command; what is not here is not answered. */
  constructor(answers: Readonly<Record<string, unknown>> = {}) {
    this.#answers = answers;
    this.hosts.spawn(
      EXCHANGE_ADDRESS,
      specOf(() => ({
        receive: (message, context) => this.#receive(message as Command, context),
        receiveBytes: (bytes, start, end) => {
          this.entries.push(Buffer.from(bytes.subarray(start, end)));
        },
      })),
    );
    this.client = new HostedClient(this.hosts, CLIENT);
    this.operator = new HostedClient(this.hosts, OPERATOR, { isOperator: true });
  }

  /** To the session of the client. */
  tell(...notices: readonly (ClientNotice | MarketNotice)[]): void {
    const address = toAddress(`api/${CLIENT}`);
    this.hosts.tell(EXCHANGE_ADDRESS, ...notices.map((notice) => ({ type: 'tell', address, notice })));
  }

  stop(): void {
    this.hosts.tell(EXCHANGE_ADDRESS, { type: 'stop' });
  }

  commandsOf(type: string): readonly Command[] {
    return this.commands.filter((command) => command.type === type);
  }

  #receive(command: Command, context: Context<unknown>): undefined {
    const { type, address } = command;
    if (type === 'stop') context.stop();
    else if (type === 'tell' && address !== undefined) context.tell(context.refer(address), command.notice);
    else {
      this.commands.push(command);
      if (type in this.#answers) context.reply(this.#answers[type]);
    }
  }
}
