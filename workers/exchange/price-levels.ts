/**
 * The price levels of one side of a book, in the order of their keys: a radix tree of 32 children a node, in which
 * every node has at least two. A key is a price, mirrored for bids, so that the best level always has the lowest key.
 *
 *     node      head: the bits that the keys below it share, zeros, and in the last five where its digit begins, in bits
 *               from the right: (key ^ head) >>> head is the digit, or more than any digit if the key has other bits
 *               bitmap: which of its children there are
 *               32 children, by digit: the place of a node, the complement of a level, or 0
 *
 * A tree is as deep as its levels are different: prices of one day need two or three steps, all prices at most seven.
 * Nodes and levels of all sides are in one pool, so that a book costs hardly anything before it has orders.
 */
import { grown, NONE } from './rows.ts';

/** Exclusive or with it turns a price into a key and back. */
export const BID_MIRROR = 0x7fffffff;
export const ASK_MIRROR = 0;

/** Words of a level's row, whose place is the level: its key is `rows[level | LEVEL.KEY]`. */
export const LEVEL = {
  KEY: 0,
  /** How many. */
  ORDERS: 1,
  /** The ends of the queue: places of orders. */
  FIRST: 2,
  LAST: 3,
  /** Two words, as a number in `wide[(level >> 1) | LEVEL.QUANTITY]`: what is open of all its orders. */
  QUANTITY: 2,
} as const;

// See orders.ts on constants.
const { KEY, ORDERS, FIRST, LAST, QUANTITY } = LEVEL;
/** Words of a row, as a power of 2. */
const ROW_BITS = 3;
const NO_LEVEL = NONE;
const NO_KEY = 0x7fffffff;
const DIGIT_BITS = 5;
const DIGITS = 1 << DIGIT_BITS;
const BITMAP = 1;
const CHILDREN = 2;
const NODE_WORDS = CHILDREN + DIGITS;
const LEVELS_MIN = 256;
const NODES_MIN = 64;

export class LevelPool {
  /** Replaced as it grows: whoever keeps it must not begin a level. */
  rows = new Int32Array(LEVELS_MIN << ROW_BITS);
  /** The same bytes, two words a number. */
  wide = new Float64Array(this.rows.buffer);
  nodes = new Int32Array(NODES_MIN * NODE_WORDS);
  levelCount = 0;
  nodeCount = 0;
  #freshLevel = 0;
  #freeLevel = NO_LEVEL;
  /** No node is at 0. */
  #freshNode = NODE_WORDS;
  #freeNode = NO_LEVEL;

  /** An empty level. */
  takeLevel(key: number): number {
    let level = this.#freeLevel;
    if (level !== NO_LEVEL) this.#freeLevel = this.rows[level | FIRST];
    else {
      level = this.#freshLevel++ << ROW_BITS;
      if (level === this.rows.length) this.#growLevels();
    }
    this.levelCount++;
    const { rows } = this;
    rows[level | KEY] = key;
    rows[level | ORDERS] = 0;
    rows[level | FIRST] = NO_LEVEL;
    rows[level | LAST] = NO_LEVEL;
    this.wide[(level >> 1) | QUANTITY] = 0;
    return level;
  }

  freeLevel(level: number): void {
    this.rows[level | FIRST] = this.#freeLevel;
    this.#freeLevel = level;
    this.levelCount--;
  }

  /** The place of a node without children, whose other words are still to be written. */
  takeNode(): number {
    let node = this.#freeNode;
    if (node !== NO_LEVEL) this.#freeNode = this.nodes[node];
    else {
      node = this.#freshNode;
      this.#freshNode += NODE_WORDS;
      if (node === this.nodes.length) this.nodes = grown(this.nodes, node * 2);
    }
    this.nodeCount++;
    return node;
  }

  freeNode(node: number): void {
    this.nodes[node] = this.#freeNode;
    this.#freeNode = node;
    this.nodeCount--;
  }

  #growLevels(): void {
    this.rows = grown(this.rows, this.rows.length * 2);
    this.wide = new Float64Array(this.rows.buffer);
  }
}

export class PriceLevels {
  /** Turns keys into prices. */
  readonly mirror: number;
  /** The level of the lowest key, and that key; without levels one beyond all keys. */
  best = NO_LEVEL;
  bestKey = NO_KEY;
  readonly #pool: LevelPool;
  /** A node, the complement of the only level, or 0. */
  #root = 0;

  constructor(pool: LevelPool, mirror: number) {
    this.#pool = pool;
    this.mirror = mirror;
  }

  find(key: number): number {
    const { nodes } = this.#pool;
    let ref = this.#root;
    while (ref > 0) {
      const digit = digitOf(nodes, ref, key);
      if (digit >= DIGITS) return NO_LEVEL;
      ref = nodes[ref + CHILDREN + digit];
    }
    return ref < 0 && this.#pool.rows[~ref | KEY] === key ? ~ref : NO_LEVEL;
  }

  /** The level of `key`, which begins now if there is none. */
  open(key: number): number {
    const { nodes } = this.#pool;
    let node = 0;
    let ref = this.#root;
    while (ref > 0) {
      const digit = digitOf(nodes, ref, key);
      if (digit >= DIGITS) break;
      node = ref;
      ref = nodes[ref + CHILDREN + digit];
    }
    if (ref < 0 && this.#pool.rows[~ref | KEY] === key) return ~ref;
    return this.#begin(key, node, ref);
  }

  /** Ends a level, which has no orders any more. */
  remove(level: number): void {
    const pool = this.#pool;
    const { nodes } = pool;
    const key = pool.rows[level | KEY];
    let above = 0;
    let node = 0;
    let digit = 0;
    for (let ref = this.#root; ref > 0; ref = nodes[ref + CHILDREN + digit]) {
      above = node;
      node = ref;
      digit = digitOf(nodes, ref, key);
    }
    pool.freeLevel(level);
    if (node === 0) {
      this.#root = 0;
      this.best = NO_LEVEL;
      this.bestKey = NO_KEY;
      return;
    }
    nodes[node + CHILDREN + digit] = 0;
    const bitmap = nodes[node + BITMAP] & ~(1 << digit);
    nodes[node + BITMAP] = bitmap;
    // What comes next after the lowest key is in the same node.
    if (level === this.best) this.#setBest(this.#lowestBelow(node));
    if ((bitmap & (bitmap - 1)) !== 0) return;
    const only = node + CHILDREN + lowestBit(bitmap);
    this.#setChild(above, key, nodes[only]);
    nodes[only] = 0;
    pool.freeNode(node);
  }

  /** The level after that of `key`, which exists. */
  after(key: number): number {
    const { nodes } = this.#pool;
    let next = 0;
    let ref = this.#root;
    while (ref > 0) {
      const digit = digitOf(nodes, ref, key);
      const higher = nodes[ref + BITMAP] & (-2 << digit);
      if (higher !== 0) next = ref + CHILDREN + lowestBit(higher);
      ref = nodes[ref + CHILDREN + digit];
    }
    return next === 0 ? NO_LEVEL : this.#lowestBelow(nodes[next]);
  }

  /** Throws if an invariant is broken. */
  check(): void {
    const { rows } = this.#pool;
    const count = this.#checkBelow(this.#root, 0, BID_MIRROR);
    expect(
      this.bestKey === (this.best === NO_LEVEL ? NO_KEY : rows[this.best | KEY]),
      'the best key is that of the best level',
    );
    expect((this.best === NO_LEVEL) === (count === 0), 'there is a best level if there is any');
    if (count === 0) return;
    expect(this.best === this.#lowestBelow(this.#root), 'the best level is the lowest');
    let walked = 1;
    for (let level = this.best; ; walked++) {
      const next = this.after(rows[level | KEY]);
      if (next === NO_LEVEL) break;
      expect(rows[next | KEY] > rows[level | KEY], 'the levels are in the order of their keys');
      level = next;
    }
    expect(walked === count, `${walked} levels follow each other of ${count}`);
  }

  /** All keys below are from `low` to `high`. Returns how many there are. */
  #checkBelow(ref: number, low: number, high: number): number {
    const { nodes, rows } = this.#pool;
    if (ref === 0) return 0;
    if (ref < 0) {
      const levelKey = rows[~ref | KEY];
      expect(levelKey >= low && levelKey <= high, `key ${levelKey} is where it belongs`);
      expect(this.find(levelKey) === ~ref, `key ${levelKey} is found`);
      return 1;
    }
    const head = nodes[ref];
    const bitmap = nodes[ref + BITMAP];
    const size = 2 ** (head & (DIGITS - 1));
    const base = head & -DIGITS;
    expect((bitmap & (bitmap - 1)) !== 0, 'a node has two children');
    expect(base >= low && base <= high, `base ${base} is where it belongs`);
    let count = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const child = nodes[ref + CHILDREN + digit];
      expect((child !== 0) === (((bitmap >>> digit) & 1) !== 0), `the bitmap knows of child ${digit}`);
      const first = base + digit * size;
      count += this.#checkBelow(child, first, first + size - 1);
    }
    return count;
  }

  /** Begins a level where its key leaves the tree: below `node`, in place of `ref`; each is 0 if there is none. */
  #begin(key: number, node: number, ref: number): number {
    const pool = this.#pool;
    const level = pool.takeLevel(key);
    if (key < this.bestKey) this.#setBest(level);
    if (ref !== 0) this.#setChild(node, key, this.#split(ref, key, ~level));
    else {
      this.#setChild(node, key, ~level);
      if (node !== 0) pool.nodes[node + BITMAP] |= 1 << digitOf(pool.nodes, node, key);
    }
    return level;
  }

  /** A node at the first digit in which `key` is different from all keys of `ref`, and both below it. */
  #split(ref: number, key: number, keyRef: number): number {
    const pool = this.#pool;
    const other = ref < 0 ? pool.rows[~ref | KEY] : pool.nodes[ref];
    const node = pool.takeNode();
    const { nodes } = pool;
    const highest = 31 - Math.clz32(key ^ other);
    const shift = highest - (highest % DIGIT_BITS);
    nodes[node] = (((key >>> shift) & -DIGITS) << shift) | shift;
    const digit = digitOf(nodes, node, key);
    const otherDigit = digitOf(nodes, node, other);
    nodes[node + BITMAP] = (1 << digit) | (1 << otherDigit);
    nodes[node + CHILDREN + digit] = keyRef;
    nodes[node + CHILDREN + otherDigit] = ref;
    return node;
  }

  #setBest(level: number): void {
    this.best = level;
    this.bestKey = this.#pool.rows[level | KEY];
  }

  /** What is below `node` where `key` belongs; of no node, the root. */
  #setChild(node: number, key: number, ref: number): void {
    if (node === 0) {
      this.#root = ref;
      return;
    }
    const { nodes } = this.#pool;
    nodes[node + CHILDREN + digitOf(nodes, node, key)] = ref;
  }

  #lowestBelow(start: number): number {
    const { nodes } = this.#pool;
    let ref = start;
    while (ref > 0) ref = nodes[ref + CHILDREN + lowestBit(nodes[ref + BITMAP])];
    return ~ref;
  }
}

/** The digit of `key` in a node; DIGITS or more if the key does not belong below it. */
function digitOf(nodes: Int32Array, node: number, key: number): number {
  const head = nodes[node];
  return (key ^ head) >>> head;
}

function lowestBit(bitmap: number): number {
  return 31 - Math.clz32(bitmap & -bitmap);
}

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`the price levels are damaged: ${what}`);
}
