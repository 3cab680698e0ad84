import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LEDGER_ADDRESSES, TALLY_ADDRESS, type TallyCommand } from '../../../src/protocol/bank.ts';
import { BankLines } from '../../../workers/ledger/bank-lines.ts';
import { BankCounter, BankSession } from '../../../workers/ledger/bank-session.ts';
import type { Context } from '../../../workers/runtime/actor.ts';
import { ActorRef } from '../../../workers/runtime/actor-ref.ts';

/** What a session does with the bytes of one message; all else that it might do fails. */
function actionsOn(text: string): string[] {
  const actions: string[] = [];
  const context = {
    send: (bytes: Uint8Array, start: number, end: number) => {
      actions.push(Buffer.from(bytes.subarray(start, end)).toString('latin1'));
    },
    stop: () => actions.push('stops'),
  };
  const shards = LEDGER_ADDRESSES.map((address) => new ActorRef<never>(address, 0));
  const tally = new ActorRef<TallyCommand>(TALLY_ADDRESS, 0);
  const session = new BankSession(new BankCounter(new BankLines(1024), shards, tally));
  const bytes = Buffer.from(text, 'latin1');
  session.receiveBytes(bytes, 0, bytes.length, context as unknown as Context<never>);
  return actions;
}

describe('BankSession', () => {
  test('does nothing but refuse a first line that is wrong, even if that comes again', () => {
    for (const [line, reason] of [
      ['OUTCRY 1 PUT monday', 'first-line the first line of an upload is: OUTCRY 1 ACK upload-id'],
      ['OUTCRY 2 ACK monday', 'version this server speaks version 1'],
      ['OUTCRY 1 ACK', 'upload-id an upload-id is 1 to 128 letters, digits, points, underscores and hyphens'],
    ]) {
      assert.deepEqual(actionsOn(`${line}\n${line}\nMarc credit $1\n`), [`ERR 0 ${reason}\n`, 'stops']);
    }
  });
});
