/** What `outcry ouch enter` and `outcry ouch send` have in common: how they log in, and orders of steps. */
import { type Command, Option } from 'commander';
import { parsePort, parseSeconds } from '../../src/protocol/command-line.ts';
import { IMMEDIATE } from '../../src/protocol/ouch/layout.ts';
import type { EnterOrder, ReplaceOrder } from '../../src/protocol/ouch/messages.ts';
import type { ConnectExchangeOptions, NewOrder, OrderChange } from '../index.ts';

interface LoginFlags {
  readonly host: string;
  readonly port: string;
  readonly user: string;
  readonly password: string;
  readonly form: 'alpha' | 'uint32';
  readonly timeout: string;
}

const TIMEOUT_SECONDS_MAX = 86_400;

export function loginFlags(flags: Command): Command {
  return flags
    .option('--host <host>', 'the host of the exchange', '127.0.0.1')
    .option('--port <port>', 'its port of OUCH over SoupBinTCP', '31422')
    .option('--user <user>', 'who trades', 'TRADE0')
    .option('--password <password>', 'the password', 'OUTCRY')
    .addOption(
      new Option('--form <form>', 'what order books are at this exchange: text or numbers')
        .choices(['alpha', 'uint32'])
        .default('alpha'),
    )
    .option('--timeout <seconds>', 'how long an answer may take', '5');
}

export function loginOf(flags: Command) {
  const { host, port, user, password, form, timeout } = flags.opts<LoginFlags>();
  const timeoutMs = 1000 * parseSeconds('--timeout', timeout, { min: 0.1, max: TIMEOUT_SECONDS_MAX });
  return {
    ...{ host, user, password, form, timeoutMs },
    port: parsePort(port, { min: 1 }),
    timeouts: { loginMs: timeoutMs },
  } satisfies ConnectExchangeOptions;
}

/** A message with whose letters the library has no quarrel. */
type KnownOrder = EnterOrder &
  Required<Pick<NewOrder, 'side' | 'capacity' | 'classification' | 'cashMargin'>>;

export function orderOf(message: EnterOrder): NewOrder {
  const { type: _, priceTenths, timeInForce, display, ...order } = message as KnownOrder;
  return { ...order, ...termsOf({ priceTenths, timeInForce, display }) };
}

export function changeOf(message: ReplaceOrder): OrderChange {
  const { quantity, minimumQuantity } = message;
  return { quantity, minimumQuantity, ...termsOf(message) };
}

function termsOf({
  priceTenths,
  timeInForce,
  display,
}: Pick<ReplaceOrder, 'priceTenths' | 'timeInForce' | 'display'>) {
  return {
    price: { tenths: priceTenths },
    isImmediate: timeInForce === IMMEDIATE,
    isPostOnly: display === 'P',
  };
}
