/** The JSON schema of test inputs, for editors: what they complete, explain and mark as wrong. */

import { MS_MAX } from './check.ts';
import { DISCONNECTS } from './input.ts';
import { type Direction, messagesWith, type NamedField, type NamedMessage } from './names.ts';

type Schema = Readonly<Record<string, unknown>>;

const UINT32_MAX = 0xffffffff;
const SPAN: Schema = { type: 'number', minimum: 0, maximum: MS_MAX };
const NAME: Schema = { type: 'string', minLength: 1 };
const DIGITS: Schema = { type: 'string', pattern: '^[0-9]+$' };
const WHOLE: Schema = { anyOf: [{ type: 'integer', minimum: 0, maximum: UINT32_MAX }, DIGITS] };
const PRICE: Schema = {
  anyOf: [
    { type: 'number', minimum: 0, maximum: UINT32_MAX / 10 },
    { type: 'string', pattern: '^[0-9]{1,9}(\\.[0-9])?$' },
  ],
};

/** Draft 2020-12. */
export function inputSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Test inputs of OUCH',
    ...objectOf(
      {
        $schema: { type: 'string', description: 'For editors; not read.' },
        name: { type: 'string', description: 'Shown in reports instead of the path.' },
        recorded: {
          type: 'boolean',
          default: false,
          description: 'A client that is not in "clients" is called as its user.',
        },
        _expected_behaviour: {
          type: 'array',
          description:
            'Entry i is about action i: prose, or a reply in wire order; an empty list is no reply.',
          items: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: ['string', 'number'] } }] },
        },
        clients: {
          type: 'object',
          description: 'The connections. With it, steps name no others.',
          propertyNames: NAME,
          additionalProperties: { $ref: '#/$defs/client' },
        },
        venue: { $ref: '#/$defs/venue' },
        actions: { type: 'array', description: 'Steps, in order.', items: { $ref: '#/$defs/step' } },
      },
      ['actions'],
    ),
    $defs: {
      client: objectOf({
        user: { type: 'string', maxLength: 6, description: 'By default from --user.' },
        password: { type: 'string', maxLength: 10, description: 'By default from --password.' },
        raw: { type: 'boolean', default: false, description: 'Bare OUCH instead of SoupBinTCP.' },
        form: { enum: ['alpha', 'uint32'], description: 'Order books are text, or numbers.' },
      }),
      venue: {
        description: 'What must hold at the venue, as createServer takes it. A replay only shows it.',
        ...objectOf({
          settings: { type: 'object' },
          books: { type: 'array', items: { type: 'object' } },
          traders: { type: 'array', items: { type: 'object' } },
          tickTables: { type: 'array', items: { type: 'object' } },
        }),
      },
      step: {
        type: 'object',
        not: { required: ['at', 'after'] },
        ...byLetter('inbound', { $ref: '#/$defs/otherStep' }),
      },
      ...messageSchemas('inbound', STEP, stepValue),
      otherStep: {
        ...objectOf({ ...STEP, ...VERBS }),
        anyOf: [...Object.keys(VERBS), 'expect', 'at', 'after'].map((name) => ({ required: [name] })),
        not: { anyOf: pairsOf(Object.keys(VERBS)).map((pair) => ({ required: pair })) },
      },
      expected: {
        type: 'object',
        ...byLetter('outbound', { $ref: '#/$defs/silence' }),
      },
      ...messageSchemas('outbound', {}, replyValue),
      silence: objectOf(
        { silence: { ...SPAN, description: 'No reply to this client for so many milliseconds.' } },
        ['silence'],
      ),
    },
  };
}

const STEP: Schema = {
  as: { ...NAME, default: 'client', description: 'Which client.' },
  at: { ...SPAN, description: 'Milliseconds since the input began.' },
  after: { ...SPAN, description: 'Milliseconds since the step before was done.' },
  expect: {
    description: 'The replies to this client, in order. An empty list: none.',
    if: { type: 'array' },
    // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON schema
    then: { items: { $ref: '#/$defs/expected' } },
    else: { $ref: '#/$defs/expected' },
  },
};

const VERBS: Schema = {
  barrier: { ...NAME, description: 'Waits for the other inputs that have a barrier of this name.' },
  disconnect: { enum: DISCONNECTS, description: 'Logout Request; end of sending; reset.' },
  reconnect: {
    description: 'true: the same session and the next message.',
    anyOf: [
      { const: true },
      objectOf({ session: { type: 'string', maxLength: 10 }, sequence: { type: 'integer', minimum: 0 } }),
    ],
  },
  sleep: { ...SPAN, description: 'Milliseconds.' },
};

function objectOf(properties: Schema, required: readonly string[] = []): Schema {
  return {
    type: 'object',
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** What a message is, its letter decides: so an editor complains of one message and not of all. */
function byLetter(direction: Direction, other: Schema): Schema {
  const messages = messagesWith(direction);
  const letters = messages.map(({ letter }) => letter);
  return {
    properties: { message_type: { enum: letters } },
    ...messages.reduceRight<Schema>(
      (otherwise, message) => ({
        if: { properties: { message_type: { const: message.letter } }, required: ['message_type'] },
        // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON schema
        then: { $ref: `#/$defs/${nameOf(direction, message)}` },
        else: otherwise,
      }),
      other,
    ),
  };
}

function messageSchemas(
  direction: Direction,
  others: Schema,
  schemaOf: (field: NamedField, message: NamedMessage) => Schema,
): Schema {
  const schemas = messagesWith(direction).map((message) => {
    const required = message.fields.filter((field) => direction === 'inbound' && field.default === undefined);
    const fields = message.fields.map((field) => [field.name, schemaOf(field, message)]);
    const schema = {
      description: message.title,
      ...objectOf({ message_type: { const: message.letter }, ...Object.fromEntries(fields), ...others }, [
        'message_type',
        ...required.map(({ name }) => name),
      ]),
    };
    return [nameOf(direction, message), schema];
  });
  return Object.fromEntries(schemas);
}

/** `enter`, `acceptedReply` */
function nameOf(direction: Direction, { type }: NamedMessage): string {
  return direction === 'inbound' ? type : `${type}-reply`;
}

function stepValue(field: NamedField, message: NamedMessage): Schema {
  const isCanceled = message.type === 'cancel' && field.key === 'quantity';
  const value = isCanceled
    ? { anyOf: [{ type: 'integer', minimum: -(2 ** 31), maximum: UINT32_MAX }, DIGITS] }
    : plainValue(field);
  return field.default === undefined ? value : { ...value, default: field.default };
}

function replyValue(field: NamedField): Schema {
  return { anyOf: [{ const: '*' }, plainValue(field)] };
}

function plainValue({ kind, field }: NamedField): Schema {
  switch (kind) {
    case 'token':
    case 'integer':
      return WHOLE;
    case 'price':
      return PRICE;
    case 'number64':
      return { anyOf: [{ type: 'integer', minimum: 0 }, DIGITS, { type: 'string', pattern: '^\\$.' }] };
    case 'orderbook':
      return {
        anyOf: [
          { type: 'integer', minimum: 0, maximum: UINT32_MAX },
          { type: 'string', maxLength: 10 },
        ],
      };
    case 'text':
      return { type: 'string', maxLength: field.length };
  }
}

function pairsOf(names: readonly string[]): string[][] {
  return names.flatMap((first, i) => names.slice(i + 1).map((second) => [first, second]));
}
