/** `outcry ouch send`: one order, what becomes of it, and its end. */
import { Option } from 'commander';
import { argumentsOf, createFlags, parseFlags, parseSeconds } from '../../src/protocol/command-line.ts';
import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import { DAY, IMMEDIATE } from '../../src/protocol/ouch/layout.ts';
import type { EnterOrder } from '../../src/protocol/ouch/messages.ts';
import { describeInbound, describeOutbound } from '../../src/protocol/ouch-inputs/describe.ts';
import { fromStep } from '../../src/protocol/ouch-inputs/json.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { formatCount } from '../../src/values/readable.ts';
import { connectExchange, type ExchangeClient, type Order } from '../index.ts';
import { EXIT_DONE } from './failure.ts';
import { loginFlags, loginOf, orderOf } from './ouch-order.ts';

interface SendFlags {
  readonly side: string;
  readonly quantity: string;
  readonly book: string;
  readonly price: string;
  readonly group: string;
  readonly immediate?: true;
  readonly minimum: string;
  readonly postOnly?: true;
  readonly reference: string;
  readonly capacity: string;
  readonly firm: string;
  readonly classification: string;
  readonly margin: string;
  readonly token?: string;
  readonly wait: string;
  readonly stay?: true;
}

const EXAMPLES = `
Examples:
  outcry ouch send --side B --quantity 100 --book BTC --price 2300.0 --stay
  outcry ouch send --side S --quantity 50 --book BTC --price 2300 --immediate
`;

const WAIT_SECONDS_MAX = 86_400;

export async function run(args: readonly string[]): Promise<number> {
  const flags = loginFlags(
    createFlags({
      name: 'outcry ouch send',
      usage: '--side S --quantity N --book B --price P [flags]',
      summary:
        'Enter one order, and print what the exchange says of it. An order lives no longer than the connection of its ' +
        'trader: what is open at the end is canceled. The exit code is 1 if it was rejected.',
    })
      .addOption(mandatory('--side <side>', 'B buys, S sells, T sells short, E exempt').choices([...'BSTE']))
      .addOption(mandatory('--quantity <n>', 'how much'))
      .addOption(mandatory('--book <book>', 'the order book, as BTC or 7203'))
      .addOption(mandatory('--price <price>', 'in yen, with one decimal at most'))
      .option('--group <group>', 'DAY, NGHT, DAYX or DAYU', 'DAY')
      .option('--immediate', 'what does not trade at once is canceled')
      .option('--minimum <n>', 'so much trades at once, or nothing', '0')
      .option('--post-only', 'not to trade at once')
      .option('--reference <text>', 'ten characters that come back', '')
      .addOption(new Option('--capacity <letter>', 'agency or principal').choices([...'AP']).default('P'))
      .option('--firm <mpid>', 'for whom', '0')
      .addOption(
        new Option('--classification <digit>', 'of high frequency trading')
          .choices([...'13456'])
          .default('1'),
      )
      .addOption(new Option('--margin <digit>', 'cash or margin').choices([...'12345']).default('1'))
      .option('--token <n>', 'its token; the next one without it')
      .option('--wait <seconds>', 'for executions, before what is open is canceled', '0')
      .option('--stay', 'wait until nothing is open, or for Ctrl-C'),
  ).addHelpText('after', EXAMPLES);
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const wanted = flags.opts<SendFlags>();
  const login = loginOf(flags);
  const waitMs = 1000 * parseSeconds('--wait', wanted.wait, { min: 0, max: WAIT_SECONDS_MAX });
  if (wanted.immediate && wanted.postOnly) {
    throw new OutcryError('ERR_USAGE', 'an order is either --immediate or --post-only');
  }
  // What is wrong is said before there is a connection.
  messageOf(wanted, login.form, 0);
  await using client = await connectExchange({ ...login, reconnect: false });
  const listening = printMessages(client);
  const message = messageOf(wanted, login.form, client.nextToken);
  const order = client.enter(orderOf(message));
  print(`> ${describeInbound(message)}`);
  await order.accepted;
  if (order.state === 'open') await waitFor(order, wanted.stay ? undefined : waitMs);
  if (order.state === 'open') {
    print(`· ${formatCount(order.open)} open, and canceled now: --stay keeps what is open until Ctrl-C`);
    // All of its executions come before the answer.
    await order.cancel();
  }
  await client.close();
  await listening;
  return EXIT_DONE;
}

function mandatory(flag: string, description: string): Option {
  return new Option(flag, description).makeOptionMandatory();
}

function messageOf(flags: SendFlags, form: OrderbookForm, nextToken: number): EnterOrder {
  const step = {
    message_type: 'O',
    order_token: flags.token ?? nextToken,
    client_reference: flags.reference,
    buy_sell_indicator: flags.side,
    quantity: flags.quantity,
    orderbook_id: flags.book,
    group: flags.group,
    price: flags.price,
    time_in_force: flags.immediate ? IMMEDIATE : DAY,
    firm_id: flags.firm,
    display: flags.postOnly ? 'P' : ' ',
    capacity: flags.capacity,
    minimum_quantity: flags.minimum,
    order_classification: flags.classification,
    cash_margin_type: flags.margin,
  };
  return fromStep(step, form) as EnterOrder;
}

async function printMessages(client: ExchangeClient): Promise<void> {
  for await (const { message } of client.messages()) print(`< ${describeOutbound(message)}`);
}

/** Until nothing of the order is open, for so long, or until Ctrl-C. */
async function waitFor(order: Order, waitMs: number | undefined): Promise<void> {
  let stop: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const timer = waitMs === undefined ? undefined : setTimeout(stop, waitMs);
  process.once('SIGINT', stop);
  try {
    await Promise.race([order.done, stopped]);
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', stop);
  }
}

function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}
