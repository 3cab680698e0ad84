import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Address, toAddress } from '../../../src/values/address.ts';
import { Hall } from '../../../workers/lobby/hall.ts';

const [ONE, TWO, THREE] = ['lobby/1', 'lobby/2', 'lobby/3'].map(toAddress) as [Address, Address, Address];

function enter(hall: Hall, session: Address, name?: string): string | null {
  const given = hall.enter(session, name);
  for (const event of given === null ? [] : hall.decide(given)) hall.apply(event);
  return given;
}

describe('Hall', () => {
  test('lets nobody speak as another', () => {
    const hall = new Hall(3);
    const [client, other] = [toAddress('lobby/1'), toAddress('api/2')];
    hall.enter(client);
    assert.equal(hall.speakerOf(client, 'Operator'), 'Client1');
    for (const name of ['Ann', 'Zoë-2', 'J. R. Hacker', '7']) assert.equal(hall.speakerOf(other, name), name);
    for (const name of [
      '',
      ' ',
      'Operator',
      'operators say',
      'Client1',
      'client 2',
      'a: b',
      '-x',
      'x'.repeat(33),
    ]) {
      assert.equal(hall.speakerOf(other, name), other, name);
    }
  });

  test('gives names in the order of arrival, and none a second time', () => {
    const hall = new Hall(3);
    assert.equal(enter(hall, ONE), 'Client1');
    hall.leave(ONE);
    assert.equal(enter(hall, TWO), 'Client2');
    assert.equal(enter(hall, ONE), 'Client3');
  });

  test('gives a session that asks again the name that it has', () => {
    const hall = new Hall(1);
    assert.deepEqual([enter(hall, ONE), enter(hall, ONE), hall.count], ['Client1', 'Client1', 1]);
  });

  test('refuses one too many, until somebody leaves', () => {
    const hall = new Hall(2);
    enter(hall, ONE);
    enter(hall, TWO);
    assert.equal(enter(hall, THREE), null);
    hall.leave(ONE);
    assert.equal(enter(hall, THREE), 'Client3');
  });

  test('never refuses who had a name, and gives no name again that was given', () => {
    const hall = new Hall(1);
    enter(hall, ONE);
    assert.equal(enter(hall, TWO, 'Client7'), 'Client7');
    hall.leave(ONE);
    hall.leave(TWO);
    assert.equal(enter(hall, THREE), 'Client8');
  });

  test('tells all others, and each once that is there and listens', () => {
    const hall = new Hall(3);
    enter(hall, ONE);
    enter(hall, TWO);
    hall.listen(TWO);
    hall.listen(THREE);
    assert.deepEqual(hall.othersThan(ONE), [TWO, THREE]);
    assert.deepEqual(hall.othersThan(), [ONE, TWO, THREE]);
    hall.unlisten(THREE);
    hall.leave(ONE);
    assert.deepEqual(hall.othersThan(), [TWO]);
  });
});
