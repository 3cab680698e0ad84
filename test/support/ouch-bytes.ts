/** Packets of SoupBinTCP and messages of OUCH, in hexadecimal, beside what they say. */
import type { InboundMessage, OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import type { ClientPacket, ServerPacket } from '../../src/protocol/soupbintcp/packets.ts';

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

export interface Golden<Value> {
  readonly hex: string;
  readonly value: Value;
}

const TIMESTAMP_NS = 44_659_315_808_000n;

const ENTER = {
  type: 'enter',
  token: 1,
  clientReference: 'LENNY',
  side: 'B',
  quantity: 100,
  orderbook: '4422',
  group: 'DAY',
  priceTenths: 23_000,
  timeInForce: 99_999,
  firm: 0,
  display: ' ',
  capacity: 'P',
  minimumQuantity: 0,
  classification: '1',
  cashMargin: '1',
} as const;

/** As in the tables of the specification. */
export const INBOUND_GOLDEN: readonly Golden<InboundMessage>[] = [
  {
    hex: '4f000000014c454e4e59202020202042000000643434323244415920000059d80001869f000000002050000000003131',
    value: ENTER,
  },
  {
    hex: '55000000010000000500000073000059d80001869f5000000000',
    value: {
      type: 'replace',
      existingToken: 1,
      replacementToken: 5,
      quantity: 115,
      priceTenths: 23_000,
      timeInForce: 99_999,
      display: 'P',
      minimumQuantity: 0,
    },
  },
  { hex: '580000000500000000', value: { type: 'cancel', token: 5, quantity: 0 } },
];

export const OUTBOUND_GOLDEN: readonly Golden<OutboundMessage>[] = [
  {
    hex: '530000289e0ea7970053',
    value: { type: 'system-event', timestampNs: 44_659_315_808_000n, event: 'S' },
  },
  {
    hex: '410000289e0ea79700000000014c454e4e59202020202042000000643434323244415920000059d80001869f0000000020500000000000000001000000004c3131',
    value: { ...ENTER, type: 'accepted', timestampNs: TIMESTAMP_NS, orderNumber: 1n, state: 'L' },
  },
  {
    hex: '550000289e0ea797000000000542000000733434323244415920000059d80001869f500000000000000002000000004c00000001',
    value: {
      type: 'replaced',
      timestampNs: TIMESTAMP_NS,
      replacementToken: 5,
      side: 'B',
      quantity: 115,
      orderbook: '4422',
      group: 'DAY',
      priceTenths: 23_000,
      timeInForce: 99_999,
      display: 'P',
      orderNumber: 2n,
      minimumQuantity: 0,
      state: 'L',
      previousToken: 1,
    },
  },
  {
    hex: '430000289e0ea79700000000050000007355',
    value: { type: 'canceled', timestampNs: TIMESTAMP_NS, token: 5, decrement: 115, reason: 'U' },
  },
  {
    hex: '440000289e0ea7970000000007000000644d00000028000059d852',
    value: {
      type: 'aiq-canceled',
      timestampNs: TIMESTAMP_NS,
      token: 7,
      decrement: 100,
      reason: 'M',
      preventedQuantity: 40,
      priceTenths: 23_000,
      liquidity: 'R',
    },
  },
  {
    hex: '450000289e0ea797000000000100000019000059d8410000000000000009',
    value: {
      type: 'executed',
      timestampNs: TIMESTAMP_NS,
      token: 1,
      quantity: 25,
      priceTenths: 23_000,
      liquidity: 'A',
      matchNumber: 9n,
    },
  },
  {
    hex: '4a0000289e0ea79700000000024e',
    value: { type: 'rejected', timestampNs: TIMESTAMP_NS, token: 2, reason: 'N' },
  },
];

const CAPTURED_ORDER = {
  token: 74,
  clientReference: 'ref1',
  side: 'B',
  quantity: 100,
  orderbook: 4422,
  group: 'DAYX',
  priceTenths: 11_010,
  timeInForce: 99_999,
  firm: 0,
  display: ' ',
  capacity: 'A',
  minimumQuantity: 0,
  classification: '1',
  cashMargin: '1',
} as const;

/** Whole packets as they were seen between a client and the exchange, when order books were numbers. */
export const CAPTURED_INBOUND: readonly Golden<InboundMessage>[] = [
  {
    hex: '0031554f0000004a726566312020202020204200000064000011464441595800002b020001869f000000002041000000003131',
    value: { type: 'enter', ...CAPTURED_ORDER },
  },
  {
    hex: '001b55550000005f00000060000002bc00002b020001869f2000000000',
    value: {
      type: 'replace',
      existingToken: 95,
      replacementToken: 96,
      quantity: 700,
      priceTenths: 11_010,
      timeInForce: 99_999,
      display: ' ',
      minimumQuantity: 0,
    },
  },
];

export const CAPTURED_OUTBOUND: readonly Golden<OutboundMessage>[] = [
  {
    hex: '004253410000289e0ea797000000004a726566312020202020204200000064000011464441595800002b020001869f00000000204102cebd434b2dc45d000000004c3131',
    value: {
      type: 'accepted',
      timestampNs: TIMESTAMP_NS,
      orderNumber: 202_307_130_000_000_093n,
      state: 'L',
      ...CAPTURED_ORDER,
    },
  },
];

/** As a client in Python packs it: NULs for padding, order books as numbers. */
export const NUL_PADDED: Golden<InboundMessage> = {
  hex: '4f00000000736f6d657468696e670042000000c8000000034441590000000ca20001869f00000d6a5041000000003133',
  value: {
    type: 'enter',
    token: 0,
    clientReference: 'something',
    side: 'B',
    quantity: 200,
    orderbook: 3,
    group: 'DAY',
    priceTenths: 3234,
    timeInForce: 99_999,
    firm: 3434,
    display: 'P',
    capacity: 'A',
    minimumQuantity: 0,
    classification: '1',
    cashMargin: '3',
  },
};

export const CLIENT_PACKETS: readonly Golden<ClientPacket>[] = [
  {
    hex: '002f 4c 41424320202053454352455420202020202020202020202020202020202020202020202020202020202020202031',
    value: { type: 'login-request', user: 'ABC', password: 'SECRET', requestedSession: '', sequence: 1 },
  },
  {
    hex: '002f4c75736572202070617373776f72642020202020202020202020202020202020202020202020202020202020202030',
    value: { type: 'login-request', user: 'user', password: 'password', requestedSession: '', sequence: 0 },
  },
  { hex: '0001 52', value: { type: 'client-heartbeat' } },
  { hex: '0001 4f', value: { type: 'logout-request' } },
  {
    hex: '000a 55 580000000500000000',
    value: { type: 'unsequenced', message: fromHex('580000000500000000') },
  },
  { hex: '0003 2b 6869', value: { type: 'debug', text: 'hi' } },
];

export const SERVER_PACKETS: readonly Golden<ServerPacket>[] = [
  {
    hex: '001f 41 20202020534553533031 2020202020202020202020202020202020202031',
    value: { type: 'login-accepted', session: 'SESS01', sequence: 1 },
  },
  {
    hex: '001f41313638393139323132312020202020202020202020202020202020313335',
    value: { type: 'login-accepted', session: '1689192121', sequence: 135 },
  },
  { hex: '0002 4a 41', value: { type: 'login-rejected', reason: 'A' } },
  { hex: '0001 48', value: { type: 'server-heartbeat' } },
  { hex: '0001 5a', value: { type: 'end-of-session' } },
  {
    hex: '000b 53 530000289e0ea7970053',
    value: { type: 'sequenced', message: fromHex('530000289e0ea7970053') },
  },
  { hex: '0001 2b', value: { type: 'debug', text: '' } },
];
