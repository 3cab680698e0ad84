/**
 * Looks over a msgpack value before anything is made of it: that it is whole, alone, not nested too deeply, and made of
 * plain values only. A decoder that reads what a stranger has sent would otherwise recurse as deep as he likes, make room
 * for as many elements as he claims, and follow extensions that only this library knows.
 */

/** Deeper than any value of the api. */
const DEPTH_MAX = 16;

/** What is wrong with the value in `bytes` from `start` to `end`; undefined if nothing is. */
export function findMsgpackFault(bytes: Uint8Array, start: number, end: number): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Values still to come at each depth. */
  const left = [1];
  let at = start;
  while (left.length > 0) {
    const depth = left.length - 1;
    const remaining = left[depth] as number;
    if (remaining === 0) {
      left.pop();
      continue;
    }
    left[depth] = remaining - 1;
    if (at >= end) return 'it ends in the middle of a value';
    const head = bytes[at++] as number;
    const sizeBytes = SIZE_BYTES[head] as number;
    if (sizeBytes < 0) return `the byte 0x${head.toString(16)} begins no plain value`;
    if (at + sizeBytes > end) return 'it ends in the middle of a value';
    const size = sizeOf(view, at, head, sizeBytes);
    at += sizeBytes;
    const children = childrenOf(head, size);
    if (children > 0) {
      if (left.length === DEPTH_MAX) return `it is nested more than ${DEPTH_MAX} deep`;
      // Each of them takes at least a byte: a claim of more is no reason to count them.
      if (children > end - at) return 'it ends in the middle of a value';
      left.push(children);
    } else at += isBody(head) ? size : 0;
    if (at > end) return 'it ends in the middle of a value';
  }
  return at === end ? undefined : 'something follows the value';
}

/** Bytes behind the head that say how long the value is, or that are the value (a number); -1: not allowed. */
const SIZE_BYTES = Int8Array.from({ length: 256 }, (_, head) => {
  if (head <= 0xbf || head >= 0xe0) return 0;
  // nil, false, true
  if (head === 0xc0 || head === 0xc2 || head === 0xc3) return 0;
  // bin and str of 8, 16, 32 bits of length; array and map of 16, 32
  if (head === 0xc4 || head === 0xd9) return 1;
  if (head === 0xc5 || head === 0xda || head === 0xdc || head === 0xde) return 2;
  if (head === 0xc6 || head === 0xdb || head === 0xdd || head === 0xdf) return 4;
  // float 32, 64; uint 8 to 64; int 8 to 64
  if (head === 0xca) return 4;
  if (head === 0xcb) return 8;
  if (head >= 0xcc && head <= 0xcf) return 2 ** (head - 0xcc);
  if (head >= 0xd0 && head <= 0xd3) return 2 ** (head - 0xd0);
  return -1;
});

function sizeOf(view: DataView, at: number, head: number, sizeBytes: number): number {
  if (head >= 0xa0 && head <= 0xbf) return head & 0x1f;
  if (head < 0xa0) return head & 0x0f;
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at);
  return sizeBytes === 4 ? view.getUint32(at) : 0;
}

/** Values within an array or a map; 0 for anything else. */
function childrenOf(head: number, size: number): number {
  if ((head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd) return size;
  if ((head & 0xf0) === 0x80 || head === 0xde || head === 0xdf) return 2 * size;
  return 0;
}

/** A string or bytes: as many bytes follow as its size says. */
function isBody(head: number): boolean {
  return (head >= 0xa0 && head <= 0xbf) || (head >= 0xc4 && head <= 0xc6) || (head >= 0xd9 && head <= 0xdb);
}
