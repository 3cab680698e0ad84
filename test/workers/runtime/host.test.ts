import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { HostLink } from '../../../src/host-link.ts';
import type { HostEvent } from '../../../src/protocol/control.ts';
import { toAddress } from '../../../src/values/address.ts';
import { ESCALATE_FAULT, STOP_ON_FAULT } from '../../../workers/runtime/actor.ts';
import { runHost, type StartService } from '../../../workers/runtime/host.ts';
import { until } from '../../support/until.ts';

function start(startService: StartService): { events: HostEvent[]; link: HostLink; ended: Promise<void> } {
  const events: HostEvent[] = [];
  const link = new HostLink({ index: 0, bytesHigh: 1024, bytesLow: 512, onEvent: (e) => events.push(e) });
  const { port1, port2 } = new MessageChannel();
  link.attach(port1);
  const ports = { hostIndex: 0, hostCount: 1, port: port2, linkHighWater: 1024, mailboxMax: 16 };
  return { events, link, ended: runHost(ports, { test: startService }) };
}

const createNothing = () => ({ create: () => ({ receive: () => undefined }), supervision: STOP_ON_FAULT });

describe('runHost', () => {
  test('says that it is ready, and ends when its port closes', async () => {
    const { events, link, ended } = start(() => createNothing);
    await until('it is ready', () => events.length > 0);
    assert.deepEqual(events, [{ type: 'ready' }]);
    link.lose('the test is over');
    await ended;
  });

  test('rejects with the fault of an actor that fails at the start, and is never ready', async () => {
    const { events, link, ended } = start((system) => {
      const create = () => {
        throw new Error('no luck today');
      };
      system.spawnRoot(toAddress('test/one'), { create, supervision: ESCALATE_FAULT });
      return createNothing;
    });
    await assert.rejects(ended, /no luck today/);
    await until('it is said', () => events.some(({ type }) => type === 'fatal'));
    assert.deepEqual(
      events.filter(({ type }) => type === 'ready'),
      [],
    );
    link.lose('the test is over');
  });
});
