import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { DebugScreen } from '../../src/debug-screen.ts';
import { encodeInbound, encodeOutbound } from '../../src/protocol/ouch/messages.ts';
import {
  type ClientPacket,
  encodeClientPacket,
  encodeServerPacket,
  type ServerPacket,
} from '../../src/protocol/soupbintcp/packets.ts';
import { until } from '../support/until.ts';

const CANCEL = encodeInbound({ type: 'cancel', token: 7, quantity: 0 });
const REJECTED = encodeOutbound({ type: 'rejected', timestampNs: 258n, token: 7, reason: 'X' });

/** Somebody who reads, or does not. */
class Output extends Writable {
  isRead = true;
  text = '';
  #resume: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk;
    if (this.isRead) done();
    else this.#resume = done;
  }

  readOn(): void {
    this.isRead = true;
    this.#resume?.();
  }
}

class Watched {
  readonly output = new Output();
  readonly screen = new DebugScreen(this.output, 'alpha');

  constructor(service: 'ouch' | 'ouch-raw') {
    this.screen.opened({ id: 1, service, remoteAddress: '127.0.0.1:50112' });
  }

  /** What was printed since the last look, without the times. */
  look(): string {
    const { text } = this.output;
    this.output.text = '';
    return text.replace(/^\d\d:\d\d:\d\d\.\d{3} /gm, '');
  }

  send(...parts: Uint8Array[]): void {
    const bytes = Buffer.concat(parts);
    this.screen.received(1, bytes, 0, bytes.length);
  }

  sendPackets(...packets: ClientPacket[]): void {
    this.send(...packets.map(encodeClientPacket));
  }

  hearPackets(...packets: ServerPacket[]): void {
    this.screen.sent(1, Buffer.concat(packets.map(encodeServerPacket)));
  }
}

const RAW = 'raw #1 127.0.0.1:50112';
const OUCH = 'ouch #1 127.0.0.1:50112';
const CANCEL_TEXT = `X Cancel Order, 9 bytes
  0  58        message_type  X
  1  00000007  order_token   7
  5  00000000  quantity      0
`;

describe('the debug screen', () => {
  test('prints messages of both directions, with fields, offsets and bytes', () => {
    const watched = new Watched('ouch-raw');
    watched.send(CANCEL);
    // Cut where a batch was cut.
    watched.screen.sent(1, REJECTED.subarray(0, 5));
    watched.screen.sent(1, REJECTED.subarray(5));
    watched.screen.closed(1, '');
    assert.equal(
      watched.look(),
      `${RAW} connected
${RAW} > ${CANCEL_TEXT}\
${RAW} < J Order Rejected, 14 bytes
   0  4a                message_type  J
   1  0000000000000102  timestamp     258
   9  00000007          order_token   7
  13  58                reason        X
${RAW} closed
`,
    );
  });

  test('prints what is around messages, but no heartbeat and no password', () => {
    const watched = new Watched('ouch');
    const login = { user: 'TRADE1', password: 'SECRET', requestedSession: '', sequence: 1 } as const;
    watched.sendPackets(
      { type: 'login-request', ...login },
      { type: 'client-heartbeat' },
      { type: 'unsequenced', message: CANCEL },
    );
    watched.hearPackets(
      { type: 'login-accepted', session: 'DAY1', sequence: 1 },
      { type: 'server-heartbeat' },
    );
    assert.equal(
      watched.look(),
      `${OUCH} connected
${OUCH} > login-request, 49 bytes, user "TRADE1", requestedSession "", sequence 1
${OUCH} > ${CANCEL_TEXT}\
${OUCH} < login-accepted, 33 bytes, session "DAY1", sequence 1
`,
    );
  });

  test('shows what is no message as it is', () => {
    const watched = new Watched('ouch-raw');
    watched.send(Buffer.from('Q?'));
    watched.screen.closed(1, 'it sent nonsense');
    assert.equal(
      watched.look(),
      `${RAW} connected\n${RAW} > 2 bytes that are no message: 513f\n${RAW} closed: it sent nonsense\n`,
    );
    const packets = new Watched('ouch');
    packets.sendPackets({ type: 'unsequenced', message: Buffer.from('O1') });
    assert.match(packets.look(), /> 2 bytes that are no message: 4f31\n$/);
  });

  test('drops what nobody reads, and says how much', async () => {
    const watched = new Watched('ouch-raw');
    watched.output.isRead = false;
    for (let i = 0; i < 20_000; i++) watched.send(CANCEL);
    assert.ok(watched.output.writableLength < 1_100_000);
    watched.output.readOn();
    await until('it is read', () => watched.output.writableLength === 0);
    const shown = watched.look().match(/X Cancel Order/g)?.length ?? 0;
    watched.send(CANCEL);
    assert.match(watched.look(), new RegExp(`^… ${20_000 - shown} messages not shown\n`));
  });
});
