/** The step mode of `outcry ouch replay`: a message for each Enter; what is sent and received is shown as it happens. */
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { InboundMessage, OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import { describeInbound, describeOutbound } from '../../src/protocol/ouch-inputs/describe.ts';
import { printable } from '../../src/values/printable.ts';
import type { Pace } from '../ouch-inputs/run.ts';

export interface StepsOptions {
  readonly input: Readable;
  readonly output: { write(text: string): unknown };
  /** Of the input. */
  readonly messages: number;
  /** The lines say whose messages they are. */
  readonly hasSeveralClients: boolean;
}

/** What is not answered by then is said to be without a reply; one that comes later is still shown. */
const REPLY_MS = 300;

export class Steps implements Pace {
  readonly #options: StepsOptions;
  readonly #reader: Interface;
  readonly #lines: AsyncIterator<string, unknown>;
  #sent = 0;
  /** Runs while a reply is waited for. */
  #waiting: NodeJS.Timeout | undefined;
  #onAnswered: () => void = () => {};

  constructor(options: StepsOptions) {
    this.#options = options;
    this.#reader = createInterface({ input: options.input, terminal: false });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Whether the message is to be sent; the one before it has had its time. */
  async next(client: string, message: InboundMessage): Promise<boolean> {
    if (this.#waiting !== undefined) {
      await new Promise<void>((resolve) => {
        this.#onAnswered = resolve;
      });
    }
    if ((await this.#lines.next()).done) return false;
    this.#sent += 1;
    this.#print(
      `[${this.#sent}/${this.#options.messages}] ${this.#whose(client)}> ${describeInbound(message)}`,
    );
    this.#waiting = setTimeout(() => this.#missReply(), REPLY_MS);
    return true;
  }

  received(client: string, message: OutboundMessage): void {
    this.#print(`${this.#whose(client)}< ${describeOutbound(message)}`);
    // A System Event answers nobody.
    if (message.type !== 'system-event') this.#settle();
  }

  /** Nothing more is read, and nothing more will come. */
  close(): void {
    this.#reader.close();
    if (this.#waiting !== undefined) this.#missReply();
  }

  #missReply(): void {
    this.#print('  · no reply');
    this.#settle();
  }

  #settle(): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#onAnswered();
  }

  #whose(client: string): string {
    return this.#options.hasSeveralClients ? `${client} ` : '';
  }

  #print(line: string): void {
    this.#options.output.write(`${printable(line)}\n`);
  }
}
