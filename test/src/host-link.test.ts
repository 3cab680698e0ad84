import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type ConnectionSink, HostLink, type Pausable } from '../../src/host-link.ts';
import { type Batch, BatchReader, BatchWriter, RECORD, transferListOf } from '../../src/protocol/link.ts';
import { toAddress } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { until } from '../support/until.ts';

const ADDRESS = toAddress('ledger/0');
const HIGH = 10_000;
const LOW = 4_000;

const NO_SINK: ConnectionSink = {
  write: () => {},
  close: () => {},
  remember: () => {},
  identify: () => {},
  countFrames: () => {},
  countIgnored: () => {},
  flow: () => {},
  flush: () => true,
};

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
    const batch = writer.take();
    this.port.postMessage(batch, transferListOf(batch));
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

  describe('the buffer of a large batch', () => {
    let written: number;
    let isTaken: boolean;

    beforeEach(() => {
      written = 0;
      isTaken = true;
      link.deliverTo({ ...NO_SINK, write: () => written++, flush: () => isTaken });
    });

    async function receive(write: (writer: BatchWriter) => void = () => {}): Promise<Batch | undefined> {
      far.reply((writer) => {
        writer.copy(RECORD.write, 1, new Uint8Array(100_000), 0, 100_000);
        write(writer);
      });
      await until('it has come', () => written === 1);
      send('next');
      await until('the next batch has arrived', () => far.batches.length > 0);
      return far.batches.at(-1);
    }

    test('goes back to the host with the next one', async () => {
      assert.ok(((await receive())?.spent?.byteLength ?? 0) >= 100_000);
    });

    test('goes back once', async () => {
      await receive();
      send('one more');
      await until('it has arrived', () => far.batches.length > 1);
      assert.equal(far.batches.at(-1)?.spent, undefined);
    });

    test('stays while a client has not taken what is in it', async () => {
      isTaken = false;
      assert.equal((await receive())?.spent, undefined);
    });

    test('stays if a value may have parts of it', async () => {
      const batch = await receive((writer) => writer.value(RECORD.reply, 1, { late: true }));
      assert.equal(batch?.spent, undefined);
    });
  });

  test('an ask of a host that is not there fails at once', async () => {
    link.lose('its thread ended');
    await assert.rejects(link.ask(ADDRESS, {}, 60_000), { code: 'ERR_HOST_LOST' });
  });

  test('what a lost host sent last is not taken for its successor', async () => {
    const written: string[] = [];
    link.deliverTo({
      ...NO_SINK,
      write: (_, bytes) => written.push(Buffer.from(bytes).toString()),
      close: (_, reason) => written.push(`closed ${reason}`),
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

  describe('what actors say to the main thread', () => {
    const DESK = 'main/desk';

    /** What it was asked and told, and how to answer that. */
    function answering() {
      const heard: unknown[] = [];
      const open: { resolve: (value: unknown) => void; reject: (error: unknown) => void }[] = [];
      link.answerWith((address, message) => {
        heard.push([address, message]);
        return new Promise((resolve, reject) => open.push({ resolve, reject }));
      });
      return { heard, open };
    }

    function ask(id: number, message: unknown, address = DESK): number {
      let charge = 0;
      far.reply((writer) => {
        writer.text(RECORD.bind, 3, address);
        charge = writer.ask(3, id, 1000, message);
      });
      return charge;
    }

    const repliesOf = (end: FarEnd) =>
      end.batches.flatMap((batch) => {
        const reader = new BatchReader(batch);
        const replies: unknown[] = [];
        while (reader.next()) {
          if (reader.kind === RECORD.reply) replies.push([reader.target, reader.flags, reader.value()]);
        }
        return replies;
      });

    const creditOf = (end: FarEnd) =>
      end.records.filter(({ kind }) => kind === RECORD.credit).reduce((sum, { target }) => sum + target, 0);

    test('an ask is answered by its number, and its charge given back at once', async () => {
      const { heard, open } = answering();
      const charge = ask(41, { type: 'status' }) + ask(42, { type: 'limits' });
      await until('they are heard', () => heard.length === 2);
      assert.deepEqual(heard, [
        [DESK, { type: 'status' }],
        [DESK, { type: 'limits' }],
      ]);
      await until('the charge is back', () => creditOf(far) === charge);
      assert.deepEqual(repliesOf(far), []);
      open[1]?.resolve({ second: true });
      await until('one is answered', () => repliesOf(far).length === 1);
      open[0]?.resolve(null);
      await until('both are answered', () => repliesOf(far).length === 2);
      assert.deepEqual(repliesOf(far), [
        [42, 0, { second: true }],
        [41, 0, null],
      ]);
    });

    test('an error keeps its code, and one that has none gets one', async () => {
      const { open } = answering();
      ask(1, {});
      ask(2, {});
      await until('they are heard', () => open.length === 2);
      open[0]?.reject(new OutcryError('ERR_FILE_MISSING', 'not there', { fields: { name: 'a' } }));
      open[1]?.reject(new TypeError('a mistake'));
      await until('both are answered', () => repliesOf(far).length === 2);
      assert.deepEqual(repliesOf(far), [
        [1, 1, { code: 'ERR_FILE_MISSING', message: 'not there', fields: { name: 'a' } }],
        [2, 1, { code: 'ERR_UNEXPECTED', message: 'a mistake', fields: {} }],
      ]);
    });

    test('whoever answers may throw at once', async () => {
      link.answerWith(() => {
        throw new OutcryError('ERR_ASK_NO_ACTOR', 'nobody');
      });
      ask(1, {});
      await until('it is answered', () => repliesOf(far).length === 1);
      assert.deepEqual(repliesOf(far), [[1, 1, { code: 'ERR_ASK_NO_ACTOR', message: 'nobody', fields: {} }]]);
    });

    test('what is asked before anybody answers waits for him', async () => {
      const charge = ask(1, { early: true });
      await until('the charge is back', () => creditOf(far) === charge);
      assert.deepEqual(repliesOf(far), []);
      const { heard, open } = answering();
      await until('it is heard', () => heard.length === 1);
      assert.deepEqual(heard, [[DESK, { early: true }]]);
      open[0]?.resolve('at last');
      await until('it is answered', () => repliesOf(far).length === 1);
      assert.deepEqual(repliesOf(far), [[1, 0, 'at last']]);
    });

    test('what is told is heard, charged and answered by nobody, whatever becomes of it', async () => {
      const { heard, open } = answering();
      let charge = 0;
      far.reply((writer) => {
        writer.text(RECORD.bind, 3, DESK);
        charge = writer.value(RECORD.tell, 3, { type: 'shutdown' });
        charge += writer.value(RECORD.tell, 3, { type: 'abandon-put' });
      });
      await until('it is heard', () => heard.length === 2);
      assert.deepEqual(heard[0], [DESK, { type: 'shutdown' }]);
      open[0]?.resolve(null);
      open[1]?.reject(new Error('nobody hears of it'));
      await until('the charge is back', () => creditOf(far) === charge);
      await nextTurn();
      assert.deepEqual(repliesOf(far), []);
    });

    test('a host that is replaced while the main thread answers gets no answer to what it has not asked', async () => {
      const { open } = answering();
      ask(7, { from: 'the first host' });
      await until('it is heard', () => open.length === 1);
      far.port.close();
      link.lose('its thread ended');
      far = new FarEnd(link);
      ask(7, { from: 'the second host' });
      await until('it is heard', () => open.length === 2);
      open[0]?.resolve('for the first');
      await nextTurn();
      open[1]?.resolve('for the second');
      await until('it is answered', () => repliesOf(far).length === 1);
      await nextTurn();
      assert.deepEqual(repliesOf(far), [[7, 0, 'for the second']]);
    });

    test('the numbers that a host has for addresses are not those of the next one', async () => {
      const { heard } = answering();
      ask(1, {});
      await until('it is heard', () => heard.length === 1);
      far.port.close();
      link.lose('its thread ended');
      far = new FarEnd(link);
      far.reply((writer) => {
        writer.text(RECORD.bind, 0, 'main/other');
        writer.ask(0, 1, 1000, 'hello');
      });
      await until('it is heard', () => heard.length === 2);
      assert.deepEqual(heard[1], ['main/other', 'hello']);
    });
  });
});
