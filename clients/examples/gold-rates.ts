/**
 * Signs in and shows the rates of gold, then each one that changes, until it is interrupted; all types if none is named:
 *
 *     OUTCRY_PASSWORD=… node gold-rates.js [port] [user] [type…]
 */
import { connect, type GoldRow, OutcryError } from 'outcry';

const [port = '7400', user = 'khtn', ...types] = process.argv.slice(2);
const { OUTCRY_PASSWORD: password = '' } = process.env;

await using client = await connect({ port: Number(port) });
// Ends the loop below, in order.
process.once('SIGINT', () => client.close());
await client.users.signIn(user, password);

for (const type of types.length === 0 ? [undefined] : types) {
  try {
    const { date, source, rows, isStale } = await client.gold.latest(type);
    show(`${date} from ${source}${isStale ? ', not the newest' : ''}`);
    for (const row of rows) show(`${nameOf(row)}  ${priceOf(row)}`);
  } catch (error) {
    // There may be none yet: what follows shows those that come.
    if (!(error instanceof OutcryError) || !error.code.startsWith('ERR_GOLD_')) throw error;
    show(error.message);
  }
}
for await (const { row, before } of client.gold.watch(types.length === 0 ? {} : { types })) {
  show(`${nameOf(row)}  ${before === null ? 'new' : priceOf(before)} → ${priceOf(row)}`);
}

/** A type of the same name as its company is named once. */
function nameOf({ company, brand, type }: GoldRow): string {
  return [...new Set([company, brand, type])].filter((name) => name !== '').join(' ');
}

function priceOf({ buyVnd, sellVnd }: GoldRow): string {
  return `${buyVnd.toLocaleString('en')} | ${sellVnd.toLocaleString('en')} VND/lượng`;
}

function show(line: string): void {
  process.stdout.write(`${line}\n`);
}
