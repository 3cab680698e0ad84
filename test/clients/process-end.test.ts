/** A program ends by itself when its clients are closed: no timer, socket or listener is left behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { ApiServer } from '../support/api-server.ts';

const LIBRARY = new URL('../../clients/index.js', import.meta.url).href;

/** Runs a program that has `connect` and `port`; resolves with its exit code and what it has printed. */
async function run(program: string, port: number): Promise<readonly [code: number, output: string]> {
  const text = `import { connect } from ${JSON.stringify(LIBRARY)};\nconst port = ${port};\n${program}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text]);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  return [code as number, output];
}

/** Each must end by itself; the connection or the timer that would keep it would do so for a minute at the least. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'after close': `
    const client = await connect({ port, timeoutMs: 60_000 });
    await client.bank.credit('Ann', '1');
    await client.close();`,
  'after a failed attempt': `
    await connect({ port: 1 }).catch(({ code }) => console.log(code));`,
  'after a call that has timed out': `
    const client = await connect({ port, timeoutMs: 60_000 });
    await client.lobby.clients({ timeoutMs: 10 }).catch(({ code }) => console.log(code));
    await client.close();`,
  'after an aborted call': `
    const client = await connect({ port, timeoutMs: 60_000 });
    await client.lobby.clients({ signal: AbortSignal.timeout(10) }).catch(({ name }) => console.log(name));
    await client.close();`,
  'after a loop that was left': `
    const client = await connect({ port, timeoutMs: 60_000 });
    for await (const message of client.lobby.messages()) { console.log(message.text); break; }
    await client.close();`,
  'after a client that does not come back': `
    const client = await connect({ port, timeoutMs: 60_000, reconnect: false });
    client.lobby.files().catch(() => {});
    const error = await client.closed;
    console.log(error.code);`,
  'after close in the middle of a pause': `
    const client = await connect({ port, reconnect: { minMs: 600_000, maxMs: 600_000 } });
    client.lobby.files().catch(({ code }) => console.log(code));
    client.on('state', ({ state }) => { if (state === 'reconnecting') client.close({ timeoutMs: 0 }); });`,
};

describe('a program with clients ends by itself', () => {
  for (const [name, program] of Object.entries(PROGRAMS)) {
    test(name, { timeout: 20_000 }, async () => {
      await using server = await ApiServer.listen({
        handlers: {
          'lobby.files': (call) => call.session.break(),
          'lobby.messages': (call) => {
            call.open();
            call.onCredit = () => call.send({ from: 'Bob', text: 'hello', timeMs: 0 });
          },
        },
      });
      const [code, output] = await run(program, server.port);
      assert.equal(code, 0, output);
    });
  }
});
