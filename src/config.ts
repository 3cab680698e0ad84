/**
 * Where the settings come from: default < config.ini < environment < flag.
 *
 * Everything that is wrong is found before anything is refused, so that a person mends it in one go. A wrong value
 * counts even where a stronger source overrides it: otherwise it would surface on the day the override goes.
 *
 * Invariant: a value reaches Config only through the schema that its row in the table of settings asks for.
 */

import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { parse } from 'ini';
import * as z from 'zod';
import { TOKEN_VARIABLE } from './protocol/operator-file.ts';
import type { VenueSettings } from './protocol/venue.ts';
import {
  ALL_SETTINGS,
  defaultText,
  expectationOf,
  NO_NAMES,
  PORT_MAX,
  SECTIONS,
  type SETTINGS,
  type Setting,
  type SettingSpec,
  type SettingValue,
} from './settings.ts';
import { isTimeZone, parseDays, parseTimeOfDay } from './values/calendar.ts';
import { messageOf, OutcryError } from './values/errors.ts';
import { nearest } from './values/nearest.ts';
import { DEFAULT_VENUE, type NamedSection, readVenue, VENUE_KINDS, type VenueOptions } from './venue.ts';

type Table = typeof SETTINGS;

type ValueOf<Spec> = Spec extends { readonly choices: readonly (infer Choice)[]; readonly type: infer Type }
  ? Type extends 'names'
    ? readonly Choice[]
    : Choice
  : Spec extends { readonly default: boolean }
    ? boolean
    : Spec extends { readonly default: string }
      ? string
      : number;

export type Config = {
  readonly [Section in keyof Table]: {
    readonly [Key in keyof Table[Section]]: ValueOf<Table[Section][Key]>;
  };
} & { readonly venue: VenueSettings };

export interface ConfigSources {
  /**
   * Must exist when given; without it `config.ini` in the working directory is read where there is one, and with null
   * none is.
   */
  readonly file?: string | null | undefined;
  /** As `process.env`. An empty variable counts as not set. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Flag, without its dashes, to text; `givenSettingFlags` makes it. */
  readonly flags: Readonly<Record<string, string>>;
  /** Stronger than the sections of the file that say it. */
  readonly venue?: VenueOptions | undefined;
  /** What the keys of a section [DEFAULT] stand for, by flag: a file of the original server has all there. */
  readonly original?: Readonly<Record<string, string>> | undefined;
}

const FILE_DEFAULT = 'config.ini';
/** Of files of Python's configparser. */
const ORIGINAL_SECTION = 'DEFAULT';

/** Read by the code that starts up before there is a Config. */
const OTHER_VARIABLES: readonly string[] = ['OUTCRY_DEBUG', TOKEN_VARIABLE];

/** What a source says, in its order: a value, a wrong value of a known setting, or something that is no setting. */
type Finding =
  | {
      readonly type: 'value';
      readonly setting: Setting;
      readonly origin: string;
      readonly value: SettingValue;
    }
  | { readonly type: 'wrong'; readonly setting: Setting; readonly problem: string }
  | { readonly type: 'stray'; readonly problem: string };

/** Throws ERR_CONFIG_INVALID with one line for each problem. */
export function resolveConfig({
  file,
  environment,
  flags,
  venue: options,
  original = {},
}: ConfigSources): Config {
  const inFile = readFile(file, original);
  const findings = [...inFile.findings, ...readEnvironment(environment), ...readFlags(flags)];
  const winners = strongest(findings);
  const { venue, problems: inVenue } = readVenue(inFile.named, options);
  const problems = [...problemsIn(findings), ...problemsBetween(winners), ...inVenue].map(printable);
  if (problems.length > 0) {
    throw new OutcryError('ERR_CONFIG_INVALID', problems.join('\n'), {
      fields: { problems: problems.length },
    });
  }
  return configOf(winners, venue);
}

export const DEFAULT_CONFIG: Config = configOf(strongest([]), DEFAULT_VENUE);

/** Adds one flag a setting. Flags have no default of their own, so that the weaker sources are heard. */
export function addSettingFlags(command: Command): Command {
  for (const setting of ALL_SETTINGS) {
    command.addOption(optionOf(setting));
  }
  return command;
}

/** The flags of `addSettingFlags` that were given, out of the parsed options. */
export function givenSettingFlags(options: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    ALL_SETTINGS.flatMap((setting) => {
      const text = options[optionOf(setting).attributeName()];
      return typeof text === 'string' ? [[setting.flag, text]] : [];
    }),
  );
}

function optionOf(setting: Setting): Option {
  const help = `${setting.reason} (${expectationOf(setting)}; default ${defaultText(setting) || 'none'})`;
  return new Option(`--${setting.flag} <${setting.type}>`, help);
}

/** What a file says: of settings, and of what has a name of its own. */
interface InFile {
  readonly findings: readonly Finding[];
  readonly named: readonly NamedSection[];
}

function readFile(file: string | null | undefined, original: Readonly<Record<string, string>>): InFile {
  if (file === null) return { findings: [], named: [] };
  const name = file ?? FILE_DEFAULT;
  let text: string;
  try {
    text = readFileSync(name, 'utf8');
  } catch (error) {
    const isOptional = file === undefined;
    const problem = stray(name, `expected a readable file, ${messageOf(error)}`);
    return { findings: isOptional && isMissing(error) ? [] : [problem], named: [] };
  }
  return readSections(name, parseIni(text), original);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/**
 * What the parser would take for a key is made plain first: a heading that is indented or followed by a comment, or
 * that stands behind a byte order mark. Without bracketed arrays a repeated key becomes an array, where otherwise the
 * last would silently win.
 */
function parseIni(text: string): Readonly<Record<string, unknown>> {
  const plain = text.replace(/^\uFEFF/, '').replace(/^[ \t]*(\[[^\]\r\n]*\])[ \t]*(?:[;#].*)?$/gm, '$1');
  return parse(plain, { bracketedArray: false });
}

function readSections(
  file: string,
  sections: Readonly<Record<string, unknown>>,
  original: Readonly<Record<string, string>>,
): InFile {
  const named: NamedSection[] = [];
  const findings = Object.entries(sections).flatMap(([section, content]) => {
    if (!isSection(content)) {
      return [stray(`${file} ${section}`, `expected below a section, such as [${SECTIONS[0]}]`)];
    }
    if (SECTIONS.includes(section)) {
      return Object.entries(content).map(([key, value]) => readEntry(file, section, key, value));
    }
    if (section === ORIGINAL_SECTION && Object.keys(original).length > 0) {
      return Object.entries(content).map(([key, value]) => readOriginal(file, key, value, original));
    }
    const [word, name = ''] = section.split(/\s+(.*)/, 2);
    const origin = `${file} [${section}]`;
    const kind = VENUE_KINDS.find((each) => each === word);
    if (kind === undefined) {
      return [strayName(origin, section, [...SECTIONS, ...VENUE_KINDS.map((each) => `${each} ${name}`)])];
    }
    if (name === '') return [stray(origin, `expected a name behind it, such as [${kind} NAME]`)];
    const { strays, entries } = readNamed(origin, content);
    if (strays.length > 0) return strays;
    named.push({ kind, name, origin, entries });
    return [];
  });
  return { findings, named };
}

/** The texts of a section whose keys are the venue's. */
function readNamed(
  origin: string,
  content: Readonly<Record<string, unknown>>,
): { readonly strays: readonly Finding[]; readonly entries: Readonly<Record<string, string>> } {
  const strays: Finding[] = [];
  const entries: Record<string, string> = {};
  for (const [key, value] of Object.entries(content)) {
    const texts = textsOf(value);
    if (isSection(value)) strays.push(stray(origin, `expected a name without .${key}`));
    else if (texts.length > 1) strays.push(stray(`${origin} ${key}`, repeatedText(texts)));
    else entries[key] = texts[0] ?? '';
  }
  return { strays, entries };
}

/** A section with a dot in its name arrives as an entry of the section before the dot. */
function readEntry(file: string, section: string, key: string, value: unknown): Finding {
  if (isSection(value)) {
    return strayName(`${file} [${section}.${key}]`, section, SECTIONS);
  }
  const origin = `${file} [${section}] ${key}`;
  const settings = ALL_SETTINGS.filter((setting) => setting.section === section);
  const known = settings.map(({ iniKey }) => iniKey);
  const setting = settings.find(({ iniKey }) => iniKey === key);
  return setting === undefined ? strayName(origin, key, known) : readValue(setting, origin, value);
}

function readOriginal(
  file: string,
  key: string,
  value: unknown,
  original: Readonly<Record<string, string>>,
): Finding {
  const origin = `${file} [${ORIGINAL_SECTION}] ${key}`;
  const setting = ALL_SETTINGS.find(({ flag }) => Object.hasOwn(original, key) && flag === original[key]);
  if (setting === undefined || isSection(value)) return strayName(origin, key, Object.keys(original));
  return readValue(setting, origin, value);
}

/** The parser also calls a key repeated when it stood in another section; then its array has one element. */
function readValue(setting: Setting, origin: string, value: unknown): Finding {
  const texts = textsOf(value);
  const [text = ''] = texts;
  return texts.length > 1
    ? { type: 'wrong', setting, problem: `${origin}: ${repeatedText(texts, (text) => show(setting, text))}` }
    : read(setting, origin, text);
}

function textsOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value]).map(textOf);
}

function repeatedText(texts: readonly string[], shown: (text: string) => string = quote): string {
  return `${texts.map(shown).join(' and ')}, expected one value`;
}

/** The parser makes other types of bare true, false and null, of a key alone and of values in single quotes. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readEnvironment(environment: ConfigSources['environment']): readonly Finding[] {
  const known = [...ALL_SETTINGS.map((setting) => setting.variable), ...OTHER_VARIABLES];
  return Object.entries(environment).flatMap(([variable, text]) => {
    const isOurs = variable.startsWith('OUTCRY_') && !OTHER_VARIABLES.includes(variable);
    if (!isOurs || text === undefined || text === '') {
      return [];
    }
    const setting = ALL_SETTINGS.find((each) => each.variable === variable);
    return setting === undefined ? [strayName(variable, variable, known)] : [read(setting, variable, text)];
  });
}

function readFlags(flags: ConfigSources['flags']): readonly Finding[] {
  const known = ALL_SETTINGS.map((setting) => `--${setting.flag}`);
  return Object.entries(flags).map(([flag, text]) => {
    const origin = `--${flag}`;
    const setting = ALL_SETTINGS.find((each) => each.flag === flag);
    return setting === undefined ? strayName(origin, origin, known) : read(setting, origin, text);
  });
}

function read(setting: Setting, origin: string, text: string): Finding {
  const result = schemaOf(setting).safeParse(text);
  return result.success
    ? { type: 'value', setting, origin, value: result.data }
    : {
        type: 'wrong',
        setting,
        problem: `${origin}: ${show(setting, text)}, expected ${expectationOf(setting)}`,
      };
}

function stray(origin: string, complaint: string): Finding {
  return { type: 'stray', problem: `${origin}: ${complaint}` };
}

function strayName(origin: string, name: string, known: readonly string[]): Finding {
  return stray(origin, `no such name, the nearest is ${nearest(name, known)}`);
}

/** In quotes, so that an empty value is seen. */
function quote(text: string): string {
  return JSON.stringify(text);
}

/** A value as a message may show it: what must not be seen is often the very thing that is wrong. */
function show({ type }: Setting, text: string): string {
  if (type === 'secret') return 'what must not be shown';
  return quote(type === 'url' ? text.replace(/\/\/.*@/, '//…@') : text);
}

/** Names and values come from outside and go to a terminal, one line each. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '');
}

/** From text to value. */
export function schemaOf(spec: SettingSpec): z.ZodType<SettingValue, string> {
  switch (spec.type) {
    case 'port':
      return integerSchema(0, PORT_MAX);
    case 'count':
    case 'bytes':
    case 'seconds':
    case 'milliseconds':
      return integerSchema(spec.min, spec.max).refine(
        (value) => !spec.isPowerOf2 || Number.isInteger(Math.log2(value)),
      );
    case 'host':
      // A host name of digits and dots alone is a mistyped address.
      return z.union([z.ipv4(), z.ipv6(), z.hostname().regex(/[a-z]/i)]);
    case 'path':
      return z.string().min(1);
    case 'new-file':
    case 'secret':
      return z.string();
    case 'names':
      return z
        .string()
        .transform((text) => (text === NO_NAMES ? [] : text.split(/[\s,]+/)))
        .pipe(z.array(z.enum(spec.choices)).refine((names) => new Set(names).size === names.length));
    case 'url':
      return z.string().refine(isPlainUrl);
    case 'choice':
      return z.enum(spec.choices);
    case 'boolean':
      return z.stringbool();
    case 'time':
      return z.string().refine((text) => parseTimeOfDay(text) !== undefined);
    case 'days':
      return z.string().refine((text) => parseDays(text) !== undefined);
    case 'time-zone':
      return z.string().refine(isTimeZone);
  }
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

/** Digits alone: coercion would also take the empty text as 0, and 1e3 and 0x10 as numbers. */
function integerSchema(min: number, max: number): z.ZodType<number, string> {
  return z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(min).max(max));
}

/** The last finding for each setting, beginning with its default. */
function strongest(findings: readonly Finding[]): ReadonlyMap<Setting, Finding> {
  const winners = new Map<Setting, Finding>();
  for (const setting of ALL_SETTINGS) {
    const origin = `default [${setting.section}] ${setting.iniKey}`;
    winners.set(setting, { type: 'value', setting, origin, value: setting.default });
  }
  for (const finding of findings) {
    if (finding.type !== 'stray') {
      winners.set(finding.setting, finding);
    }
  }
  return winners;
}

function problemsIn(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap((finding) => (finding.type === 'value' ? [] : [finding.problem]));
}

/** A wrong value is compared with nothing, since what was meant is not known. */
function problemsBetween(winners: ReadonlyMap<Setting, Finding>): readonly string[] {
  return [...winners].flatMap(([setting, low]) => {
    const greater = greaterThan(setting);
    const high = greater && winners.get(greater);
    return low.type === 'value' && high?.type === 'value' && low.value >= high.value
      ? [`${low.origin}: "${low.value}", expected less than the "${high.value}" of ${high.origin}`]
      : [];
  });
}

function greaterThan(setting: Setting): Setting | undefined {
  return ALL_SETTINGS.find(
    ({ section, key }) => 'below' in setting && section === setting.section && key === setting.below,
  );
}

/** The one place where the compiler takes our word: the winners have every row of the table, and so has Config. */
function configOf(winners: ReadonlyMap<Setting, Finding>, venue: VenueSettings): Config {
  const entriesOf = (section: string) =>
    [...winners].flatMap(([setting, finding]) =>
      setting.section === section && finding.type === 'value' ? [[setting.key, finding.value]] : [],
    );
  const sections = SECTIONS.map((section) => [section, Object.fromEntries(entriesOf(section))]);
  return { ...Object.fromEntries(sections), venue } as Config;
}
