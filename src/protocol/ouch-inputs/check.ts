/** The pieces of a file as what they say. What is wrong is told with its place: `FILE:LINE:COLUMN: …`. */
import { OutcryError } from '../../values/errors.ts';
import { nearest } from '../../values/nearest.ts';
import type { OrderbookForm } from '../ouch/fields.ts';
import type { InboundMessage } from '../ouch/messages.ts';
import { fromArray, isAny, isCapture } from './expect.ts';
import { CLIENT, type ClientHint, DISCONNECTS, type Expected, type Step, type VenueHint } from './input.ts';
import { codecValue, fromStep, shown } from './json.ts';
import { nameOffsetOf, offsetOf, type Place, placeAt, wrongAt } from './locate.ts';
import { type Direction, messagesWith, type NamedMessage } from './names.ts';
import { ACTIONS, type Piece, parsePiece } from './pieces.ts';

/** All of a file but its actions. */
export interface Header {
  readonly name?: string;
  readonly isRecorded: boolean;
  readonly clients: Readonly<Record<string, ClientHint>> | undefined;
  readonly venue: VenueHint | undefined;
  /** The lists of `_expected_behaviour`, by action. checkStep makes `expect` of them. */
  readonly arrays: ReadonlyMap<number, readonly (string | number)[]>;
}

export const EMPTY_HEADER: Header = {
  isRecorded: false,
  clients: undefined,
  venue: undefined,
  arrays: new Map(),
};

const EXPECTED_BEHAVIOUR = '_expected_behaviour';
/** What a Node timer can wait. */
export const MS_MAX = 2 ** 31 - 1;

type Path = readonly (string | number)[];
type Json = Readonly<Record<string, unknown>>;
/** What is wrong with a value, if something is: the end of a sentence that begins with "expected". */
type Rule = (value: unknown) => string | undefined;

const MEMBERS: Readonly<Record<string, (value: unknown) => Partial<Header>>> = {
  $schema: () => ({}),
  name: (value) => {
    must(aText(value), [], 'name', value);
    return { name: value as string };
  },
  recorded: (value) => {
    must(aFlag(value), [], 'recorded', value);
    return { isRecorded: value as boolean };
  },
  [EXPECTED_BEHAVIOUR]: (value) => ({ arrays: arraysOf(value) }),
  clients: (value) => ({ clients: clientsOf(value) }),
  venue: (value) => ({ venue: venueOf(value) }),
  [ACTIONS]: (value) => {
    throw new Wrong(`${ACTIONS} is ${shown(value)}; expected a list`, []);
  },
};

/** What one member says; the parts together, over EMPTY_HEADER, are the header. Throws ERR_INPUT. */
export function checkMember(file: string, piece: Piece): Partial<Header> {
  const { member, namePlace } = piece;
  const check = Object.hasOwn(MEMBERS, member) ? MEMBERS[member] : undefined;
  if (check === undefined)
    throw wrongAt(file, namePlace, unknown('member', member, '', Object.keys(MEMBERS)));
  return located(file, piece, check);
}

function arraysOf(value: unknown): Header['arrays'] {
  const arrays = new Map<number, readonly (string | number)[]>();
  for (const [i, entry] of listOf(value, [], EXPECTED_BEHAVIOUR).entries()) {
    if (typeof entry === 'string') continue;
    const list = listOf(entry, [i], 'what is expected', 'prose or a list');
    for (const [j, item] of list.entries()) must(aTextOrNumber(item), [i, j], 'an entry', item);
    within([i], () => fromArray(list as readonly (string | number)[]));
    arrays.set(i, list as readonly (string | number)[]);
  }
  return arrays;
}

const CLIENT_RULES: Readonly<Record<string, Rule>> = {
  user: asciiUpTo(6),
  password: asciiUpTo(10),
  raw: aFlag,
  form: oneOf(['alpha', 'uint32']),
};

function clientsOf(value: unknown): Header['clients'] {
  const clients = objectOf(value, [], 'clients');
  for (const [name, hint] of Object.entries(clients)) {
    must(aName(name), [name], 'the name of a client', name);
    checkFields(objectOf(hint, [name], 'a client'), CLIENT_RULES, [name], 'a client');
  }
  return clients as Header['clients'];
}

const VENUE_RULES: Readonly<Record<string, Rule>> = {
  settings: anObject,
  books: someObjects,
  traders: someObjects,
  tickTables: someObjects,
};

function venueOf(value: unknown): VenueHint {
  const venue = objectOf(value, [], 'venue');
  checkFields(venue, VENUE_RULES, [], 'the venue');
  return venue;
}

const VERB_RULES: Readonly<Record<string, Rule>> = {
  barrier: aName,
  disconnect: oneOf(DISCONNECTS),
  reconnect: (value) => (value === true || isPlainObject(value) ? undefined : 'true or an object'),
  sleep: aSpan,
};
/** Of every step; `expect` is looked at by itself. */
const STEP_RULES: Readonly<Record<string, Rule>> = {
  as: aName,
  at: aSpan,
  after: aSpan,
  expect: (value) => (isPlainObject(value) || Array.isArray(value) ? undefined : 'a reply or a list of them'),
};
const RECONNECT_RULES: Readonly<Record<string, Rule>> = {
  session: asciiUpTo(10),
  sequence: (value) => (isNatural(value) ? undefined : 'a whole number'),
};
const SILENCE_RULES: Readonly<Record<string, Rule>> = { silence: aSpan };

export interface CheckedStep {
  readonly step: Step;
  /** Of O, U and X. */
  readonly message: InboundMessage | undefined;
}

/** An element of `actions`. `formOf` is that of each client's connection. Throws ERR_INPUT. */
export function checkStep(
  file: string,
  piece: Piece,
  header: Header,
  formOf: (client: string) => OrderbookForm,
): CheckedStep {
  return located(file, piece, (value) => stepOf(value, piece.index ?? 0, header, formOf));
}

function stepOf(
  value: unknown,
  index: number,
  header: Header,
  formOf: (client: string) => OrderbookForm,
): CheckedStep {
  const step = objectOf(value, [], 'a step');
  checkVerb(step);
  const { as = CLIENT, at, after, expect, reconnect } = step;
  if (at !== undefined && after !== undefined) throw new Wrong('a step has "at" or "after", not both', []);
  if (isPlainObject(reconnect)) checkFields(reconnect, RECONNECT_RULES, ['reconnect'], 'reconnect');
  checkClient(as as string, step, header.clients);
  const form = formOf(as as string);
  const message = Object.hasOwn(step, 'message_type') ? messageOf(step, form) : undefined;
  if (Array.isArray(expect)) for (const [i, one] of expect.entries()) checkExpected(one, ['expect', i], form);
  else if (expect !== undefined) checkExpected(expect, ['expect'], form);
  const array = header.arrays.get(index);
  return { step: (array === undefined ? step : withArray(step, array, form)) as Step, message };
}

function checkVerb(step: Json): void {
  const verbs = ['message_type', ...Object.keys(VERB_RULES)].filter((name) => Object.hasOwn(step, name));
  if (verbs.length > 1) throw new Wrong(`a step does one thing, not ${verbs.join(' and ')}`, [], verbs[1]);
  const { message_type: letter } = step;
  if (verbs[0] === 'message_type') {
    checkNames(step, messageFor('inbound', letter, []), Object.keys(STEP_RULES), []);
    checkRules(step, STEP_RULES, []);
    return;
  }
  checkFields(step, { ...VERB_RULES, ...STEP_RULES }, [], 'a step', ['message_type']);
  if (verbs.length === 0 && !['expect', 'at', 'after'].some((name) => Object.hasOwn(step, name))) {
    throw new Wrong('a step has something to do, to expect or to wait for', []);
  }
  const { expect } = step;
  if (verbs.length === 0 && Array.isArray(expect) && expect.length === 0) {
    const problem = 'expect is [], but the step sends nothing; expected a reply or {"silence": …}';
    throw new Wrong(problem, ['expect']);
  }
}

function checkClient(as: string, step: Json, clients: Header['clients']): void {
  if (clients === undefined || Object.hasOwn(clients, as)) return;
  const problem = unknown('client', as, '', Object.keys(clients));
  throw new Wrong(problem, Object.hasOwn(step, 'as') ? ['as'] : []);
}

function messageOf(step: Json, form: OrderbookForm): InboundMessage {
  try {
    return fromStep(step, form);
  } catch (error) {
    if (!(error instanceof OutcryError)) throw error;
    const { field } = error.fields;
    throw new Wrong(error.message, field !== undefined && Object.hasOwn(step, field) ? [field] : []);
  }
}

function checkExpected(value: unknown, path: Path, form: OrderbookForm): void {
  const expected = objectOf(value, path, 'what is expected');
  if (Object.hasOwn(expected, 'silence')) {
    checkFields(expected, SILENCE_RULES, path, 'silence');
    return;
  }
  const { message_type: letter } = expected;
  const message = messageFor('outbound', letter, path);
  checkNames(expected, message, [], path);
  for (const field of message.fields) {
    const asked = expected[field.name];
    if (asked === undefined || isAny(asked) || isCapture(field, asked)) continue;
    within([...path, field.name], () => codecValue(field, asked, form));
  }
}

/** Of what such a list says only the ids of books depend on the connection. */
function withArray(step: Json, array: readonly (string | number)[], form: OrderbookForm): Json {
  if (Object.hasOwn(step, 'expect')) {
    throw new Wrong(`a step has "expect", or a list in ${EXPECTED_BEHAVIOUR}, not both`, ['expect']);
  }
  const reply = fromArray(array);
  if (reply !== undefined) within([], () => checkExpected(reply, [], form), `${EXPECTED_BEHAVIOUR}: `);
  const expect: readonly Expected[] = reply === undefined ? [] : [reply];
  return { ...step, expect };
}

/** When all steps are read: no list of `_expected_behaviour` is about a step that is not there. Throws ERR_INPUT. */
export function checkEnd(file: string, { arrays }: Header, steps: number): void {
  const last = [...arrays.keys()].at(-1) ?? -1;
  if (last < steps) return;
  const problem = `${EXPECTED_BEHAVIOUR} has a list for action ${last + 1}; the last action is ${steps}`;
  throw new OutcryError('ERR_INPUT', `${file}: ${problem}`, { fields: { file } });
}

/** Of what is in a piece: `['expect', 1]` is its second expectation. */
export function placeIn({ text, place }: Piece, path: Path): Place {
  return placeAt(text, offsetOf(text, path), place);
}

/** Something is wrong with the value at `path`; or with its member `name`, by its name. */
class Wrong extends Error {
  readonly path: Path;
  readonly member: string | undefined;

  constructor(problem: string, path: Path, name?: string) {
    super(problem);
    this.path = path;
    this.member = name;
  }
}

function located<T>(file: string, piece: Piece, check: (value: unknown) => T): T {
  const value = parsePiece(file, piece);
  try {
    return check(value);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const { text, place } = piece;
    const { path, member, message } = error;
    const offset = member === undefined ? offsetOf(text, path) : nameOffsetOf(text, [...path, member]);
    throw wrongAt(file, placeAt(text, offset, place), message);
  }
}

/** What `check` finds wrong is wrong at `path`. `where` begins what is told. */
function within(path: Path, check: () => void, where = ''): void {
  try {
    check();
  } catch (error) {
    if (error instanceof OutcryError || error instanceof Wrong) throw new Wrong(where + error.message, path);
    throw error;
  }
}

function messageFor(direction: Direction, letter: unknown, path: Path): NamedMessage {
  const messages = messagesWith(direction);
  const message = messages.find((known) => known.letter === letter);
  if (message !== undefined) return message;
  const letters = messages.map((known) => known.letter).join(' ');
  if (letter === undefined) throw new Wrong(`a reply needs "message_type", one of ${letters}`, path);
  throw new Wrong(`message_type is ${shown(letter)}; expected one of ${letters}`, [...path, 'message_type']);
}

function checkNames(value: Json, message: NamedMessage, others: readonly string[], path: Path): void {
  for (const name of Object.keys(value)) {
    if (name === 'message_type' || message.byName.has(name) || others.includes(name)) continue;
    throw new Wrong(
      unknown('field', name, ` of ${message.letter}`, [...message.byName.keys(), ...others]),
      path,
      name,
    );
  }
}

/** `also`: names that are known, but would be without a rule here. */
function checkFields(
  value: Json,
  rules: Readonly<Record<string, Rule>>,
  path: Path,
  what: string,
  also: readonly string[] = [],
): void {
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(rules, name)) continue;
    throw new Wrong(unknown('field', name, ` of ${what}`, [...Object.keys(rules), ...also]), path, name);
  }
  checkRules(value, rules, path);
}

function checkRules(value: Json, rules: Readonly<Record<string, Rule>>, path: Path): void {
  for (const name in rules) {
    if (Object.hasOwn(value, name)) must(rules[name]?.(value[name]), [...path, name], name, value[name]);
  }
}

/** `expected`: what a rule says of the value. */
function must(expected: string | undefined, path: Path, name: string, value: unknown): void {
  if (expected !== undefined) throw new Wrong(`${name} is ${shown(value)}; expected ${expected}`, path);
}

/** Shorter ones are parts of too many names. */
const PART_MIN = 4;

/** Of the names that are known, one of which `name` is a part is meant more likely than one that is spelled like it. */
function unknown(kind: string, name: string, where: string, known: readonly string[]): string {
  const longer = name.length < PART_MIN ? undefined : known.find((candidate) => candidate.includes(name));
  const meant = longer ?? nearest(name, known);
  const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
  return `unknown ${kind} ${shown(name)}${where}${hint}`;
}

function objectOf(value: unknown, path: Path, name: string): Json {
  must(anObject(value), path, name, value);
  return value as Json;
}

function listOf(value: unknown, path: Path, name: string, expected = 'a list'): readonly unknown[] {
  if (!Array.isArray(value)) throw new Wrong(`${name} is ${shown(value)}; expected ${expected}`, path);
  return value;
}

function isPlainObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNatural(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function anObject(value: unknown): string | undefined {
  return isPlainObject(value) ? undefined : 'an object';
}

function someObjects(value: unknown): string | undefined {
  return Array.isArray(value) && value.every(isPlainObject) ? undefined : 'a list of objects';
}

function aText(value: unknown): string | undefined {
  return typeof value === 'string' ? undefined : 'text';
}

function aName(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? undefined : 'a name';
}

function aFlag(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : 'true or false';
}

function aTextOrNumber(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? undefined : 'text or a number';
}

function aSpan(value: unknown): string | undefined {
  const isSpan = typeof value === 'number' && value >= 0 && value <= MS_MAX;
  return isSpan ? undefined : `milliseconds, from 0 to ${MS_MAX}`;
}

function asciiUpTo(length: number): Rule {
  return (value) =>
    typeof value === 'string' && value.length <= length && /^[ -~]*$/.test(value)
      ? undefined
      : `at most ${length} characters of ASCII`;
}

function oneOf(choices: readonly string[]): Rule {
  return (value) => (choices.some((choice) => choice === value) ? undefined : choices.join(' or '));
}
