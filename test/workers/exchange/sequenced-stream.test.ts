/** The sequenced stream of a trading account: what is in memory, what is not, and where that is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  countPackets,
  PAGE_BYTES,
  SequencedStream,
  StreamMemory,
} from '../../../workers/exchange/sequenced-stream.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const ROOMY = 64 * 1024 * 1024;

/** Appends a message of `length` times `byte`. */
function say(stream: SequencedStream, byte: number, length = 10): void {
  const at = stream.begin(length);
  for (let i = 0; i < length; i++) stream.view.setUint8(at + i, byte);
}

function packet(byte: number, length = 10): Buffer {
  return Buffer.concat([Buffer.from([0, length + 1]), Buffer.from('S'), Buffer.alloc(length, byte)]);
}

/** What is in memory. */
function read(stream: SequencedStream, sequence: number, bytesMax: number): Buffer {
  return joined([stream.read(sequence, bytesMax) as Uint8Array]);
}

function joined(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}

describe('a sequenced stream', () => {
  test('has whole packets, which are taken once and stay as they are', () => {
    const stream = new SequencedStream(new StreamMemory(ROOMY));
    say(stream, 1);
    say(stream, 2);
    const first = stream.takeFresh(1);
    assert.equal(first.length, 1);
    assert.deepEqual(joined(first), joined([packet(1), packet(2)]));
    assert.deepEqual(stream.takeFresh(2), []);
    for (let i = 0; i < 1000; i++) say(stream, 3);
    assert.deepEqual(joined(first), joined([packet(1), packet(2)]));
    assert.equal(joined(stream.takeFresh(2)).length, 13_000);
    assert.equal(stream.count, 1002);
  });

  test('is read from any number on, in whole packets, at least one', () => {
    const stream = new SequencedStream(new StreamMemory(ROOMY));
    for (let i = 1; i <= 20; i++) say(stream, i);
    assert.deepEqual(read(stream, 3, 30), joined([packet(3), packet(4)]));
    assert.deepEqual(read(stream, 3, 1), packet(3));
    assert.deepEqual(read(stream, 20, 1000), packet(20));
    assert.deepEqual(read(stream, 21, 1000), Buffer.alloc(0));
    assert.equal(countPackets(read(stream, 1, 1000)), 20);
  });

  test('begins a page where the next packet does not fit, and says in which event a page begins', () => {
    const stream = new SequencedStream(new StreamMemory(ROOMY));
    const inPage = Math.floor(PAGE_BYTES / 13);
    for (let i = 0; i < inPage; i++) say(stream, 1);
    stream.takeFresh(1);
    say(stream, 2);
    stream.takeFresh(2);
    assert.equal(countPackets(read(stream, 1, ROOMY)), inPage);
    assert.deepEqual(stream.coldAt(inPage), { event: 1, first: 1 });
    assert.deepEqual(stream.coldAt(inPage + 1), { event: 2, first: inPage + 1 });
  });

  test('costs little where little is said', () => {
    const memory = new StreamMemory(ROOMY);
    for (let i = 0; i < 10_000; i++) say(new SequencedStream(memory), 1, 65);
    assert.ok(memory.bytes <= 10_000 * 256, `${memory.bytes} bytes`);
  });

  test('gives its oldest pages up for others, and goes on', () => {
    const memory = new StreamMemory(4 * PAGE_BYTES);
    const quiet = new SequencedStream(memory);
    say(quiet, 1);
    quiet.takeFresh(1);
    const loud = new SequencedStream(memory);
    for (let event = 2; event < 1000; event++) {
      for (let i = 0; i < 100; i++) say(loud, 2);
      loud.takeFresh(event);
      assert.ok(memory.bytes <= 5 * PAGE_BYTES);
    }
    assert.equal(quiet.read(1, 1000), undefined);
    assert.deepEqual(quiet.coldAt(1), { event: 1, first: 1 });
    say(quiet, 3);
    assert.equal(quiet.read(1, 1000), undefined);
    assert.deepEqual(read(quiet, 2, 1000), packet(3));
    assert.deepEqual(joined(quiet.takeFresh(1000)), packet(3));
    // It is the same page still.
    assert.deepEqual(quiet.coldAt(2), { event: 1, first: 1 });
  });

  test('keeps what was not taken, whatever that needs', () => {
    const stream = new SequencedStream(new StreamMemory(0));
    for (let i = 0; i < 20_000; i++) say(stream, i % 256);
    const fresh = joined(stream.takeFresh(1));
    assert.equal(fresh.length, 20_000 * 13);
    assert.deepEqual(fresh.subarray(-13), packet(19_999 % 256));
  });

  test('gives its memory back with its session', () => {
    const memory = new StreamMemory(ROOMY);
    const stream = new SequencedStream(memory);
    for (let i = 0; i < 20_000; i++) say(stream, 1);
    stream.clear();
    assert.equal(memory.bytes, 0);
    assert.equal(stream.count, 0);
    say(stream, 2);
    assert.deepEqual(read(stream, 1, 100), packet(2));
  });

  test('takes no bytes that are not whole packets', () => {
    const stream = new SequencedStream(new StreamMemory(ROOMY));
    const bytes = joined([packet(1), packet(2)]);
    assert.throws(() => stream.append(bytes, 0, bytes.length - 1, 1), /has no end/);
    assert.throws(() => stream.append(Buffer.from([0, 0]), 0, 2, 1), /has no end/);
    assert.throws(() => stream.append(Buffer.from([0]), 0, 1, 1), /has no end/);
  });

  test('has the same bytes and pages, however it came to be', () => {
    const random = new Random(fuzzSeed());
    for (let run = 0; run < 30; run++) checkHistory(random);
  });
});

/** Streams of one memory, each beside what it has been told, and beside one that was recovered from a point on. */
function checkHistory(random: Random): void {
  const memory = new StreamMemory(random.below(6 * PAGE_BYTES));
  const recoveredMemory = new StreamMemory(random.below(6 * PAGE_BYTES));
  const accounts = Array.from({ length: 1 + random.below(4) }, () => ({
    stream: new SequencedStream(memory),
    recovered: new SequencedStream(recoveredMemory),
    told: [] as Buffer[],
    /** The event of each message. */
    events: [] as number[],
    isSplit: false,
  }));
  for (let event = 1; event < 60; event++) {
    const account = random.pick(accounts);
    if (!account.isSplit && random.chance(0.1)) {
      account.isSplit = true;
      account.recovered.restore(account.stream.freeze());
    }
    const count = random.below(random.chance(0.2) ? 3000 : 40);
    for (let i = 0; i < count; i++) {
      const [byte, length] = [random.below(256), 1 + random.below(65)];
      say(account.stream, byte, length);
      account.told.push(packet(byte, length));
      account.events.push(event);
    }
    const fresh = joined(account.stream.takeFresh(event));
    assert.deepEqual(fresh, joined(account.told.slice(account.told.length - count)));
    // Ahead of the split it is no part of the recovered stream, unless that begins with it.
    if (account.isSplit || account.recovered.count === account.told.length - count) {
      account.recovered.append(fresh, 0, fresh.length, event);
    }
    checkReads(account.stream, account, random);
  }
  for (const account of accounts) {
    assert.deepEqual(account.recovered.freeze(), account.stream.freeze());
    for (let i = 0; i < 20; i++) checkReads(account.recovered, account, random);
  }
}

function checkReads(
  stream: SequencedStream,
  { told, events }: { readonly told: readonly Buffer[]; readonly events: readonly number[] },
  random: Random,
): void {
  assert.equal(stream.count, told.length);
  const sequence = 1 + random.below(told.length + 1);
  const bytesMax = random.below(2 * PAGE_BYTES);
  const read = stream.read(sequence, bytesMax);
  if (read !== undefined) {
    const packets = countPackets(read);
    assert.deepEqual(Buffer.from(read), joined(told.slice(sequence - 1, sequence - 1 + packets)));
    assert.ok(packets <= 1 || read.length <= bytesMax);
    assert.ok(packets > 0 || sequence === told.length + 1);
  } else {
    const cold = stream.coldAt(sequence);
    assert.ok(cold.first <= sequence);
    assert.equal(events.indexOf(cold.event), cold.first - 1, 'it is not the first of that event');
    const between = told.filter((_, i) => i < sequence - 1 && (events[i] as number) > cold.event);
    assert.ok(joined(between).length <= PAGE_BYTES, 'the page is not the one of the packet');
  }
}
