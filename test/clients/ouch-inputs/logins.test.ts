import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loginsOf } from '../../../clients/ouch-inputs/logins.ts';
import type { Survey } from '../../../clients/ouch-inputs/read.ts';
import type { Input } from '../../../src/protocol/ouch-inputs/input.ts';
import { enter, InputFolder } from '../../support/played-inputs.ts';

async function surveysOf(...inputs: readonly Input[]): Promise<readonly Survey[]> {
  await using folder = await InputFolder.create();
  const surveys: Survey[] = [];
  for (const input of inputs) {
    surveys.push(await folder.survey(await folder.write('x.json', input), { port: 1 }));
  }
  return surveys;
}

function inputOf(clients: Input['clients'], ...names: readonly string[]): Input {
  return { ...(clients && { clients }), actions: names.map((as) => enter(1, { as })) };
}

async function usersOf(users: readonly string[], ...inputs: readonly Input[]): Promise<readonly string[][]> {
  const logins = loginsOf(await surveysOf(...inputs), { users, password: 'OUTCRY' });
  return logins.map((own) => [...own].map(([client, { user, password }]) => `${client} ${user} ${password}`));
}

const TWO = inputOf(undefined, 'a', 'b');

describe('loginsOf', () => {
  test('numbers go on over all inputs', async () => {
    assert.deepEqual(await usersOf(['T#'], TWO, TWO), [
      ['a T0 OUTCRY', 'b T1 OUTCRY'],
      ['a T2 OUTCRY', 'b T3 OUTCRY'],
    ]);
  });

  test('names are taken in order, and the last one goes on', async () => {
    assert.deepEqual(await usersOf(['ANN', 'T#'], TWO, TWO), [
      ['a ANN OUTCRY', 'b T1 OUTCRY'],
      ['a T2 OUTCRY', 'b T3 OUTCRY'],
    ]);
  });

  test('what an input says goes ahead, and no number stands for its users', async () => {
    const clients = { a: { user: 't0', password: 'secret' }, b: {}, c: { raw: true } };
    assert.deepEqual(await usersOf(['T#'], inputOf(clients, 'a', 'b', 'c')), [
      ['a t0 secret', 'b T1 OUTCRY'],
    ]);
  });

  test('clients of a recording are their users', async () => {
    const input = { ...inputOf(undefined, 'ANN', 'raw-1'), recorded: true };
    assert.deepEqual(await usersOf([], input), [['ANN ANN OUTCRY']]);
  });

  test('an input may let a user log in twice, two inputs may not', async () => {
    const clients = { a: { user: 'ANN' }, b: { user: 'ann' } };
    assert.equal((await usersOf([], inputOf(clients, 'a', 'b'))).length, 1);
    await assert.rejects(usersOf([], inputOf(clients, 'a'), inputOf(clients, 'b')), {
      code: 'ERR_USAGE',
      message: 'user ANN is there twice; a user has one connection at a time',
    });
    await assert.rejects(usersOf(['BOB', 'bob'], TWO), { code: 'ERR_USAGE' });
  });

  test('too few users, and what has no room in a login, are wrong use', async () => {
    await assert.rejects(usersOf(['ANN'], TWO), {
      code: 'ERR_USAGE',
      message: 'more clients log in than there are users (ANN); a # in the last one stands for a number',
    });
    await assert.rejects(usersOf(['TOOLONG'], inputOf(undefined, 'a')), {
      code: 'ERR_USAGE',
      message: /^TOOLONG can not log in: user is "TOOLONG"/,
    });
  });
});
