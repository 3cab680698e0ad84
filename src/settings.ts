/**
 * Every setting, once.
 *
 * The type of Config, the checks, the names in config.ini, in the environment and on the command line, the help texts
 * and the template config.ini all follow from the table below. A new setting is a new row (and its lines in config.ini,
 * which a test asks for).
 *
 * Units stand last in a name. The longest period is what a Node timer can hold: 2³¹ − 1 ms; beyond it fires at once.
 */
import { PROVIDERS } from './protocol/gold.ts';
import { DAYS } from './values/calendar.ts';

interface Described {
  /** One sentence: what it is for, or what goes wrong without it. */
  readonly reason: string;
}

interface PortSpec extends Described {
  readonly type: 'port';
  readonly default: number;
}

interface NumberSpec extends Described {
  readonly type: 'count' | 'bytes' | 'seconds' | 'milliseconds';
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** The key, in the same section, of the setting that must be greater. */
  readonly below?: string;
  readonly isPowerOf2?: true;
}

interface TextSpec extends Described {
  readonly type: 'host' | 'path' | 'new-file';
  readonly default: string;
}

interface ChoiceSpec extends Described {
  readonly type: 'choice';
  readonly default: string;
  readonly choices: readonly string[];
}

interface BooleanSpec extends Described {
  readonly type: 'boolean';
  readonly default: boolean;
}

/** Some of the choices in an order of one's own, each once; none of them is the word none. */
interface NamesSpec extends Described {
  readonly type: 'names';
  readonly default: readonly string[];
  readonly choices: readonly string[];
}

/** Http or https, without a user and a password. */
interface UrlSpec extends Described {
  readonly type: 'url';
  readonly default: string;
}

/** A text that is never shown. */
interface SecretSpec extends Described {
  readonly type: 'secret';
  readonly default: string;
}

/** A time of day, days of the week, the name of a time zone: src/values/calendar.ts reads them. */
interface CalendarSpec extends Described {
  readonly type: 'time' | 'days' | 'time-zone';
  readonly default: string;
}

export type SettingSpec =
  | PortSpec
  | NumberSpec
  | TextSpec
  | ChoiceSpec
  | BooleanSpec
  | NamesSpec
  | UrlSpec
  | SecretSpec
  | CalendarSpec;

export type SettingValue = SettingSpec['default'];

/** What stands where none of the choices is wanted. */
export const NO_NAMES = 'none';

/** A row of the table with its names. */
export type Setting = SettingSpec & {
  readonly section: string;
  /** `lineLengthMax`, in code. */
  readonly key: string;
  /** `line_length_max`, in config.ini. */
  readonly iniKey: string;
  /** `OUTCRY_BANK_LINE_LENGTH_MAX`. */
  readonly variable: string;
  /** `bank-line-length-max`, on the command line after two dashes. */
  readonly flag: string;
};

const CONNECTIONS_LIMIT = 1_000_000;
const BYTES_LIMIT = 1_073_741_824;
const SECONDS_LIMIT = 2_147_483;

export const PORT_MAX = 65_535;

export const SETTINGS = {
  server: {
    host: {
      type: 'host',
      default: '127.0.0.1',
      reason: 'All services bind this address; the default is reached from this machine only.',
    },
    hosts: {
      type: 'count',
      default: 0,
      min: 0,
      max: 256,
      reason: 'Worker threads that run actors; 0 takes one less than there are cores, at least 1.',
    },
  },
  bank: {
    port: {
      type: 'port',
      default: 50_000,
      reason: 'Bank clients connect here; 0 picks a free port.',
    },
    connectionsMax: {
      type: 'count',
      default: 16_384,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'More connections than this are refused, since each holds a file descriptor and memory.',
    },
    connectionsPerAddressMax: {
      type: 'count',
      default: 16_384,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'One address holds no more connections than this; lower it so that none can take them all.',
    },
    lineLengthMax: {
      type: 'bytes',
      default: 1_024,
      min: 128,
      max: 1_048_576,
      reason: 'A longer line is discarded, so that a client that sends no newline cannot fill the memory.',
    },
    idleSeconds: {
      type: 'seconds',
      default: 3_600,
      min: 1,
      max: SECONDS_LIMIT,
      reason: 'A connection silent for this long is closed, since its client may be gone without a word.',
    },
    accountsMax: {
      type: 'count',
      default: 16_000_000,
      min: 1,
      max: 100_000_000,
      reason: 'The bank opens no more accounts than this, so that invented names cannot fill the memory.',
    },
    uploadsMax: {
      type: 'count',
      default: 10_000,
      min: 16,
      max: 1_000_000,
      reason: 'So many uploads are remembered; beyond it those that were not used for longest are forgotten.',
    },
  },
  users: {
    signInServices: {
      type: 'names',
      default: ['gold'],
      choices: ['gold', 'lobby', 'api'],
      reason: 'Services whose clients must sign in; the bank and the exchange have rules of their own.',
    },
    isSignUpOpen: {
      type: 'boolean',
      default: true,
      reason: 'Whether anybody may make an account, or operators only.',
    },
    usersMax: {
      type: 'count',
      default: 100_000,
      min: 1,
      max: 10_000_000,
      reason: 'No more accounts are made than this, so that invented names cannot fill the memory.',
    },
    scryptCost: {
      type: 'count',
      default: 32_768,
      min: 16_384,
      max: 1_048_576,
      isPowerOf2: true,
      reason: 'What a password hash costs, N of scrypt; those of less are made anew at the next sign-in.',
    },
    nameFailuresMax: {
      type: 'count',
      default: 5,
      min: 1,
      max: 1_000,
      reason: 'After so many wrong attempts under a name each next one waits twice as long, 30 s at most.',
    },
    addressFailuresMax: {
      type: 'count',
      default: 20,
      min: 1,
      max: 1_000_000,
      reason: 'After so many wrong attempts from an address each next one waits twice as long, 60 s at most.',
    },
    tokenHours: {
      type: 'count',
      default: 720,
      min: 1,
      max: 87_600,
      reason: 'After so long a token, with which a client of the api goes on, is worth nothing.',
    },
  },
  lobby: {
    port: {
      type: 'port',
      default: 65_433,
      reason: 'Lobby clients connect here; 0 picks a free port.',
    },
    clientsMax: {
      type: 'count',
      default: 3,
      min: 1,
      max: 65_536,
      reason: 'Clients in the lobby at a time; one more is told that it is full.',
    },
    connectionsMax: {
      type: 'count',
      default: 4_096,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'More connections than this, even of those about to be refused, are closed without a word.',
    },
    messageBytesMax: {
      type: 'bytes',
      default: 4_096,
      min: 256,
      max: 1_048_576,
      reason:
        'A longer message is answered with an error, so that one without an end cannot fill the memory.',
    },
    idleSeconds: {
      type: 'seconds',
      default: 3_600,
      min: 1,
      max: SECONDS_LIMIT,
      reason: 'A client silent for this long is closed, since it holds a place that others may want.',
    },
    filesFolder: {
      type: 'path',
      default: 'files',
      reason: 'The files in this folder are served; those in folders below it, links and dot files are not.',
    },
    isPutAllowed: {
      type: 'boolean',
      default: false,
      reason: 'Whether clients may put new files into the folder; none is ever replaced.',
    },
    fileBytesMax: {
      type: 'bytes',
      default: 67_108_864,
      min: 1,
      max: BYTES_LIMIT,
      reason:
        'A larger file is neither served nor taken, so that none can fill the disk or hold up a worker.',
    },
  },
  gold: {
    port: {
      type: 'port',
      default: 8_888,
      reason: 'Gold clients connect here; 0 picks a free port.',
    },
    connectionsMax: {
      type: 'count',
      default: 4_096,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'More connections than this are refused, since each holds a file descriptor and memory.',
    },
    connectionsPerAddressMax: {
      type: 'count',
      default: 4_096,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'One address holds no more connections than this; lower it so that none can take them all.',
    },
    messageBytesMax: {
      type: 'bytes',
      default: 4_096,
      min: 2_048,
      max: 1_048_576,
      reason:
        'A longer message is answered with an error, so that one without an end cannot fill the memory.',
    },
    idleSeconds: {
      type: 'seconds',
      default: 3_600,
      min: 1,
      max: SECONDS_LIMIT,
      reason: 'A client silent for this long is closed, since it may be gone without a word.',
    },
    providers: {
      type: 'names',
      default: ['tygia', 'vang-today', 'pnj', 'btmc'],
      choices: PROVIDERS,
      reason: 'Where rates are fetched, in this order, or none; those of example are invented.',
    },
    refreshMinutes: {
      type: 'count',
      default: 30,
      min: 1,
      max: 1_440,
      reason: 'The rates are fetched this often, and at the start.',
    },
    tygiaUrl: {
      type: 'url',
      default: 'https://tygia.com/json.php?ran=0&rate=0&gold=1&bank=VIETCOM&date=now',
      reason: 'Where tygia is asked.',
    },
    vangTodayUrl: {
      type: 'url',
      default: 'https://www.vang.today/api/prices',
      reason: 'Where vang-today is asked.',
    },
    pnjUrl: {
      type: 'url',
      default: 'https://edge-api.pnj.io/ecom-frontend/v1/get-gold-price?zone=00',
      reason: 'Where pnj is asked.',
    },
    btmcUrl: {
      type: 'url',
      default: 'https://api.btmc.vn/api/BTMCAPI/getpricebtmc',
      reason: 'Where btmc is asked; the key is added.',
    },
    btmcKey: {
      type: 'secret',
      default: '',
      reason: 'The key of btmc; without one it is left out.',
    },
  },
  api: {
    port: {
      type: 'port',
      default: 7_400,
      reason: 'Clients of the library connect here; 0 picks a free port.',
    },
    connectionsMax: {
      type: 'count',
      default: 4_096,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'More connections than this are refused, since each holds a file descriptor and memory.',
    },
    connectionsPerAddressMax: {
      type: 'count',
      default: 4_096,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'One address holds no more connections than this; lower it so that none can take them all.',
    },
    frameBytesMax: {
      type: 'bytes',
      default: 1_048_576,
      min: 65_536,
      max: 16_777_216,
      reason: 'A longer frame is an error that closes the connection, so that none can fill the memory.',
    },
    requestsMax: {
      type: 'count',
      default: 1_024,
      min: 1,
      max: 65_536,
      reason: 'Requests of one connection that wait for their answers; one more is refused at once.',
    },
    streamsMax: {
      type: 'count',
      default: 64,
      min: 1,
      max: 1_024,
      reason: 'Streams that one connection has open; one more is refused at once.',
    },
    idleSeconds: {
      type: 'seconds',
      default: 60,
      min: 1,
      max: SECONDS_LIMIT,
      reason: 'A client that sends nothing for this long, not even a heartbeat, is closed.',
    },
  },
  exchange: {
    day: {
      type: 'choice',
      default: 'at-start',
      choices: ['at-start', 'calendar', 'by-hand'],
      reason:
        'When trading days begin and end: the first at the first start, or at fixed times, or all by operators.',
    },
    openAt: {
      type: 'time',
      default: '08:20',
      reason: 'With the calendar a trading day begins at this time.',
    },
    closeAt: {
      type: 'time',
      default: '16:00',
      reason:
        'With the calendar a trading day ends at this time, of the next day if it is not after the beginning.',
    },
    openDays: {
      type: 'days',
      default: 'mon tue wed thu fri',
      reason: 'With the calendar a trading day begins on these days.',
    },
    timeZone: {
      type: 'time-zone',
      default: 'Asia/Tokyo',
      reason: 'The time zone of the calendar, of the dates in order numbers and of the times in messages.',
    },
    ordersMax: {
      type: 'count',
      default: 2_000_000,
      min: 1,
      max: 100_000_000,
      reason: 'With more open orders than this new ones are rejected, so that they cannot fill the memory.',
    },
    ordersPerTraderMax: {
      type: 'count',
      default: 100_000,
      min: 1,
      max: 100_000_000,
      reason: 'One trader has no more open orders, since others wait while all of one are withdrawn.',
    },
    streamMemoryBytes: {
      type: 'bytes',
      default: 268_435_456,
      min: 1_048_576,
      max: BYTES_LIMIT * 64,
      reason: 'So much of what was sent to traders is held in memory; for what is older the journal is read.',
    },
  },
  ouch: {
    port: {
      type: 'port',
      default: 31_422,
      reason: 'Traders connect here, with SoupBinTCP; 0 picks a free port.',
    },
    connectionsMax: {
      type: 'count',
      default: 16_384,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'More connections than this are refused, since each holds a file descriptor and memory.',
    },
    connectionsPerAddressMax: {
      type: 'count',
      default: 16_384,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'One address holds no more connections than this; lower it so that none can take them all.',
    },
    packetBytesMax: {
      type: 'bytes',
      default: 4_096,
      min: 64,
      max: 65_535,
      reason: 'A longer packet closes the connection, so that half packets cannot fill the memory.',
    },
    orderbookForm: {
      type: 'choice',
      default: 'alpha',
      choices: ['alpha', 'uint32'],
      reason: 'Whether messages name order books by id, as the newest OUCH does, or by number.',
    },
    loginSeconds: {
      type: 'seconds',
      default: 30,
      min: 1,
      max: 3_600,
      reason: 'A connection over which nobody has logged in for this long is closed.',
    },
    idleSeconds: {
      type: 'seconds',
      default: 15,
      min: 1,
      max: SECONDS_LIMIT,
      reason: 'A trader who sends nothing for this long, not even a heartbeat, is closed.',
    },
    heartbeatMilliseconds: {
      type: 'milliseconds',
      default: 1_000,
      min: 10,
      max: 3_600_000,
      reason: 'A heartbeat is sent when nothing else was for this long.',
    },
    disconnectGraceSeconds: {
      type: 'seconds',
      default: 0,
      min: 0,
      max: SECONDS_LIMIT,
      reason: 'The orders of a trader who has lost the connection are withdrawn after this long.',
    },
    isDebugOn: {
      type: 'boolean',
      default: true,
      reason: 'Whether messages that have no effect are explained to who sent them, in debug packets.',
    },
    recordFile: {
      type: 'new-file',
      default: '',
      reason:
        'All sessions of both doors are recorded in this new file, as a test input; in none without it.',
    },
  },
  'ouch-raw': {
    port: {
      type: 'port',
      default: 31_421,
      reason: 'Clients that send bare OUCH messages and no login connect here; 0 picks a free port.',
    },
    connectionsMax: {
      type: 'count',
      default: 4_096,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'More connections than this are refused, since each holds a file descriptor and memory.',
    },
    connectionsPerAddressMax: {
      type: 'count',
      default: 4_096,
      min: 1,
      max: CONNECTIONS_LIMIT,
      reason: 'One address holds no more connections than this; lower it so that none can take them all.',
    },
    idleSeconds: {
      type: 'seconds',
      default: 3_600,
      min: 1,
      max: SECONDS_LIMIT,
      reason: 'A client silent for this long is closed; there are no heartbeats here.',
    },
    isCancelOnDisconnect: {
      type: 'boolean',
      default: true,
      reason: 'Whether the orders of a client are withdrawn when it is gone.',
    },
    isOpen: {
      type: 'boolean',
      default: true,
      reason: 'Whether there is this port at all, at which nobody is asked for a password.',
    },
    isEventInverted: {
      type: 'boolean',
      default: false,
      reason: 'Whether the system event says E for open and S for closed, as the original server did.',
    },
  },
  flow: {
    hostBytesHigh: {
      type: 'bytes',
      default: 8_388_608,
      min: 1,
      max: BYTES_LIMIT,
      reason: 'With more than this in flight to a host, the sockets that feed it pause.',
    },
    hostBytesLow: {
      type: 'bytes',
      default: 4_194_304,
      min: 0,
      max: BYTES_LIMIT,
      below: 'hostBytesHigh',
      reason: 'With no more than this in flight to a host, the sockets that feed it resume.',
    },
    connectionOutboundBytesMax: {
      type: 'bytes',
      default: 1_048_576,
      min: 1,
      max: BYTES_LIMIT,
      reason:
        'A client that lets more than this wait for it is not read on; if it takes nothing it is disconnected.',
    },
    mailboxMessagesMax: {
      type: 'count',
      default: 65_536,
      min: 1,
      max: 16_777_216,
      reason: 'No more messages than this wait for one actor, so that a flood cannot fill the memory.',
    },
  },
  data: {
    snapshotBytes: {
      type: 'bytes',
      default: 268_435_456,
      min: 4_096,
      max: BYTES_LIMIT * 1024,
      reason: 'After so much new journal, snapshots are written, so that a restart need not read all of it.',
    },
    historyBytes: {
      type: 'bytes',
      default: BYTES_LIMIT,
      min: 0,
      max: BYTES_LIMIT * 1024,
      reason: 'So much journal is kept for statements; of what is older only the balances are left.',
    },
    sessionBytes: {
      type: 'bytes',
      default: BYTES_LIMIT * 16,
      min: 0,
      max: BYTES_LIMIT * 1024,
      reason:
        'So much journal is kept for what traders were told in the session; older messages can not be asked for.',
    },
  },
  drain: {
    silentSeconds: {
      type: 'seconds',
      default: 10,
      min: 1,
      max: SECONDS_LIMIT,
      reason: 'During shutdown a client silent for this long is given up.',
    },
    deadlineSeconds: {
      type: 'seconds',
      default: 60,
      min: 1,
      max: SECONDS_LIMIT,
      reason: 'The whole shutdown takes no longer than this; then what is left is cut off.',
    },
  },
  supervision: {
    hostRestartsMax: {
      type: 'count',
      default: 3,
      min: 0,
      max: 1_000,
      reason:
        'Worker threads that end are replaced this often within the period; then the server stops loudly.',
    },
    hostRestartsSeconds: {
      type: 'seconds',
      default: 60,
      min: 1,
      max: SECONDS_LIMIT,
      reason: 'The period in which replacements of worker threads are counted.',
    },
  },
  log: {
    level: {
      type: 'choice',
      default: 'info',
      choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      reason: 'Entries below this level are not logged.',
    },
    format: {
      type: 'choice',
      default: 'auto',
      choices: ['auto', 'pretty', 'json'],
      reason: 'The form of the log; auto is pretty on a terminal and json elsewhere.',
    },
  },
} as const satisfies Record<string, Record<string, SettingSpec>>;

export const SECTIONS: readonly string[] = Object.keys(SETTINGS);

/** The table as a list, in its order. */
export const ALL_SETTINGS: readonly Setting[] = Object.entries(SETTINGS).flatMap(([section, specs]) =>
  Object.entries<SettingSpec>(specs).map(([key, spec]) => named(section, key, spec)),
);

/** What a value must be, as the end of a sentence that begins with "expected". */
export function expectationOf(spec: SettingSpec): string {
  switch (spec.type) {
    case 'port':
      return `a port from 0 to ${PORT_MAX}`;
    case 'count':
      return `a ${spec.isPowerOf2 ? 'power of 2' : 'whole number'} from ${spec.min} to ${spec.max}`;
    case 'bytes':
    case 'seconds':
    case 'milliseconds':
      return `a whole number of ${spec.type} from ${spec.min} to ${spec.max}`;
    case 'host':
      return 'an IP address or a host name';
    case 'path':
      return 'a path';
    case 'new-file':
      return 'a path where no file is, or nothing';
    case 'choice':
      return `one of ${spec.choices.join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'names':
      return `some of ${spec.choices.join(' ')}, or ${NO_NAMES}`;
    case 'url':
      return 'an http or https URL without a user and a password';
    case 'secret':
      return 'a text, which is never shown, or nothing';
    case 'time':
      return 'a time of day, as 08:20 or 08:20:30';
    case 'days':
      return `some of ${DAYS.join(' ')}`;
    case 'time-zone':
      return 'a time zone, as Asia/Tokyo or UTC';
  }
}

/** As it is written in config.ini. */
export function defaultText(spec: SettingSpec): string {
  return spec.type === 'names' ? namesText(spec.default) : String(spec.default);
}

export function namesText(names: readonly string[]): string {
  return names.join(' ') || NO_NAMES;
}

function named(section: string, key: string, spec: SettingSpec): Setting {
  const iniKey = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const variable = `OUTCRY_${section}_${iniKey}`.replaceAll('-', '_').toUpperCase();
  const flag = `${section}-${iniKey}`.replaceAll('_', '-');
  return { ...spec, section, key, iniKey, variable, flag };
}
