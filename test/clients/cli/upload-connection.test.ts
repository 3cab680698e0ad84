import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { type ConnectionListener, UploadConnection } from '../../../clients/cli/upload-connection.ts';
import { openUploadSource } from '../../../clients/cli/upload-source.ts';
import { Upload } from '../../../clients/upload.ts';

const folder = mkdtempSync(join(tmpdir(), 'upload-connection-'));
const file = join(folder, 'input.txt');
writeFileSync(file, 'A credit $1\nB credit $1\n');
after(() => rmSync(folder, { recursive: true }));

const IGNORED: ConnectionListener = { onAnswer() {}, onOpened() {}, async onRetry() {} };

interface Trial {
  readonly connection: UploadConnection;
  readonly upload: Upload;
  /** Resolves as `connection.run` does. */
  readonly ended: Promise<string | undefined>;
  /** The server's side. */
  readonly socket: Socket;
  readonly peer: string;
  /** Resolves when the client has taken in `answer`. */
  say(answer: string): Promise<void>;
}

/** A connection to a server that says nothing by itself, and a clock that stands still. */
async function connectTo(t: TestContext): Promise<Trial> {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const buffers = [Buffer.alloc(100), Buffer.alloc(100)] as const;
  const source = await openUploadSource(file, buffers);

  let onAnswered = () => {};
  const upload = new Upload({ id: 'abc', lineCount: source.lineCount });
  const address = { host: '127.0.0.1', port };
  const listener = { ...IGNORED, onAnswer: () => onAnswered() };
  const connection = new UploadConnection(upload, { address, source, buffers, listener });
  const ended = connection.run();
  // Its timers must be gone before the next test has a clock of its own.
  t.after(async () => {
    connection.cut('the test is over');
    await ended;
    await source.close();
  });
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => socket.destroy());
  const [header] = (await once(socket, 'data')) as [Buffer];
  assert.equal(header.toString(), 'OUTCRY 1 ACK abc\n');
  const say = (answer: string) =>
    new Promise<void>((resolve) => {
      onAnswered = resolve;
      socket.write(answer);
    });
  return { connection, upload, ended, socket, peer: `127.0.0.1:${port}`, say };
}

describe('UploadConnection', () => {
  test('sends no line before the server has answered', async (t) => {
    const { socket, say } = await connectTo(t);
    const lines = once(socket, 'data');
    await say('OK 1\n');
    assert.equal(String((await lines)[0]), 'B credit $1\n');
  });

  test('ends after ten seconds without an answer to the header', async (t) => {
    const { ended, peer } = await connectTo(t);
    t.mock.timers.tick(10_000);
    assert.equal(await ended, `${peer} does not answer; a server that does not know --ack never does`);
  });

  test('ends after thirty seconds without an answer to lines', async (t) => {
    const { ended, peer, say } = await connectTo(t);
    await say('OK 0\n');
    t.mock.timers.tick(29_999);
    await say('OK 1\n');
    t.mock.timers.tick(30_000);
    assert.equal(await ended, `${peer} has gone silent`);
  });

  test('waits for a server that cannot store', async (t) => {
    const { connection, upload, ended, say } = await connectTo(t);
    await say('ERR 0 store\n');
    t.mock.timers.tick(1e6);
    await say('OK 0\n');
    assert.equal(upload.state, 'sending');
    connection.cut('enough');
    assert.equal(await ended, 'enough');
  });

  test('ends when a retry comes instead of the first OK, which only a new connection answers', async (t) => {
    const { ended, peer, say } = await connectTo(t);
    await say('ERR 0 retry\n');
    assert.equal(await ended, `${peer} has lost what was on its way`);
  });

  test('is done when all is durable, whether the server closes or not', async (t) => {
    const { ended, socket, say } = await connectTo(t);
    const halfClosed = once(socket, 'end');
    await say('OK 0\n');
    await say('OK 2\n');
    await halfClosed;
    t.mock.timers.tick(2000);
    assert.equal(await ended, undefined);
  });
});
