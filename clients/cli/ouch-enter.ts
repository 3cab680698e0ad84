/** `outcry ouch enter`: orders by hand, on a terminal. What the exchange says stands above the question that is asked. */
import { argumentsOf, createFlags, parseFlags } from '../../src/protocol/command-line.ts';
import { formatTenths } from '../../src/protocol/ouch/prices.ts';
import { describeInbound, describeOutbound } from '../../src/protocol/ouch-inputs/describe.ts';
import { type Column, formatRows } from '../../src/values/columns.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { formatCount } from '../../src/values/readable.ts';
import {
  type ConnectionState,
  connectExchange,
  type ExchangeClient,
  type ExchangeSession,
  type Order,
  type StateChange,
} from '../index.ts';
import { EXIT_DONE } from './failure.ts';
import { changeOf, loginFlags, loginOf, orderOf } from './ouch-order.ts';
import { OrderPrompts, SIDES } from './ouch-prompts.ts';
import { PromptScreen } from './prompt-screen.ts';
import { type Choice, Prompts } from './prompts.ts';

const EXAMPLES = `
Examples:
  outcry ouch enter
  outcry ouch enter --user TRADE1 --port 31500
`;

export async function run(args: readonly string[]): Promise<number> {
  const flags = loginFlags(
    createFlags({
      name: 'outcry ouch enter',
      usage: '[--host H] [--port P] [--user U] [--password P]',
      summary:
        'Enter, replace and cancel orders by prompts, on a terminal. Esc leaves a question. What is open when you leave ' +
        'is canceled.',
    }),
  ).addHelpText('after', EXAMPLES);
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const login = loginOf(flags);
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new OutcryError(
      'ERR_USAGE',
      'outcry ouch enter asks on a terminal; elsewhere there is outcry ouch send',
    );
  }
  const client = await connectExchange(login);
  const screen = new PromptScreen(stdout);
  try {
    const hands = new Hands(client, screen, new Prompts(stdin, screen), login);
    await hands.work();
  } finally {
    screen.destroy();
    await client.close();
  }
  const error = await client.closed;
  if (error !== undefined) throw error;
  return EXIT_DONE;
}

type Action = 'enter' | 'replace' | 'cancel' | 'orders' | 'leave';

const ACTIONS: readonly Choice<Action>[] = [
  { value: 'enter', label: 'enter an order' },
  { value: 'replace', label: 'replace an order' },
  { value: 'cancel', label: 'cancel an order' },
  { value: 'orders', label: 'show the open orders' },
  { value: 'leave', label: 'leave' },
];

class Hands {
  readonly #client: ExchangeClient;
  readonly #screen: PromptScreen;
  readonly #prompts: Prompts;
  readonly #questions: OrderPrompts;
  readonly #user: string;
  #state: ConnectionState = 'connected';

  constructor(
    client: ExchangeClient,
    screen: PromptScreen,
    prompts: Prompts,
    { user, form }: Pick<ReturnType<typeof loginOf>, 'user' | 'form'>,
  ) {
    this.#client = client;
    this.#screen = screen;
    this.#prompts = prompts;
    this.#questions = new OrderPrompts(prompts, form);
    this.#user = user;
  }

  async work(): Promise<void> {
    const client = this.#client;
    client.on('state', (change) => this.#onState(change));
    client.on('session', (session) =>
      this.#print(`· session ${session} has begun; the orders before it are gone`),
    );
    client.on('debug', (text) => this.#print(`· ${text}`));
    void client.closed.then(() => this.#prompts.close());
    this.#listen().catch((error) => this.#complain(error));
    this.#print(`· ${this.#user} in session ${client.session}, ${ordersOf(client.orders.length)}`);
    let action: Action | undefined = 'enter';
    for (;;) {
      action = await this.#prompts.choose('What now?', ACTIONS, action);
      if (action === undefined || action === 'leave') {
        if (await this.#mayLeave()) return;
        action = 'orders';
      } else await this.#do(action);
    }
  }

  /** Each attempt is a change; a person wants to know of the first one and of the one that went well. */
  #onState(change: StateChange<ExchangeSession>): void {
    const isNews = change.state !== this.#state;
    this.#state = change.state;
    if (!isNews) return;
    if (change.state === 'connected') this.#print('· connected again');
    else if (change.state === 'reconnecting') this.#print(`! ${change.error.message}; connecting again`);
  }

  async #listen(): Promise<void> {
    for await (const { message } of this.#client.messages()) this.#print(`< ${describeOutbound(message)}`);
  }

  async #do(action: Exclude<Action, 'leave'>): Promise<void> {
    try {
      if (action === 'orders') this.#show();
      else if (action === 'enter') await this.#enter();
      else if (this.#client.orders.length === 0) this.#print(`· ${ordersOf(0)}`);
      else if (action === 'replace') await this.#replace();
      else await this.#cancel();
    } catch (error) {
      this.#complain(error);
    }
  }

  async #enter(): Promise<void> {
    const message = await this.#questions.order(this.#client.nextToken);
    if (message === undefined) return;
    // The answer is heard as every message is.
    this.#client.enter(orderOf(message)).done.catch((error) => this.#complain(error));
    this.#print(`> ${describeInbound(message)}`);
  }

  async #replace(): Promise<void> {
    const order = await this.#questions.pick(this.#client.orders, 'Which one is replaced?');
    const message = order && (await this.#questions.replace(order, this.#client.nextToken));
    if (order === undefined || message === undefined) return;
    order.replace(changeOf(message)).catch((error) => this.#complain(error));
    this.#print(`> ${describeInbound(message)}`);
  }

  async #cancel(): Promise<void> {
    const order = await this.#questions.pick(this.#client.orders, 'Which one is canceled?');
    if (order === undefined) return;
    const { token } = order;
    order.cancel().catch((error) => this.#complain(error));
    this.#print(`> ${describeInbound({ type: 'cancel', token, quantity: 0 })}`);
  }

  #show(): void {
    const { orders } = this.#client;
    if (orders.length === 0) this.#print(`· ${ordersOf(0)}`);
    else {
      const table = formatRows(orders, COLUMNS, { format: 'simple', width: this.#screen.columns });
      this.#screen.print(table.trimEnd());
    }
  }

  async #mayLeave(): Promise<boolean> {
    const { length } = this.#client.orders;
    if (length === 0 || this.#client.state === 'closed') return true;
    const message = `${ordersOf(length)}, and canceled when you leave. Leave?`;
    const answer = await this.#prompts.choose(
      message,
      [
        { value: 'leave', label: 'leave' },
        { value: 'stay', label: 'stay' },
      ],
      'leave',
    );
    return answer !== 'stay';
  }

  /** With the client everything ends that it waits for, and why it has ended is said once. */
  #complain(error: unknown): void {
    if (this.#client.state !== 'closed') this.#print(`! ${messageOf(error)}`);
  }

  #print(text: string): void {
    this.#screen.print(printable(text));
  }
}

function ordersOf(count: number): string {
  if (count === 0) return 'no order is open';
  return count === 1 ? '1 order is open' : `${formatCount(count)} orders are open`;
}

const COLUMNS: readonly Column<Order>[] = [
  { head: 'token', cell: ({ token }) => token, align: 'right' },
  { head: 'side', cell: ({ mirrored }) => SIDES[mirrored?.accepted.side ?? ''] ?? mirrored?.accepted.side },
  { head: 'book', cell: ({ mirrored }) => mirrored?.accepted.orderbook },
  { head: 'group', cell: ({ mirrored }) => mirrored?.accepted.group, spare: 2 },
  { head: 'price', cell: ({ mirrored }) => formatTenths(mirrored?.priceTenths ?? 0), align: 'right' },
  { head: 'open', cell: ({ open }) => formatCount(open), align: 'right' },
  { head: 'executed', cell: ({ executed }) => formatCount(executed), align: 'right' },
  { head: 'kind', cell: ({ mirrored }) => (mirrored?.display === 'P' ? 'post-only' : 'day') },
  { head: 'reference', cell: ({ mirrored }) => mirrored?.accepted.clientReference, spare: 1 },
];
