/** JSON of any kind, and the same with a slip or two in it. */
import fc from 'fast-check';

const json = fc
  .tuple(fc.json({ maxDepth: 4 }), fc.constantFrom(0, 1, 3))
  .map(([text, indent]) => JSON.stringify(JSON.parse(text), null, indent));

interface Slip {
  readonly at: number;
  readonly removed: number;
  readonly added: string;
}

/** What slips are made of: all that JSON gives a meaning to, and some that it does not. */
const pieces = [
  '',
  ...'{}[]:,"\'\\ \n\t-+.01eEtfu/é\u0001',
  'true',
  'nul',
  '\\u00e9',
  '\ud83d\ude00',
  '"a"',
  '{"b":1}',
  '1.5',
];

const slip: fc.Arbitrary<Slip> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.integer({ min: 0, max: 3 }),
  added: fc.constantFrom(...pieces),
});

/** Its text with slips. */
export function withSlips(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(texts, fc.array(slip, { maxLength: 2 }))
    .map(([text, slips]) => slips.reduce(applySlip, text));
}

function applySlip(text: string, { at, removed, added }: Slip): string {
  const start = Math.floor(at * (text.length + 1));
  return text.slice(0, start) + added + text.slice(start + removed);
}

export const mutatedJson = withSlips(json);
