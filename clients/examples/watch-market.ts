/**
 * Shows the best prices and the trades of order books as they come, until it is interrupted; all books if none is named:
 *
 *     node watch-market.js [port] [book…]
 */
import { connect, type MarketItem } from 'outcry';

const [port = '7400', ...ids] = process.argv.slice(2);

await using client = await connect({ port: Number(port) });
client.on('state', ({ state }) => show(`* ${state}`));
// Ends the loop below, in order.
process.once('SIGINT', () => client.close());

const books = ids.length === 0 ? undefined : ids.map((id) => ({ id }));
for await (const item of client.exchange.market({ books })) {
  if (item.type === 'change') {
    for (const { side, quantity, price } of item.trades) {
      show(`${nameOf(item)}  ${quantity} ${side === 'buy' ? 'bought' : 'sold'} at ${price}`);
    }
  } else if (item.isLate) show(`${nameOf(item)}  something is missing here`);
  show(`${nameOf(item)}  ${quoteOf(item)}`);
}

function nameOf({ book: { id, group } }: MarketItem): string {
  return `${id} ${group}`;
}

/** `300 × 2299.9 | 2300.0 × 5` */
function quoteOf({ book: { state, bid, bidQuantity, ask, askQuantity } }: MarketItem): string {
  const left = bid === null ? '–' : `${bidQuantity} × ${bid}`;
  const right = ask === null ? '–' : `${ask} × ${askQuantity}`;
  return `${left} | ${right}${state === 'open' ? '' : `  ${state}`}`;
}

function show(line: string): void {
  process.stdout.write(`${line}\n`);
}
