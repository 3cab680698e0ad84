import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import {
  addSettingFlags,
  type Config,
  DEFAULT_CONFIG,
  givenSettingFlags,
  resolveConfig,
  schemaOf,
} from '../../src/config.ts';
import { ALL_SETTINGS, defaultText, expectationOf, SECTIONS, type SettingSpec } from '../../src/settings.ts';
import { OutcryError } from '../../src/values/errors.ts';

const VENUE_NOTE = '\n; What is traded';
const TEMPLATE = fileURLToPath(new URL('../../../config.ini', import.meta.url));

let folder = '';
let file = '';
let startFolder = '';

before(() => {
  startFolder = process.cwd();
  folder = mkdtempSync(join(tmpdir(), 'outcry-config-'));
  process.chdir(folder);
  file = 'test.ini';
});

after(() => {
  process.chdir(startFolder);
  rmSync(folder, { recursive: true });
});

interface Given {
  readonly ini?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly flags?: Readonly<Record<string, string>>;
}

function resolve({ ini = '', environment = {}, flags = {} }: Given): Config {
  writeFileSync(file, ini);
  return resolveConfig({ file, environment, flags });
}

function problemsOf(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof OutcryError);
    assert.equal(error.code, 'ERR_CONFIG_INVALID');
    const problems = error.message.split('\n');
    assert.deepEqual(error.fields, { problems: problems.length });
    return problems;
  }
  return [];
}

function problems(given: Given): readonly string[] {
  return problemsOf(() => resolve(given));
}

/** The flags as commander hands them over. */
function parsed(...args: readonly string[]): Record<string, string> {
  const command = addSettingFlags(new Command()).exitOverride();
  return givenSettingFlags(command.parse(args, { from: 'user' }).opts());
}

describe('resolveConfig > precedence', () => {
  const ini = '[bank]\nport = 1';
  const environment = { OUTCRY_BANK_PORT: '2' };
  const flags = { 'bank-port': '3' };

  test('takes the default where nothing is said', () => {
    assert.deepEqual(resolve({}), DEFAULT_CONFIG);
    assert.equal(DEFAULT_CONFIG.bank.port, 50_000);
  });

  test('takes the file before the default', () => {
    assert.equal(resolve({ ini }).bank.port, 1);
  });

  test('takes the environment before the file', () => {
    assert.equal(resolve({ ini, environment }).bank.port, 2);
  });

  test('takes the flag before the environment', () => {
    assert.equal(resolve({ ini, environment, flags }).bank.port, 3);
  });

  test('changes nothing but the setting that is given', () => {
    assert.deepEqual(resolve({ flags }), { ...DEFAULT_CONFIG, bank: { ...DEFAULT_CONFIG.bank, port: 3 } });
  });

  test('counts an empty variable as not set, and an undefined one too', () => {
    const empty = { OUTCRY_BANK_PORT: '', OUTCRY_NONSENSE: '', OUTCRY_LOG_LEVEL: undefined };
    assert.equal(resolve({ ini, environment: empty }).bank.port, 1);
  });
});

describe('resolveConfig > file', () => {
  test('does without the default file', () => {
    assert.deepEqual(resolveConfig({ environment: {}, flags: {} }), DEFAULT_CONFIG);
  });

  test('reads config.ini in the working directory when no file is given', (context) => {
    writeFileSync('config.ini', '[bank]\nport = 7');
    context.after(() => rmSync('config.ini'));
    assert.equal(resolveConfig({ environment: {}, flags: {} }).bank.port, 7);
  });

  test('refuses a given file that does not exist', () => {
    assert.deepEqual(
      problemsOf(() => resolveConfig({ file: 'gone.ini', environment: {}, flags: {} })),
      ["gone.ini: expected a readable file, ENOENT: no such file or directory, open 'gone.ini'"],
    );
  });

  test('refuses a folder', () => {
    assert.deepEqual(
      problemsOf(() => resolveConfig({ file: '.', environment: {}, flags: {} })),
      ['.: expected a readable file, EISDIR: illegal operation on a directory, read'],
    );
  });

  test('takes comments, quotes, blank lines, CRLF and a byte order mark', () => {
    const ini = '\uFEFF [server] ; where\r\n\r\n# why\r\nhost = "::1"\r\n[bank]# bank\r\nport=5; free\r\n';
    const config = resolve({ ini });
    assert.deepEqual([config.server.host, config.bank.port], ['::1', 5]);
  });

  test('joins the parts of a section that stands twice', () => {
    const config = resolve({ ini: '[bank]\nport = 1\n[log]\nlevel = warn\n[bank]\nidle_seconds = 2' });
    assert.deepEqual([config.bank.port, config.bank.idleSeconds, config.log.level], [1, 2, 'warn']);
  });
});

describe('resolveConfig > a wrong value', () => {
  const port = 'expected a port from 0 to 65535';

  for (const { kind, ini, problem } of [
    { kind: 'a port that is no number', ini: '[bank]\nport = http', problem: `[bank] port: "http", ${port}` },
    { kind: 'a port too great', ini: '[bank]\nport = 65536', problem: `[bank] port: "65536", ${port}` },
    { kind: 'a negative port', ini: '[bank]\nport = -1', problem: `[bank] port: "-1", ${port}` },
    { kind: 'a fraction', ini: '[bank]\nport = 1.5', problem: `[bank] port: "1.5", ${port}` },
    { kind: 'an exponent', ini: '[bank]\nport = 1e3', problem: `[bank] port: "1e3", ${port}` },
    { kind: 'a hexadecimal number', ini: '[bank]\nport = 0x10', problem: `[bank] port: "0x10", ${port}` },
    {
      kind: 'a number past all ranges',
      ini: '[bank]\nport = 99999999999999999999',
      problem: `[bank] port: "99999999999999999999", ${port}`,
    },
    { kind: 'an empty value', ini: '[bank]\nport =', problem: `[bank] port: "", ${port}` },
    { kind: 'a key alone', ini: '[bank]\nport', problem: `[bank] port: "true", ${port}` },
    { kind: 'bare true', ini: '[bank]\nport = true', problem: `[bank] port: "true", ${port}` },
    { kind: 'bare null', ini: '[bank]\nport = null', problem: `[bank] port: "null", ${port}` },
    {
      kind: 'a count too small',
      ini: '[bank]\nconnections_max = 0',
      problem: '[bank] connections_max: "0", expected a whole number from 1 to 1000000',
    },
    {
      kind: 'bytes with a unit',
      ini: '[bank]\nline_length_max = 1KiB',
      problem: '[bank] line_length_max: "1KiB", expected a whole number of bytes from 128 to 1048576',
    },
    {
      kind: 'a period longer than a timer can hold',
      ini: '[bank]\nidle_seconds = 2147484',
      problem: '[bank] idle_seconds: "2147484", expected a whole number of seconds from 1 to 2147483',
    },
    {
      kind: 'a host with a space',
      ini: '[server]\nhost = my machine',
      problem: '[server] host: "my machine", expected an IP address or a host name',
    },
    {
      kind: 'a mistyped address',
      ini: '[server]\nhost = 127.0.0.256',
      problem: '[server] host: "127.0.0.256", expected an IP address or a host name',
    },
    {
      kind: 'a quoted value with a comment behind it, which the format does not know',
      ini: '[log]\nlevel = "info" ; terse',
      problem: '[log] level: "\\"info\\"", expected one of trace, debug, info, warn, error, fatal, silent',
    },
    {
      kind: 'an unknown choice',
      ini: '[log]\nlevel = loud',
      problem: '[log] level: "loud", expected one of trace, debug, info, warn, error, fatal, silent',
    },
    {
      kind: 'a choice in the wrong case',
      ini: '[log]\nformat = JSON',
      problem: '[log] format: "JSON", expected one of auto, pretty, json',
    },
    {
      kind: 'a key given twice',
      ini: '[bank]\nport = 1\nport = 2',
      problem: '[bank] port: "1" and "2", expected one value',
    },
  ]) {
    test(`refuses ${kind}`, () => {
      assert.deepEqual(problems({ ini }), [`test.ini ${problem}`]);
    });
  }

  test('names the variable it came from', () => {
    assert.deepEqual(problems({ environment: { OUTCRY_BANK_PORT: ' 5' } }), [
      `OUTCRY_BANK_PORT: " 5", ${port}`,
    ]);
  });

  test('names the flag it came from', () => {
    assert.deepEqual(problems({ flags: { 'bank-port': '' } }), [`--bank-port: "", ${port}`]);
  });

  test('is refused even where a stronger source overrides it', () => {
    assert.deepEqual(problems({ ini: '[bank]\nport = x', flags: { 'bank-port': '1' } }), [
      `test.ini [bank] port: "x", ${port}`,
    ]);
  });

  test('reaches the terminal without control characters, on one line', () => {
    assert.deepEqual(
      problems({ ini: '[ba\u001b[2Jnk]', environment: { OUTCRY_BANK_PORT: '\u009b1\n\u0007' } }),
      ['test.ini [ba[2Jnk]: no such name, the nearest is bank', `OUTCRY_BANK_PORT: "1\\n\\u0007", ${port}`],
    );
  });
});

describe('resolveConfig > an accepted value', () => {
  test('may be at either end of its range', () => {
    const config = resolve({
      ini: '[bank]\nport = 0\n[flow]\nhost_bytes_low = 0\nhost_bytes_high = 1073741824',
    });
    assert.deepEqual(
      [config.bank.port, config.flow.hostBytesLow, config.flow.hostBytesHigh],
      [0, 0, 1_073_741_824],
    );
    assert.equal(resolve({ ini: '[bank]\nport = 65535' }).bank.port, 65_535);
  });

  for (const host of ['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost', 'trading.example.org', '4games']) {
    test(`may be the host ${host}`, () => {
      assert.equal(resolve({ ini: `[server]\nhost = ${host}` }).server.host, host);
    });
  }
});

describe('resolveConfig > an unknown name', () => {
  for (const { kind, given, problem } of [
    {
      kind: 'section',
      given: { ini: '[bnak]\nport = 1' },
      problem: 'test.ini [bnak]: no such name, the nearest is bank',
    },
    {
      kind: 'section with a dot',
      given: { ini: '[bank.limits]\nport = 1' },
      problem: 'test.ini [bank.limits]: no such name, the nearest is bank',
    },
    {
      kind: 'section with a dot that is also a key',
      given: { ini: '[bank]\nport = 1\n[bank.port]\nx = 1' },
      problem: 'test.ini [bank.port]: no such name, the nearest is bank',
    },
    {
      kind: 'key',
      given: { ini: '[bank]\nconection_max = 1' },
      problem: 'test.ini [bank] conection_max: no such name, the nearest is connections_max',
    },
    {
      kind: 'key in the spelling of the code',
      given: { ini: '[bank]\nidleSeconds = 1' },
      problem: 'test.ini [bank] idleSeconds: no such name, the nearest is idle_seconds',
    },
    {
      kind: 'key with the brackets of a list',
      given: { ini: '[bank]\nport[] = 1' },
      problem: 'test.ini [bank] port[]: no such name, the nearest is port',
    },
    {
      kind: 'key before every section',
      given: { ini: 'port = 1\n[bank]' },
      problem: 'test.ini port: expected below a section, such as [server]',
    },
    {
      kind: 'variable',
      given: { environment: { OUTCRY_BNAK_PORT: '1' } },
      problem: 'OUTCRY_BNAK_PORT: no such name, the nearest is OUTCRY_BANK_PORT',
    },
    {
      kind: 'variable close to one that is no setting',
      given: { environment: { OUTCRY_DEBUGG: '1' } },
      problem: 'OUTCRY_DEBUGG: no such name, the nearest is OUTCRY_DEBUG',
    },
    {
      kind: 'flag',
      given: { flags: { 'bank-prot': '1' } },
      problem: '--bank-prot: no such name, the nearest is --bank-port',
    },
  ]) {
    test(`is refused with the nearest one: ${kind}`, () => {
      assert.deepEqual(problems(given), [problem]);
    });
  }

  test('is nothing to us in a variable of others, nor in those of other commands', () => {
    const environment = {
      PATH: '/bin',
      BANK_PORT: '1',
      OUTCRYBANK: '1',
      OUTCRY_DEBUG: '1',
      OUTCRY_ADMIN_TOKEN: 'x',
    };
    assert.deepEqual(resolve({ environment }), DEFAULT_CONFIG);
  });
});

describe('resolveConfig > sections with names of their own', () => {
  test('are read with the others, and may stand twice', () => {
    const { bank, venue } = resolve({
      ini: '[book 7203]\nlot = 100\n[bank]\nport = 7\n[trader  a]\npassword = "x;y"\n[book 7203]\nname = Cars',
    });
    assert.equal(bank.port, 7);
    assert.deepEqual(
      [
        venue.books.map(({ lot, name }) => [lot, name]),
        venue.traders.map(({ user, password }) => [user, password]),
      ],
      [[[100, 'Cars']], [['A', 'x;y']]],
    );
  });

  for (const { kind, ini, problem } of [
    {
      kind: 'without a name',
      ini: '[book]',
      problem: '[book]: expected a name behind it, such as [book NAME]',
    },
    {
      kind: 'of a kind that is none',
      ini: '[bok 7203]',
      problem: '[bok 7203]: no such name, the nearest is book 7203',
    },
    {
      kind: 'with a name that has a point',
      ini: '[book A.B]\nlot = 1',
      problem: '[book A]: expected a name without .B',
    },
    {
      kind: 'with a key that stands twice',
      ini: '[book 7]\nlot = 1\nlot = 2',
      problem: '[book 7] lot: "1" and "2", expected one value',
    },
    {
      kind: 'with a wrong value, beside all else that is wrong',
      ini: '[book 7]\nlot = many',
      problem: '[book 7] lot: "many", expected a whole number from 1 to 2147483647',
    },
  ]) {
    test(`are refused ${kind}`, () => {
      assert.deepEqual(problems({ ini }), [`test.ini ${problem}`]);
    });
  }

  test('are none of the environment', () => {
    assert.equal(problems({ environment: { OUTCRY_BOOK_7203_LOT: '1' } }).length, 1);
  });
});

describe('resolveConfig > two settings that disagree', () => {
  test('refuses marks that are equal', () => {
    assert.deepEqual(problems({ ini: '[flow]\nhost_bytes_low = 9\nhost_bytes_high = 9' }), [
      'test.ini [flow] host_bytes_low: "9", expected less than the "9" of test.ini [flow] host_bytes_high',
    ]);
  });

  test('names where both come from', () => {
    assert.deepEqual(problems({ flags: { 'flow-host-bytes-high': '100' } }), [
      'default [flow] host_bytes_low: "4194304", expected less than the "100" of --flow-host-bytes-high',
    ]);
  });

  test('accepts marks that differ by one', () => {
    const { flow } = resolve({ ini: '[flow]\nhost_bytes_low = 8\nhost_bytes_high = 9' });
    assert.deepEqual([flow.hostBytesLow, flow.hostBytesHigh], [8, 9]);
  });

  test('compares nothing with a value that is itself wrong', () => {
    assert.deepEqual(problems({ ini: '[flow]\nhost_bytes_low = 99999999\nhost_bytes_high = many' }), [
      'test.ini [flow] host_bytes_high: "many", expected a whole number of bytes from 1 to 1073741824',
    ]);
  });
});

describe('resolveConfig > many problems', () => {
  test('reports all of them at once, the weakest source first', () => {
    const given = {
      ini: 'level = info\n[bank]\nport = x\nprot = 1\n[flow]\nhost_bytes_low = 16777216\n[logs]\n',
      environment: { OUTCRY_LOG_FORMAT: 'xml', OUTCRY_BANK: '1' },
      flags: { 'server-hosts': 'all' },
    };
    assert.deepEqual(problems(given), [
      'test.ini level: expected below a section, such as [server]',
      'test.ini [bank] port: "x", expected a port from 0 to 65535',
      'test.ini [bank] prot: no such name, the nearest is port',
      'test.ini [logs]: no such name, the nearest is log',
      'OUTCRY_LOG_FORMAT: "xml", expected one of auto, pretty, json',
      'OUTCRY_BANK: no such name, the nearest is OUTCRY_BANK_PORT',
      '--server-hosts: "all", expected a whole number from 0 to 256',
      'test.ini [flow] host_bytes_low: "16777216", expected less than the "8388608" of default [flow] host_bytes_high',
    ]);
  });

  test('reports an unreadable file together with what else is wrong', () => {
    const lines = problemsOf(() =>
      resolveConfig({ file: 'gone.ini', environment: { OUTCRY_BANK_PORT: 'x' }, flags: {} }),
    );
    assert.deepEqual(
      lines.map((line) => line.split(':')[0]),
      ['gone.ini', 'OUTCRY_BANK_PORT'],
    );
  });
});

describe('resolveConfig > hostile names', () => {
  for (const ini of [
    '[__proto__]\nport = 1',
    '[bank]\n__proto__ = 1',
    '[bank.__proto__]\nport = 1',
    '[__proto__.bank]\nport = 1',
    '[constructor]\nprototype = 1',
    '[constructor.prototype]\nport = 1',
    '[bank]\nport = \'[{"toString": 1}]\'',
    'bank = \'{"__proto__": {"port": 1}}\'',
  ]) {
    test(`changes no prototype and throws nothing of its own: ${JSON.stringify(ini)}`, () => {
      problems({ ini });
      assert.equal('port' in {}, false);
      assert.equal('prototype' in {}, false);
      assert.deepEqual(resolve({}), DEFAULT_CONFIG);
    });
  }

  test('is refused in the environment and among the flags like any other', () => {
    const flags = JSON.parse('{"__proto__": "1"}') as Record<string, string>;
    assert.equal(problems({ environment: { OUTCRY___PROTO__: '1' }, flags }).length, 2);
  });
});

describe('a secret', () => {
  test('is shown by no message, nor is a password within an address', () => {
    const ini = '[gold]\nbtmc_key = sesame\nbtmc_key = sesame2\npnj_url = ftp://ali:sesame@h/\n';
    assert.deepEqual(problems({ ini }), [
      'test.ini [gold] btmc_key: what must not be shown and what must not be shown, expected one value',
      'test.ini [gold] pnj_url: "ftp://…@h/", expected an http or https URL without a user and a password',
    ]);
  });
});

describe('addSettingFlags', () => {
  test('gives every setting a flag', () => {
    const args = ALL_SETTINGS.flatMap(({ flag, ...spec }) => [`--${flag}`, defaultText(spec)]);
    const flags = parsed(...args);
    assert.deepEqual(
      Object.keys(flags),
      ALL_SETTINGS.map(({ flag }) => flag),
    );
    assert.deepEqual(resolve({ flags }), DEFAULT_CONFIG);
  });

  test('hands over only the flags that were given', () => {
    assert.deepEqual(parsed('--bank-port', '0'), { 'bank-port': '0' });
    assert.deepEqual(parsed(), {});
  });

  test('leaves the options of others alone', () => {
    assert.deepEqual(givenSettingFlags({ config: 'a.ini', memory: true, bankPort: '1' }), {
      'bank-port': '1',
    });
  });

  test('says in the help what a setting is for, what it may be and its default', () => {
    const help = addSettingFlags(new Command().configureHelp({ helpWidth: 1_000 })).helpInformation();
    for (const setting of ALL_SETTINGS) {
      const line = help.split('\n').find((each) => each.includes(`--${setting.flag} <${setting.type}>`));
      assert.ok(
        line?.endsWith(
          `${setting.reason} (${expectationOf(setting)}; default ${defaultText(setting) || 'none'})`,
        ),
        line,
      );
    }
  });
});

describe('settings', () => {
  test('have defaults that their own checks accept', () => {
    for (const setting of ALL_SETTINGS) {
      assert.deepEqual(schemaOf(setting).parse(defaultText(setting)), setting.default, setting.flag);
    }
  });

  test('have names of their own', () => {
    assert.equal(new Set(ALL_SETTINGS.map(({ variable }) => variable)).size, ALL_SETTINGS.length);
    assert.equal(new Set(ALL_SETTINGS.map(({ flag }) => flag)).size, ALL_SETTINGS.length);
  });

  test('give a reason of one sentence', () => {
    for (const { reason, flag } of ALL_SETTINGS) {
      assert.match(reason, /^\S[^.]*\.$/, flag);
    }
  });

  test('compare with a setting that exists', () => {
    for (const { section, ...setting } of ALL_SETTINGS) {
      if ('below' in setting && setting.below !== undefined) {
        const other = ALL_SETTINGS.find((each) => each.section === section && each.key === setting.below);
        assert.notEqual(other, undefined, setting.flag);
      }
    }
  });

  for (const { spec, expectation, accepted, refused } of [
    {
      spec: { type: 'boolean', default: true, reason: '' },
      expectation: 'true or false',
      accepted: [
        ['true', true],
        ['false', false],
        ['no', false],
      ],
      refused: ['', 'maybe', '2'],
    },
    {
      spec: { type: 'milliseconds', default: 1, min: 1, max: 9, reason: '' },
      expectation: 'a whole number of milliseconds from 1 to 9',
      accepted: [
        ['1', 1],
        ['9', 9],
      ],
      refused: ['0', '10', '1s'],
    },
    {
      spec: { type: 'count', default: 4, min: 4, max: 32, isPowerOf2: true, reason: '' },
      expectation: 'a power of 2 from 4 to 32',
      accepted: [
        ['4', 4],
        ['32', 32],
      ],
      refused: ['2', '5', '31', '64'],
    },
    {
      spec: { type: 'names', default: ['a'], choices: ['a', 'b', 'c'], reason: '' },
      expectation: 'some of a b c, or none',
      accepted: [
        ['c a', ['c', 'a']],
        ['a, b,c', ['a', 'b', 'c']],
        ['none', []],
      ],
      refused: ['', 'd', 'a a', 'a none', 'A', ' '],
    },
    {
      spec: { type: 'url', default: 'https://a', reason: '' },
      expectation: 'an http or https URL without a user and a password',
      accepted: [
        ['http://127.0.0.1:8080/a?b=c', 'http://127.0.0.1:8080/a?b=c'],
        ['https://a.b', 'https://a.b'],
      ],
      refused: ['', 'a.b', 'ftp://a.b', 'file:///etc/passwd', 'https://u@a.b', 'https://u:p@a.b'],
    },
    {
      spec: { type: 'secret', default: '', reason: '' },
      expectation: 'a text, which is never shown, or nothing',
      accepted: [
        ['', ''],
        ['open sesame', 'open sesame'],
      ],
      refused: [],
    },
    {
      spec: { type: 'path', default: 'data', reason: '' },
      expectation: 'a path',
      accepted: [['./my data', './my data']],
      refused: [''],
    },
    {
      spec: { type: 'time', default: '08:20', reason: '' },
      expectation: 'a time of day, as 08:20 or 08:20:30',
      accepted: [
        ['00:00', '00:00'],
        ['23:59:59', '23:59:59'],
      ],
      refused: ['', '24:00', '8:20', '08:60', '08:20:60', '08.20', 'noon'],
    },
    {
      spec: { type: 'days', default: 'mon', reason: '' },
      expectation: 'some of sun mon tue wed thu fri sat',
      accepted: [
        ['mon', 'mon'],
        ['Mon, sun', 'Mon, sun'],
      ],
      refused: ['', ',', 'monday', 'mon-fri', '1'],
    },
    {
      spec: { type: 'time-zone', default: 'UTC', reason: '' },
      expectation: 'a time zone, as Asia/Tokyo or UTC',
      accepted: [
        ['UTC', 'UTC'],
        ['Asia/Tokyo', 'Asia/Tokyo'],
      ],
      refused: ['', 'Tokyo', '+09:00', 'Asia/Nowhere'],
    },
  ] as const satisfies readonly { spec: SettingSpec; [other: string]: unknown }[]) {
    test(`may be of the type ${spec.type}`, () => {
      const schema = schemaOf(spec);
      assert.equal(expectationOf(spec), expectation);
      for (const [text, value] of accepted) {
        assert.deepEqual(schema.parse(text), value);
      }
      for (const text of refused) {
        assert.equal(schema.safeParse(text).success, false, text);
      }
    });
  }
});

describe("a file of the original server's", () => {
  const original = { host: 'server-host', port: 'ouch-raw-port' };

  function resolveOriginal(text: string, flags: Readonly<Record<string, string>> = {}) {
    writeFileSync('original.ini', text);
    return resolveConfig({ file: 'original.ini', environment: {}, flags, original });
  }

  test('says with [DEFAULT] what it is made to stand for, and less loudly than a flag', () => {
    const text = '[DEFAULT]\nhost = localhost\nport = 4000\n\n[ouch]\nport = 4001\n';
    const { server, ouch, 'ouch-raw': raw } = resolveOriginal(text);
    assert.deepEqual([server.host, raw.port, ouch.port], ['localhost', 4000, 4001]);
    assert.equal(resolveOriginal(text, { 'ouch-raw-port': '5000' })['ouch-raw'].port, 5000);
  });

  test('is wrong where it says more, or the same twice', () => {
    const message = [
      'original.ini [DEFAULT] constructor: no such name, the nearest is host',
      'original.ini [DEFAULT] port: "1" and "2", expected one value',
    ].join('\n');
    assert.throws(() => resolveOriginal('[DEFAULT]\nconstructor = 1\nport = 1\nport = 2\n'), { message });
  });

  test('is wrong for who does not take it', () => {
    writeFileSync('original.ini', '[DEFAULT]\nhost = localhost\n');
    assert.throws(() => resolveConfig({ file: 'original.ini', environment: {}, flags: {} }), {
      code: 'ERR_CONFIG_INVALID',
      message: /^original\.ini \[DEFAULT\]: no such name/,
    });
  });
});

describe('config.ini', () => {
  test('sets exactly the defaults', () => {
    assert.deepEqual(resolveConfig({ file: TEMPLATE, environment: {}, flags: {} }), DEFAULT_CONFIG);
  });

  test('lists every setting in the order of the table, with its reason, what it may be and its default', () => {
    const expected = SECTIONS.map((section) => `[${section}]\n\n${linesOf(section).join('\n\n')}\n`).join(
      '\n',
    );
    const text = readFileSync(TEMPLATE, 'utf8');
    assert.equal(text.slice(text.indexOf('[server]'), text.indexOf(VENUE_NOTE)), expected);
  });

  test('shows a venue, in comments, that is accepted', () => {
    const text = readFileSync(TEMPLATE, 'utf8');
    const [, example = ''] = text.split(/(?=^; \[ticks)/m);
    const { venue } = resolve({ ini: example.replace(/^; ?/gm, '') });
    assert.deepEqual(
      [venue.books, venue.traders, venue.tickTables.map(({ name }) => name)],
      [
        [
          {
            id: '7203',
            number: 7203,
            name: 'Toyota Motor',
            groups: ['DAY ', 'NGHT', 'DAYX', 'DAYU'],
            lot: 100,
            tickTable: 'equities',
            lowerLimit: 20_000,
            upperLimit: 30_000,
            isShortSellRestricted: false,
          },
        ],
        [
          {
            user: 'TRADE1',
            password: 'secret',
            groups: ['DAY ', 'NGHT'],
            firms: [17, 18],
            orderValueMax: 100_000_000,
            ordersPerSecond: 1000,
            selfTrade: 'cancel-newest',
            owner: 'desk 1',
          },
        ],
        ['default', 'equities'],
      ],
    );
  });

  function linesOf(section: string): readonly string[] {
    return ALL_SETTINGS.filter((setting) => setting.section === section).map((setting) =>
      `; ${setting.reason}\n; Expects ${expectationOf(setting)}.\n${setting.iniKey} = ${defaultText(setting)}`.trimEnd(),
    );
  }
});
