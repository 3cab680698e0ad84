import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { ChannelBroken, ChunkWriter, readChunks } from '../../../src/protocol/chunk-channel.ts';

function chunk(byte: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([byte]);
}

describe('a chunk channel', () => {
  test('carries chunks in order, and their end', async () => {
    const { port1, port2 } = new MessageChannel();
    const writer = new ChunkWriter(port1);
    const write = async () => {
      for (let i = 0; i < 50; i++) await writer.write(chunk(i));
      await writer.end();
    };
    const written = write();
    const found: number[] = [];
    for await (const bytes of readChunks(port2)) found.push(...bytes);
    await written;
    assert.deepEqual(
      found,
      Array.from({ length: 50 }, (_, i) => i),
    );
  });

  test('holds the writer up while the reader takes nothing', async () => {
    const { port1, port2 } = new MessageChannel();
    const writer = new ChunkWriter(port1);
    let written = 0;
    const write = async () => {
      for (let i = 0; i < 20; i++) {
        await writer.write(chunk(i));
        written++;
      }
      await writer.end();
    };
    const done = write();
    const chunks = readChunks(port2);
    await chunks.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(written < 5, `${written} were written`);
    for await (const _ of chunks);
    await done;
    assert.equal(written, 20);
  });

  test('tells the writer that the reader has stopped', async () => {
    const { port1, port2 } = new MessageChannel();
    const writer = new ChunkWriter(port1);
    const write = async () => {
      for (;;) await writer.write(chunk(0));
    };
    const written = write();
    for await (const _ of readChunks(port2)) break;
    await assert.rejects(written, ChannelBroken);
  });

  test('tells the reader that there was no end', async () => {
    const { port1, port2 } = new MessageChannel();
    const writer = new ChunkWriter(port1);
    const found: number[] = [];
    const read = async () => {
      for await (const bytes of readChunks(port2)) found.push(...bytes);
    };
    const reading = read();
    await writer.write(chunk(1));
    writer.close();
    await assert.rejects(reading, ChannelBroken);
    assert.deepEqual(found, [1]);
  });
});
