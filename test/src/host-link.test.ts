import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { HostLink, type Pausable } from '../../src/host-link.ts';
import { type Batch, BatchReader, BatchWriter, RECORD } from '../../src/protocol/link.ts';
import { toAddress } from '../../src/values/address.ts';
import { until } from '../support/until.ts';

const ADDRESS = toAddress('ledger/0');
const HIGH = 10_000;
const LOW = 4_000;

interface Record {
  readonly kind: number;
  readonly target: number;
  readonly body: string;
  readonly charge: number;
}

/** The far end of the link, played by the test. */
class FarEnd {
  readonly port: MessagePort;
  readonly batches: Batch[] = [];

  constructor(link: HostLink) {
    const { port1, port2 } = new MessageChannel();
    link.attach(port1);
    this.port = port2;
    port2.on('message', (batch: Batch) => this.batches.push(batch));
  }

  get records(): Record[] {
    return this.batches.flatMap((batch) => {
      const reader = new BatchReader(batch);
      const records: Record[] = [];
      while (reader.next()) {
        const { kind, target, charge } = reader;
        records.push({ kind, target, charge, body: reader.text() });
      }
      return records;
    });
  }

  get charge(): number {
    return this.records
      .filter(({ kind }) => kind === RECORD.connectionBytes || kind === RECORD.connectionChunk)
      .reduce((sum, { charge }) => sum + charge, 0);
  }

  reply(write: (writer: BatchWriter) => void): void {
    const writer = new BatchWriter();
    write(writer);
    this.port.postMessage(writer.take());
  }
}

describe('HostLink', () => {
  let link: HostLink;
  let far: FarEnd;

  beforeEach(() => {
    link = new HostLink({ index: 0, bytesHigh: HIGH, bytesLow: LOW, onEvent: () => {} });
    far = new FarEnd(link);
  });

  afterEach(() => {
    link.lose('the test is over');
    far.port.close();
  });

  function send(text: string, connection = 1): void {
    const bytes = Buffer.from(text, 'latin1');
    link.sendFrames(connection, bytes, 0, bytes.length);
  }

  test('what one turn produces is one batch, in its order, small frames and large', async () => {
    const large = 'L'.repeat(20_000);
    send('one\n');
    link.command({ type: 'ended', connection: 7 });
    send(large, 2);
    send('two\n');
    await until('it has arrived', () => far.batches.length > 0);
    await nextTurn();
    assert.equal(far.batches.length, 1);
    assert.deepEqual(
      far.records.map(({ kind, target }) => [kind, target]),
      [
        [RECORD.connectionBytes, 1],
        [RECORD.control, 0],
        [RECORD.connectionChunk, 2],
        [RECORD.connectionBytes, 1],
      ],
    );
    assert.equal(far.records[2]?.body, large);
  });

  test('what is in flight is what the far end will give back', async () => {
    send('small\n');
    send('x'.repeat(30_000));
    send('');
    await until('it has arrived', () => far.batches.length > 0);
    assert.equal(link.bytesInFlight, far.charge);
    far.reply((writer) => writer.credit(far.charge));
    await until('the credit is back', () => link.bytesInFlight === 0);
  });

  test('connections pause above the high-water mark and resume at the low-water mark', async () => {
    const events: string[] = [];
    const connection: Pausable = {
      pause: () => events.push('pause'),
      resume: () => events.push(`resume at ${link.bytesInFlight}`),
    };
    const frame = 'x'.repeat(988);
    for (let i = 0; i < 10; i++) send(frame);
    assert.equal(link.bytesInFlight, HIGH);
    assert.equal(link.pauseIfFull(connection), false);
    send(frame);
    assert.equal(link.pauseIfFull(connection), true);
    assert.deepEqual(events, ['pause']);
    for (let left = link.bytesInFlight - 1000; left >= 0; left -= 1000) {
      far.reply((writer) => writer.credit(1000));
      await until('the credit is back', () => link.bytesInFlight === left);
    }
    assert.deepEqual(events, ['pause', `resume at ${LOW}`]);
  });

  test('an ask is answered, or fails with the error of the far end', async () => {
    const answered = link.ask(ADDRESS, { type: 'report' }, 60_000);
    const failed = link.ask(ADDRESS, { type: 'report' }, 60_000);
    far.reply((writer) => {
      writer.value(RECORD.reply, 1, { total: 5 });
      writer.value(
        RECORD.reply,
        2,
        { code: 'ERR_ASK_FAULT', message: 'it failed', fields: { actor: 'a' } },
        1,
      );
    });
    assert.deepEqual(await answered, { total: 5 });
    await assert.rejects(failed, { code: 'ERR_ASK_FAULT', message: 'it failed', fields: { actor: 'a' } });
  });

  test('an ask that is not answered fails at its deadline, and a late answer is ignored', async () => {
    await assert.rejects(link.ask(ADDRESS, {}, 20), { code: 'ERR_ASK_TIMEOUT' });
    const next = link.ask(ADDRESS, {}, 60_000);
    far.reply((writer) => {
      writer.value(RECORD.reply, 1, 'late');
      writer.value(RECORD.reply, 2, 'in time');
    });
    assert.equal(await next, 'in time');
  });

  test('an address is named once a link, and anew for the host that replaces a lost one', async () => {
    const asks = [link.ask(ADDRESS, {}, 60_000), link.ask(ADDRESS, {}, 60_000)];
    await until('it has arrived', () => far.batches.length > 0);
    const isBind = ({ kind }: Record) => kind === RECORD.bind;
    assert.deepEqual(far.records.filter(isBind).length, 1);
    link.lose('the test ended it');
    await Promise.all(asks.map((ask) => assert.rejects(ask, { code: 'ERR_HOST_LOST' })));
    far.port.close();
    far = new FarEnd(link);
    link.ask(ADDRESS, {}, 60_000).catch(() => {});
    await until('it has arrived', () => far.batches.length > 0);
    assert.deepEqual(far.records.filter(isBind).length, 1);
  });

  test('what waits for a lost host fails with its reason, and nothing is in flight to it any more', async () => {
    const asks = [1, 2, 3].map(() => link.ask(ADDRESS, {}, 60_000));
    let resumed = 0;
    send('x'.repeat(2 * HIGH));
    link.pauseIfFull({ pause: () => {}, resume: () => resumed++ });
    link.lose('its thread ended');
    const message = 'host 0 was lost: its thread ended';
    await Promise.all(asks.map((ask) => assert.rejects(ask, { code: 'ERR_HOST_LOST', message })));
    assert.deepEqual([link.bytesInFlight, resumed], [0, 1]);
  });

  test('an ask of a host that is not there fails at once', async () => {
    link.lose('its thread ended');
    await assert.rejects(link.ask(ADDRESS, {}, 60_000), { code: 'ERR_HOST_LOST' });
  });

  test('what a lost host sent last is not taken for its successor', async () => {
    const written: string[] = [];
    link.deliverTo({
      write: (_, bytes) => written.push(Buffer.from(bytes).toString()),
      close: (_, reason) => written.push(`closed ${reason}`),
      remember: () => {},
      identify: () => {},
      countFrames: () => {},
      countIgnored: () => {},
      flow: () => {},
      flush: () => {},
    });
    send('x'.repeat(500));
    const lost = far;
    // Several, so that some are still queued here when the host is found to be lost.
    for (let i = 0; i < 100; i++) {
      lost.reply((writer) => {
        writer.credit(512);
        writer.text(RECORD.close, 1, '');
      });
    }
    link.lose('its thread ended');
    far = new FarEnd(link);
    send('anew');
    far.reply((writer) => writer.copy(RECORD.write, 1, Buffer.from('hello'), 0, 5));
    await until('the successor is heard', () => written.length > 0);
    await nextTurn();
    assert.deepEqual(written, ['hello']);
    assert.equal(link.bytesInFlight, far.charge);
    lost.port.close();
  });
});
