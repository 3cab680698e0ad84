/**
 * What a request may ask with: checks that are made of smaller ones, and the types that follow from them. Each returns
 * what it was given, or throws ERR_API_PARAMS with the place and the value.
 */
import { OutcryError } from '../../values/errors.ts';
import { nearest } from '../../values/nearest.ts';

export type Check<T> = (value: unknown, path: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

type Shape = Readonly<Record<string, Check<unknown>>>;
type OptionalKeys<S extends Shape> = {
  [K in keyof S]: undefined extends Checked<S[K]> ? K : never;
}[keyof S];
/** Keys whose value may be undefined may be absent. */
type Shaped<S extends Shape> = { readonly [K in Exclude<keyof S, OptionalKeys<S>>]: Checked<S[K]> } & {
  readonly [K in OptionalKeys<S>]?: Checked<S[K]>;
};

const SHOWN_CHARACTERS_MAX = 40;

/** A record with these entries and no others. */
export function record<S extends Shape>(shape: S): Check<Shaped<S>> {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      throw wrong(path, value, 'a map');
    }
    const given = value as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(given)) {
      if (Object.hasOwn(shape, key)) continue;
      const known = Object.keys(shape);
      const shown = key.slice(0, SHOWN_CHARACTERS_MAX);
      const hint = known.length === 0 ? 'nothing is expected' : `did you mean ${nearest(shown, known)}?`;
      throw new OutcryError('ERR_API_PARAMS', `${path} has no entry "${shown}"; ${hint}`);
    }
    const checked: Record<string, unknown> = {};
    for (const [key, check] of Object.entries(shape)) {
      const entry = check(given[key], `${path}.${key}`);
      if (entry !== undefined) checked[key] = entry;
    }
    return checked as Shaped<S>;
  };
}

/** Both count UTF-16 units. */
interface TextBounds {
  readonly min?: number;
  readonly max: number;
}

export function text(bounds: TextBounds): Check<string> {
  return (value, path) => {
    if (isText(value, bounds)) return value;
    throw wrong(path, value, textExpected(bounds));
  };
}

/** A text that is never shown, not even where it is wrong. */
export function secret(bounds: TextBounds): Check<string> {
  return (value, path) => {
    if (isText(value, bounds)) return value;
    const shown = value === undefined || value === null ? 'absent' : 'not shown';
    throw new OutcryError('ERR_API_PARAMS', `${path} is ${shown}; expected ${textExpected(bounds)}`);
  };
}

export function integer({ min, max }: { readonly min: number; readonly max: number }): Check<number> {
  return (value, path) => {
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max)
      return value as number;
    throw wrong(path, value, `a whole number from ${min} to ${max}`);
  };
}

export const flag: Check<boolean> = (value, path) => {
  if (typeof value === 'boolean') return value;
  throw wrong(path, value, 'true or false');
};

export function oneOf<const T extends string>(choices: readonly T[]): Check<T> {
  return (value, path) => {
    const choice = choices.find((candidate) => candidate === value);
    if (choice !== undefined) return choice;
    throw wrong(path, value, `one of ${choices.join(', ')}`);
  };
}

/** Nil counts as absent: not every language has both. */
export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, path) => (value === undefined || value === null ? undefined : check(value, path));
}

/** Of at most `max` elements, which whoever takes them checks on his way through them. */
export function listOf<T>({ max }: { readonly max: number }): Check<readonly T[]> {
  return (value, path) => {
    if (Array.isArray(value) && value.length <= max) return value;
    throw wrong(path, value, `an array of at most ${max} elements`);
  };
}

/** Of at most `max` elements, each of which is looked at. */
export function eachOf<T>(check: Check<T>, { max }: { readonly max: number }): Check<readonly T[]> {
  const list = listOf<unknown>({ max });
  return (value, path) => list(value, path).map((element, i) => check(element, `${path}[${i}]`));
}

/** A name that is text, or bytes where it is not UTF-8; what else is said of it is its owner's to check. */
export const textOrBytes: Check<string | Uint8Array> = (value, path) => {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  throw wrong(path, value, 'a string or bytes');
};

function wrong(path: string, value: unknown, expected: string): OutcryError {
  return new OutcryError('ERR_API_PARAMS', `${path} is ${show(value)}; expected ${expected}`);
}

function isText(value: unknown, { min = 0, max }: TextBounds): value is string {
  return typeof value === 'string' && value.length >= min && value.length <= max;
}

function textExpected({ min = 0, max }: TextBounds): string {
  return `a string of ${min} to ${max} characters`;
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'absent';
  if (typeof value === 'string') {
    const cut = value.slice(0, SHOWN_CHARACTERS_MAX);
    return `${JSON.stringify(cut)}${cut.length < value.length ? '…' : ''}`;
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === 'object' ? 'a map' : String(value);
}
