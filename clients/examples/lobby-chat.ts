/**
 * Says the lines of standard input in the lobby, and shows what others say, until the input ends:
 *
 *     node lobby-chat.js [port] [name]
 */
import { createInterface } from 'node:readline';
import { connect } from 'outcry';

const [port = '7400', name = 'somebody'] = process.argv.slice(2);

await using client = await connect({ port: Number(port), name });
client.on('state', ({ state }) => show(`* ${state}`));

/** Ends when the client is closed. */
async function listen(): Promise<void> {
  const messages = client.lobby.messages({ onGap: () => show('* something may be missing here') });
  for await (const { from, text } of messages) show(`${from}: ${text}`);
}

/** Nobody else moves the cursor of this terminal. */
function show(line: string): void {
  process.stdout.write(`${line.replaceAll(/\p{Cc}/gu, '')}\n`);
}

const listening = listen();
for (const { name: other, untilMs } of await client.lobby.clients()) {
  if (untilMs === null) show(`* ${other} is here`);
}
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== '') await client.lobby.say(line);
}
await client.close();
await listening;
