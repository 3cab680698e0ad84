/** Lines out of chunks. */
import { isUtf8 } from 'node:buffer';

const LF = 10;

/** Calls `take` for each line of `chunks`, without its end, with its number from 1. Throws a RangeError at bad UTF-8. */
export async function splitLines(
  chunks: AsyncIterable<Uint8Array>,
  take: (line: string, number: number) => void,
): Promise<void> {
  let begun: Buffer[] = [];
  let number = 0;
  const takeAll = (bytes: Buffer) => {
    const isText = isUtf8(bytes);
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.indexOf(LF, start);
      number++;
      if (!isText && !isUtf8(bytes.subarray(start, end)))
        throw new RangeError(`line ${number}: it is not UTF-8`);
      take(bytes.toString('utf8', start, end), number);
      start = end + 1;
    }
  };
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const end = bytes.lastIndexOf(LF) + 1;
    if (end > 0) {
      takeAll(
        begun.length === 0 ? bytes.subarray(0, end) : Buffer.concat([...begun, bytes.subarray(0, end)]),
      );
      begun = [];
    }
    if (end < bytes.length) begun.push(bytes.subarray(end));
  }
  if (begun.length > 0) takeAll(Buffer.concat([...begun, Buffer.from([LF])]));
}
