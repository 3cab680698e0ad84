import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReadStep } from '../../../clients/ouch-inputs/machine.ts';
import { type Survey, steps } from '../../../clients/ouch-inputs/read.ts';
import { decodeInbound } from '../../../src/protocol/ouch/messages.ts';
import type { Input, Step } from '../../../src/protocol/ouch-inputs/input.ts';
import { decodeClientPacket, packetBytesAt } from '../../../src/protocol/soupbintcp/packets.ts';
import { enter, InputFolder } from '../../support/played-inputs.ts';

const ACCEPTED = { message_type: 'A' };
const ANYWHERE = { port: 1 };

async function surveyOf(input: Input | string, options: object = {}): Promise<Survey> {
  await using folder = await InputFolder.create();
  return await folder.survey(await folder.write('x.json', input), { ...ANYWHERE, ...options });
}

async function problemOf(actions: readonly Step[], options: object = {}): Promise<string> {
  return surveyOf({ actions }, options).then(
    () => 'none',
    (error: Error) => error.message.replace(/^.*\/(?=x\.json)/, ''),
  );
}

describe('survey', () => {
  test('knows who takes part, and of whom something is expected', async () => {
    const {
      clients,
      late,
      checked,
      steps: count,
      messages,
      lastToken,
      barriers,
    } = await surveyOf({
      actions: [
        enter(7, { as: 'b' }),
        { barrier: 'x' },
        {
          message_type: 'U',
          existing_order_token: 7,
          replacement_order_token: 12,
          quantity: 1,
          price: 1,
          as: 'b',
        },
        { as: 'a', reconnect: true, expect: ACCEPTED },
        { message_type: 'X', order_token: 99, as: 'a' },
        { sleep: 1 },
        { barrier: 'x' },
      ],
    });
    assert.deepEqual([clients, [...late], [...checked]], [['b', 'a'], ['a'], ['a']]);
    assert.deepEqual([count, messages, lastToken, [...barriers]], [7, 3, 99, [['x', 2]]]);
  });

  test('an input of one client that only sends is kept as the packets that it sends', async () => {
    await using folder = await InputFolder.create();
    const actions = [enter(1), enter(2), { message_type: 'X', order_token: 1 } as Step];
    const file = await folder.write('x.json', { actions });
    const { flat } = await folder.survey(file, ANYWHERE);
    assert.ok(flat !== undefined);
    const bytes = new Uint8Array(1000);
    const read = await flat.read(0, bytes, 0);
    const tokens: number[] = [];
    for (let at = 0; at < read; at += packetBytesAt(bytes, at)) {
      const packet = decodeClientPacket(bytes, at, at + packetBytesAt(bytes, at));
      assert.equal(packet.type, 'unsequenced');
      const message = decodeInbound(packet.type === 'unsequenced' ? packet.message : new Uint8Array());
      if (message.type !== 'replace') tokens.push(message.token);
    }
    assert.deepEqual(tokens, [1, 2, 1]);
    const raw = await folder.survey(file, { ...ANYWHERE, isRaw: true });
    assert.equal((raw.flat?.bytes ?? 0) + 3 * 3, flat.bytes);
  });

  test('inputs that do more are not', async () => {
    const others: readonly Step[] = [
      enter(2, { expect: ACCEPTED }),
      enter(2, { after: 1 }),
      enter(2, { as: 'other' }),
      { sleep: 1 },
      { barrier: 'x' },
      { disconnect: 'close' },
    ];
    for (const other of others) {
      assert.equal((await surveyOf({ actions: [enter(1), other] })).flat, undefined, JSON.stringify(other));
    }
    assert.equal((await surveyOf({ actions: [] })).flat, undefined);
  });

  test('what is not checked expects nothing', async () => {
    const actions = [
      enter(1, { expect: ACCEPTED }),
      { expect: ACCEPTED } as Step,
      enter(2, { expect: { silence: 9 } }),
    ];
    const { flat, checked, messages } = await surveyOf({ actions }, { noCheck: true });
    assert.ok(flat !== undefined);
    assert.deepEqual([[...checked], messages], [[], 2]);
  });

  test('members behind the steps count as those before them', async () => {
    const step = '{"as": "a", "message_type": "X", "order_token": 1}';
    const { header, flat, checked } = await surveyOf(
      `{"actions": [${step}], "clients": {"a": {"raw": true}}, "_expected_behaviour": [[]]}`,
    );
    assert.deepEqual(header.clients, { a: { raw: true } });
    assert.deepEqual([flat, [...checked]], [undefined, ['a']]);
    await assert.rejects(surveyOf(`{"actions": [${step}], "clients": {"b": {}}}`), ({ message }: Error) =>
      /x\.json:1:\d+: .*"a"/.test(message),
    );
  });

  test('a file can be longer than what is read at a time', async () => {
    const actions = Array.from({ length: 3000 }, (_, i) => enter(i + 1));
    const { messages, lastToken, flat } = await surveyOf({ actions });
    assert.deepEqual([messages, lastToken, flat?.bytes], [3000, 3000, 3000 * 51]);
  });

  test('a client that is disconnected sends nothing and is not disconnected again', async () => {
    const text = 'x.json:14:5: client is disconnected here; expected "reconnect" first';
    const leave: Step = { disconnect: 'close' };
    assert.equal(await problemOf([enter(1), leave, enter(2)]), text);
    assert.equal(await problemOf([enter(1), leave, leave]), text);
    assert.equal(await problemOf([enter(1), leave, { reconnect: true }, enter(2)]), 'none');
    assert.equal(await problemOf([enter(1), leave, { expect: ACCEPTED }]), 'none');
  });

  test('a raw client has no sessions', async () => {
    const again: Step = { reconnect: { sequence: 1 } };
    const text = 'x.json:3:5: client is raw and has no sessions; expected "reconnect": true';
    assert.equal(await problemOf([again], { isRaw: true }), text);
    assert.equal(await problemOf([again]), 'none');
    assert.equal(await problemOf([{ reconnect: true }], { isRaw: true }), 'none');
  });

  test('who ends without a connection can begin again only by connecting', async () => {
    const leave: Step = { disconnect: 'close' };
    assert.equal((await surveyOf({ actions: [enter(1), leave] })).isRepeatable, false);
    assert.equal((await surveyOf({ actions: [{ reconnect: true }, enter(1), leave] })).isRepeatable, true);
  });

  test('a file that is not there, or is none, is told', async () => {
    await using folder = await InputFolder.create();
    const missing = `${folder.path}/none.json`;
    const code = 'ERR_INPUT';
    await assert.rejects(folder.survey(missing, ANYWHERE), { code, message: `${missing}: no such file` });
    await assert.rejects(folder.survey(folder.path, ANYWHERE), { code });
  });
});

describe('steps', () => {
  test('are read again as they were checked, with their messages and places', async () => {
    await using folder = await InputFolder.create();
    const input = { _expected_behaviour: [['J', 0, 1, 'N']], actions: [enter(1), { sleep: 5 }] };
    const checked = await folder.survey(await folder.write('x.json', input), ANYWHERE);
    const read: ReadStep[] = [];
    for await (const step of steps(checked)) read.push(step);
    assert.deepEqual(
      read.map(({ step, message, piece }) => [step.expect, message?.type, piece.place.line]),
      [
        [[{ message_type: 'J', order_token: 1, reason: 'N' }], 'enter', 11],
        [undefined, undefined, 19],
      ],
    );
  });
});
