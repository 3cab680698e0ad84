/**
 * HalfSipHash-2-4 with a 32-bit result (J.-P. Aumasson, D. J. Bernstein): a keyed hash in 32-bit additions, rotations
 * and exclusive ors. Who does not know the key can not make names collide.
 */
export type HashKey = readonly [number, number];

/** The hash of `length` bytes of `view` from `start`; up to 3 bytes after them are read and ignored. */
export function halfSipHash(view: DataView, start: number, length: number, [k0, k1]: HashKey): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) | 0;
      v1 = rotate(v1, 5) ^ v0;
      v0 = rotate(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotate(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotate(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotate(v1, 13) ^ v2;
      v2 = rotate(v2, 16);
    }
  };
  const take = (word: number) => {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  };
  const wholeEnd = start + (length & ~3);
  for (let at = start; at < wholeEnd; at += 4) take(view.getInt32(at, true));
  let last = length << 24;
  for (let i = 0; i < (length & 3); i++) last |= view.getUint8(wholeEnd + i) << (8 * i);
  take(last);
  v2 ^= 0xff;
  rounds(4);
  return v1 ^ v3;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
