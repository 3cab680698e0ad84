/**
 * The price levels of one side of a book, in the order of their keys: a radix tree of 32 children a node, in which
 * every node has at least two. A key is a price, mirrored for bids, so that the best level always has the lowest key.
 *
 *     node      base: the keys below it, with zeros for all bits from its digit's on
 *               shift: where its digit begins, in bits from the right
 *               bitmap: which of its children there are
 *               32 children, by digit: the place of a node, or the complement of a level
 *
 * A tree is as deep as its levels are different: prices of one day need two or three steps, all prices at most seven.
 * Nodes and levels of all sides are in one pool, so that a book costs hardly anything before it has orders.
 */
import { grown, NONE } from './columns.ts';

/** Exclusive or with it turns a price into a key and back. */
export const BID_MIRROR = 0x7fffffff;
export const ASK_MIRROR = 0;

const DIGIT_BITS = 5;
const DIGITS = 1 << DIGIT_BITS;
const SHIFT = 1;
const BITMAP = 2;
const CHILDREN = 3;
const NODE_WORDS = CHILDREN + DIGITS;
const LEVELS_MIN = 256;
const NODES_MIN = 64;

export class LevelPool {
  /** By level. */
  key = new Int32Array(LEVELS_MIN);
  quantity = new Float64Array(LEVELS_MIN);
  orders = new Int32Array(LEVELS_MIN);
  /** The ends of the queue: slots of orders. */
  first = new Int32Array(LEVELS_MIN);
  last = new Int32Array(LEVELS_MIN);
  nodes = new Int32Array(NODES_MIN * NODE_WORDS);
  levelCount = 0;
  nodeCount = 0;
  #freshLevel = 0;
  #freeLevel = NONE;
  #freshNode = 0;
  #freeNode = NONE;

  /** An empty level. */
  takeLevel(key: number): number {
    let level = this.#freeLevel;
    if (level !== NONE) this.#freeLevel = this.first[level] as number;
    else {
      level = this.#freshLevel++;
      if (level === this.key.length) this.#growLevels();
    }
    this.levelCount++;
    this.key[level] = key;
    this.quantity[level] = 0;
    this.orders[level] = 0;
    this.first[level] = NONE;
    this.last[level] = NONE;
    return level;
  }

  freeLevel(level: number): void {
    this.first[level] = this.#freeLevel;
    this.#freeLevel = level;
    this.levelCount--;
  }

  /** The place of a node whose words are still to be written. */
  takeNode(): number {
    let node = this.#freeNode;
    if (node !== NONE) this.#freeNode = this.nodes[node] as number;
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
    const length = this.key.length * 2;
    this.key = grown(this.key, length);
    this.quantity = grown(this.quantity, length);
    this.orders = grown(this.orders, length);
    this.first = grown(this.first, length);
    this.last = grown(this.last, length);
  }
}

export class PriceLevels {
  /** Turns keys into prices. */
  readonly mirror: number;
  /** The level of the lowest key. */
  best = NONE;
  readonly #pool: LevelPool;
  /** A node or the complement of the only level; meaningless without levels. */
  #root = 0;

  constructor(pool: LevelPool, mirror: number) {
    this.#pool = pool;
    this.mirror = mirror;
  }

  find(key: number): number {
    if (this.best === NONE) return NONE;
    const { nodes } = this.#pool;
    let ref = this.#root;
    while (ref >= 0) {
      const digit = digitOf(nodes, ref, key);
      if (digit >= DIGITS || !hasChild(nodes, ref, digit)) return NONE;
      ref = nodes[ref + CHILDREN + digit] as number;
    }
    return this.#pool.key[~ref] === key ? ~ref : NONE;
  }

  /** The level of `key`, which begins now if there is none. */
  open(key: number): number {
    const pool = this.#pool;
    if (this.best === NONE) {
      this.best = pool.takeLevel(key);
      this.#root = ~this.best;
      return this.best;
    }
    const { nodes } = pool;
    let node = NONE;
    let ref = this.#root;
    while (ref >= 0) {
      const digit = digitOf(nodes, ref, key);
      if (digit >= DIGITS) break;
      if (!hasChild(nodes, ref, digit)) return this.#addChild(ref, digit, key);
      node = ref;
      ref = nodes[ref + CHILDREN + digit] as number;
    }
    if (ref < 0 && pool.key[~ref] === key) return ~ref;
    return this.#split(node, ref, key);
  }

  /** Ends a level, which has no orders any more. */
  remove(level: number): void {
    const pool = this.#pool;
    const { nodes } = pool;
    const key = pool.key[level] as number;
    let above = NONE;
    let node = NONE;
    let ref = this.#root;
    while (ref >= 0) {
      above = node;
      node = ref;
      ref = nodes[ref + CHILDREN + digitOf(nodes, ref, key)] as number;
    }
    pool.freeLevel(level);
    if (node === NONE) {
      this.best = NONE;
      return;
    }
    const bitmap = (nodes[node + BITMAP] as number) & ~(1 << digitOf(nodes, node, key));
    nodes[node + BITMAP] = bitmap;
    // What comes next after the lowest key is in the same node.
    if (level === this.best) this.best = this.#lowestBelow(node);
    if ((bitmap & (bitmap - 1)) !== 0) return;
    this.#replaceChild(above, key, nodes[node + CHILDREN + lowestBit(bitmap)] as number);
    pool.freeNode(node);
  }

  /** The level after that of `key`, which exists. */
  after(key: number): number {
    const { nodes } = this.#pool;
    let next = NONE;
    let nextDigit = 0;
    let ref = this.#root;
    while (ref >= 0) {
      const digit = digitOf(nodes, ref, key);
      const higher = (nodes[ref + BITMAP] as number) & (-2 << digit);
      if (higher !== 0) {
        next = ref;
        nextDigit = lowestBit(higher);
      }
      ref = nodes[ref + CHILDREN + digit] as number;
    }
    return next === NONE ? NONE : this.#lowestBelow(nodes[next + CHILDREN + nextDigit] as number);
  }

  /** Throws if an invariant is broken. Returns how many levels there are. */
  check(): number {
    if (this.best === NONE) return 0;
    const { key } = this.#pool;
    expect(this.best === this.#lowestBelow(this.#root), 'the best level is the lowest');
    const count = this.#checkBelow(this.#root, 0, BID_MIRROR);
    let walked = 1;
    for (let level = this.best; ; walked++) {
      const next = this.after(key[level] as number);
      if (next === NONE) break;
      expect((key[next] as number) > (key[level] as number), 'the levels are in the order of their keys');
      level = next;
    }
    expect(walked === count, `${walked} levels follow each other of ${count}`);
    return count;
  }

  /** All keys below are from `low` to `high`. */
  #checkBelow(ref: number, low: number, high: number): number {
    const { nodes, key } = this.#pool;
    if (ref < 0) {
      const levelKey = key[~ref] as number;
      expect(levelKey >= low && levelKey <= high, `key ${levelKey} is where it belongs`);
      expect(this.find(levelKey) === ~ref, `key ${levelKey} is found`);
      return 1;
    }
    const base = nodes[ref] as number;
    const shift = nodes[ref + SHIFT] as number;
    const bitmap = nodes[ref + BITMAP] as number;
    expect((bitmap & (bitmap - 1)) !== 0, 'a node has two children');
    expect(base >= low && base <= high, `base ${base} is where it belongs`);
    let count = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      if (!hasChild(nodes, ref, digit)) continue;
      const first = base + digit * 2 ** shift;
      count += this.#checkBelow(nodes[ref + CHILDREN + digit] as number, first, first + 2 ** shift - 1);
    }
    return count;
  }

  #addChild(node: number, digit: number, key: number): number {
    const level = this.#takeLevel(key);
    const { nodes } = this.#pool;
    (nodes[node + BITMAP] as number) |= 1 << digit;
    nodes[node + CHILDREN + digit] = ~level;
    return level;
  }

  /** Puts a node between `above` and `ref`, at the first digit in which `key` is different from all keys of `ref`. */
  #split(above: number, ref: number, key: number): number {
    const pool = this.#pool;
    const other = (ref < 0 ? pool.key[~ref] : pool.nodes[ref]) as number;
    const level = this.#takeLevel(key);
    const node = pool.takeNode();
    const { nodes } = pool;
    const highest = 31 - Math.clz32(key ^ other);
    const shift = highest - (highest % DIGIT_BITS);
    const base = ((key >>> shift) & ~(DIGITS - 1)) << shift;
    nodes[node] = base;
    nodes[node + SHIFT] = shift;
    const digit = digitOf(nodes, node, key);
    const otherDigit = digitOf(nodes, node, other);
    nodes[node + BITMAP] = (1 << digit) | (1 << otherDigit);
    nodes[node + CHILDREN + digit] = ~level;
    nodes[node + CHILDREN + otherDigit] = ref;
    this.#replaceChild(above, key, node);
    return level;
  }

  #takeLevel(key: number): number {
    const level = this.#pool.takeLevel(key);
    if (key < (this.#pool.key[this.best] as number)) this.best = level;
    return level;
  }

  #replaceChild(node: number, key: number, ref: number): void {
    if (node === NONE) this.#root = ref;
    else {
      const { nodes } = this.#pool;
      nodes[node + CHILDREN + digitOf(nodes, node, key)] = ref;
    }
  }

  #lowestBelow(start: number): number {
    const { nodes } = this.#pool;
    let ref = start;
    while (ref >= 0) ref = nodes[ref + CHILDREN + lowestBit(nodes[ref + BITMAP] as number)] as number;
    return ~ref;
  }
}

/** The digit of `key` in a node; DIGITS or more if the key does not belong below it. */
function digitOf(nodes: Int32Array, node: number, key: number): number {
  return (key ^ (nodes[node] as number)) >>> (nodes[node + SHIFT] as number);
}

function hasChild(nodes: Int32Array, node: number, digit: number): boolean {
  return (((nodes[node + BITMAP] as number) >>> digit) & 1) !== 0;
}

function lowestBit(bitmap: number): number {
  return 31 - Math.clz32(bitmap & -bitmap);
}

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`the price levels are damaged: ${what}`);
}
