/**
 * Posts transactions from standard input, a line each, and names those that the bank refuses:
 *
 *     printf 'Marc credit 2.50\nMarc debit 1\n' | node post-transactions.js [port]
 *
 * The input is read only as fast as the server takes it, so it may be of any length.
 */
import { createInterface } from 'node:readline';
import { connect, type Transaction } from 'outcry';

const [port = '7400'] = process.argv.slice(2);

async function* transactions(): AsyncGenerator<Transaction> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [account = '', type, amount = ''] = line.split(' ');
    // What is neither is refused, with its reason.
    yield { account, type: type as Transaction['type'], amount };
  }
}

await using client = await connect({ port: Number(port) });
const { posted, refused } = await client.bank.postAll(transactions());
for (const { index, reason } of refused) process.stderr.write(`line ${index + 1}: ${reason}\n`);
process.stdout.write(`${posted} posted, ${refused.length} refused\n`);
