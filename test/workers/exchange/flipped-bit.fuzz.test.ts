/**
 * A trader one bit of whose input is wrong, whichever it is, disturbs nobody: another one, in a book of his own, is answered
 * as if it had been right. Only times and numbers that all share may be others.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LengthFramer, lengthHead } from '../../../src/length-framer.ts';
import { ACCEPTED, EXECUTED, LETTER, REPLACED, TIMESTAMP } from '../../../src/protocol/ouch/layout.ts';
import { encodeInbound, type InboundMessage } from '../../../src/protocol/ouch/messages.ts';
import {
  encodeClientPacket,
  HEADER_BYTES,
  PACKET,
  PACKET_BYTES,
} from '../../../src/protocol/soupbintcp/packets.ts';
import { hostIndexOf, toAddress } from '../../../src/values/address.ts';
import { startExchange } from '../../../workers/exchange/exchange-service.ts';
import { startOuch } from '../../../workers/exchange/ouch-service.ts';
import type { MakeSession } from '../../../workers/runtime/host.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { Simulation } from '../../../workers/runtime/simulation.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { drawOrder, drawReplace } from '../../support/random-orders.ts';
import { optionsOf } from '../../support/venues.ts';

const FLIPS = 300;
const MESSAGES = 40;
const HOSTS = 2;
/** In which a login has been answered. */
const LOGIN_STEPS = 300;
const OPTIONS = optionsOf();
const STEPS_MAX = 20_000;
const LAST_TOKEN = 1_000_000;
/** No heartbeats: only answers are looked at. */
const NEVER_MS = Infinity;
const OUCH = {
  orderbookForm: 'alpha',
  loginMs: NEVER_MS,
  idleMs: NEVER_MS,
  heartbeatMs: NEVER_MS,
  isDebugOn: true,
} as const;
const PACKET_BYTES_MAX = 4096;
/** Where the numbers of 64 bits are that all accounts share, by letter. */
const SHARED_NUMBERS: Readonly<Record<number, number>> = {
  [LETTER.accepted]: ACCEPTED.orderNumber,
  [LETTER.replaced]: REPLACED.orderNumber,
  [LETTER.executed]: EXECUTED.matchNumber,
};

interface Script {
  readonly user: string;
  readonly bytes: Buffer;
}

/** A login and all that follows it, at the end an order that is rejected. */
function scriptOf(random: Random, user: string, book: string): Script {
  const messages = Array.from({ length: MESSAGES }, (_, i): InboundMessage => {
    const token = 1 + i;
    const earlier = random.below(token);
    const drawn = random.below(10);
    if (drawn < 6) return drawOrder(random, token, [book]);
    if (drawn < 8) return drawReplace(random, earlier, token, undefined);
    return { type: 'cancel', token: earlier, quantity: 0 };
  });
  messages.push({ ...drawOrder(random, LAST_TOKEN, [book]), priceTenths: 0 });
  const login = {
    type: 'login-request',
    user,
    password: 'secret',
    requestedSession: '',
    sequence: 1,
  } as const;
  const packets = messages.map((message) =>
    encodeClientPacket({ type: 'unsequenced', message: encodeInbound(message) }),
  );
  return { user, bytes: Buffer.concat([encodeClientPacket(login), ...packets]) };
}

/** What the second of the two is sent; in small pieces, between which anything may happen. */
function run(seed: number, scripts: readonly [Script, Script]): Buffer {
  const random = new Random(seed);
  const simulation = startVenue(seed);
  const written = () => simulation.written.get(scripts.length) ?? Buffer.alloc(0);
  const pieces = scripts.map(({ bytes }, i) => piecesOf(random, openConnection(simulation, i + 1), bytes));
  for (let steps = 0; !hasLast(written()); steps++) {
    assert.ok(steps < STEPS_MAX, `${scripts[1].user} is not answered`);
    const [send] = random.pick(pieces).splice(0, 1);
    send?.();
    simulation.step();
  }
  assert.deepEqual(simulation.failures, []);
  return written();
}

function startVenue(seed: number): Simulation {
  const makers: MakeSession[] = [];
  return new Simulation({
    seed,
    hosts: HOSTS,
    startHost: (system) => {
      startExchange(system, OPTIONS, 1);
      makers[system.hostIndex] = startOuch(system, OUCH);
    },
    createSession: (_, connection, host) => (makers[host] as MakeSession)(connection),
  });
}

/** Returns what takes its input. */
function openConnection(simulation: Simulation, connection: number): (bytes: Uint8Array) => void {
  const host = hostIndexOf(toAddress(`ouch/${connection}`), HOSTS);
  const addresses = { remoteAddress: 'client:1', localAddress: 'server:1' };
  simulation.command(host, { type: 'open', connection, service: 'ouch', ...addresses, sinceMs: 0 });
  const framer = new LengthFramer(lengthHead(2, PACKET_BYTES_MAX));
  return (bytes) =>
    framer.feed(bytes, (frames, start, end) => simulation.sendFrames(host, connection, frames, start, end));
}

/** Behind the login it waits long enough for the answer. */
function piecesOf(random: Random, take: (bytes: Uint8Array) => void, bytes: Buffer): (() => void)[] {
  const { loginRequest } = PACKET_BYTES;
  const pieces = [
    () => take(bytes.subarray(0, loginRequest)),
    ...new Array<() => void>(LOGIN_STEPS).fill(() => {}),
  ];
  for (let at: number = loginRequest; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(300));
    const piece = bytes.subarray(at, end);
    pieces.push(() => take(piece));
    at = end;
  }
  return pieces;
}

/** The messages that are not for people, without what all accounts share. */
function ownMessages(written: Buffer): string[] {
  return messagesIn(written).map((message) => {
    const letter = message[0] as number;
    const shared = SHARED_NUMBERS[letter];
    const own = Buffer.from(message).fill(0, TIMESTAMP, TIMESTAMP + 8);
    if (shared !== undefined) own.fill(0, shared, shared + 8);
    return own.toString('hex');
  });
}

function hasLast(written: Buffer): boolean {
  const last = messagesIn(written).at(-1);
  return last?.[0] === LETTER.rejected && last.readUInt32BE(9) === LAST_TOKEN;
}

function messagesIn(written: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= written.length; ) {
    const end = at + 2 + written.readUInt16BE(at);
    if (written[at + 2] === PACKET.sequenced) messages.push(written.subarray(at + HEADER_BYTES, end));
    at = end;
  }
  return messages;
}

function flipped({ user, bytes }: Script, bit: number): Script {
  const wrong = Buffer.from(bytes);
  wrong.writeUInt8((wrong[bit >> 3] as number) ^ (1 << (bit & 7)), bit >> 3);
  return { user, bytes: wrong };
}

describe('a trader one bit of whose input is wrong', () => {
  test('disturbs nobody in another book', () => {
    const seed = fuzzSeed();
    const random = new Random(seed);
    const wrong = scriptOf(random, 'ALICE', '4422');
    const right = scriptOf(random, 'BOB', '7203');
    const expected = ownMessages(run(seed, [wrong, right]));
    assert.ok(expected.length > MESSAGES / 2);
    for (let i = 0; i < FLIPS; i++) {
      const bit = random.below(8 * wrong.bytes.length);
      const messages = ownMessages(run(seed + i, [flipped(wrong, bit), right]));
      assert.deepEqual(messages, expected, `bit ${bit} of the other one is wrong`);
    }
  });
});
