/**
 * Shows how a server is doing, a line a second, until it is interrupted:
 *
 *     OUTCRY_ADMIN_TOKEN=… node admin-dashboard.js [port]
 *
 * The token is in operator.json in the server's data folder.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { connect, OutcryError } from 'outcry';

const [port = '7400'] = process.argv.slice(2);
const { OUTCRY_ADMIN_TOKEN: token } = process.env;

const interruption = new AbortController();
const { signal } = interruption;
process.once('SIGINT', () => interruption.abort());

await using client = await connect({ port: Number(port), token });
client.on('state', ({ state }) => process.stdout.write(`${state}\n`));

let appliedBefore: number | undefined;
while (!signal.aborted) {
  try {
    const { bank, services, memoryBytes } = await client.admin.status({ signal });
    const connections = services.reduce((sum, { open }) => sum + open, 0);
    const applied = bank.applied - (appliedBefore ?? bank.applied);
    appliedBefore = bank.applied;
    const megabytes = Math.round(memoryBytes / 1_000_000);
    process.stdout.write(
      `${connections} connections, ${bank.accounts} accounts, ${applied} transactions/s, ${megabytes} MB\n`,
    );
    await delay(1000, undefined, { signal });
  } catch (error) {
    if (signal.aborted) break;
    // A server that is away for long is worth a line; anything else ends the program.
    if (!(error instanceof OutcryError) || error.code !== 'ERR_REQUEST_TIMEOUT') throw error;
    process.stdout.write(`${error.message}\n`);
  }
}
