/**
 * Writes every account and its balance as CSV, however many there are and however slowly they are read:
 *
 *     node export-balances.js [port] > balances.csv
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect, toDecimal } from 'outcry';

const [port = '7400'] = process.argv.slice(2);

await using client = await connect({ port: Number(port) });

async function* rows(): AsyncGenerator<string> {
  yield 'account,balance\n';
  for await (const { account, cents } of client.bank.balances()) {
    const name = typeof account === 'string' ? account : Buffer.from(account).toString('latin1');
    yield `"${name.replaceAll('"', '""')}",${toDecimal(cents)}\n`;
  }
}

await pipeline(Readable.from(rows()), process.stdout);
