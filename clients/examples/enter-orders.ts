/**
 * Enters orders in an exchange, a line each, and prints what becomes of them, until the input ends; then it cancels what is
 * open:
 *
 *     printf 'buy 100 BTC 2300.0\nsell 100 BTC 2300.0 immediate\ncancel 1\n' |
 *       OUTCRY_PASSWORD=OUTCRY node enter-orders.js [port] [user]
 *
 * An order that does not wait has `immediate` behind it. To cancel one, say its number.
 */
import { createInterface } from 'node:readline';
import { connectExchange, type NewOrder, type Order, OutcryError } from 'outcry';
import { explainCancel, formatTenths } from 'outcry/ouch';

const ORDER = /^(buy|sell) (\d+) (\S{1,4}) (\d+(?:\.\d)?)( immediate)?$/;
const CANCEL = /^cancel (\d+)$/;

const [port = '31422', user = 'TRADE0'] = process.argv.slice(2);
const { OUTCRY_PASSWORD: password = '' } = process.env;

await using exchange = await connectExchange({ port: Number(port), user, password });
exchange.on('state', ({ state }) => process.stdout.write(`* ${state}\n`));
exchange.on('session', (session) => process.stdout.write(`* a new day, session ${session}\n`));

function parse(line: string): NewOrder | undefined {
  const [, side, quantity, orderbook = '', price = '', immediate] = ORDER.exec(line) ?? [];
  if (side === undefined) return undefined;
  return {
    side: side === 'buy' ? 'B' : 'S',
    quantity: Number(quantity),
    orderbook,
    price,
    isImmediate: immediate !== undefined,
  };
}

/** Resolves when nothing of it is open any more. */
async function follow(order: Order): Promise<void> {
  const show = (text: string) => process.stdout.write(`${order.firstToken} ${text}\n`);
  order.on('executed', ({ quantity, priceTenths }) =>
    show(`traded ${quantity} at ${formatTenths(priceTenths)}`),
  );
  order.on('canceled', (by, reason) => show(`${by} canceled: ${explainCancel(reason)}`));
  try {
    await order.accepted;
    show('accepted');
    const { state, executed } = await order.done;
    show(`${state}, ${executed} traded`);
  } catch (error) {
    if (!(error instanceof OutcryError)) throw error;
    show(error.message);
  }
}

const orders = new Map<number, Order>();
const following: Promise<void>[] = [];
for await (const line of createInterface({ input: process.stdin })) {
  const wanted = parse(line);
  const [, token] = CANCEL.exec(line) ?? [];
  if (wanted !== undefined) {
    await exchange.ready();
    const order = exchange.enter(wanted);
    orders.set(order.firstToken, order);
    following.push(follow(order));
  } else if (token !== undefined) await orders.get(Number(token))?.cancel();
  else process.stderr.write(`not understood: ${line}\n`);
}
await Promise.all(Array.from(orders.values(), (order) => order.cancel()));
await Promise.all(following);
