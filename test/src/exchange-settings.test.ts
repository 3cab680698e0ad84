import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveConfig } from '../../src/config.ts';
import { exchangeSettings, ouchSettings, warningsOf } from '../../src/exchange-settings.ts';
import { openServices, SERVICES } from '../../src/services.ts';
import type { VenueOptions } from '../../src/venue.ts';

function configWith(flags: Readonly<Record<string, string>>, venue?: VenueOptions) {
  return resolveConfig({ file: null, environment: {}, flags, venue });
}

describe('the settings of the exchange', () => {
  test('reach the hosts in milliseconds and in numbers of days', () => {
    const config = configWith({
      'exchange-day': 'calendar',
      'exchange-open-at': '08:00',
      'exchange-close-at': '06:00:01',
      'exchange-open-days': 'sun sat',
      'ouch-disconnect-grace-seconds': '2',
      'ouch-raw-is-cancel-on-disconnect': 'false',
    });
    const { venue, ...rest } = exchangeSettings(config);
    assert.equal(venue, config.venue);
    assert.deepEqual(rest, {
      day: 'calendar',
      openAtMs: 28_800_000,
      closeAtMs: 21_601_000,
      openDays: [0, 6],
      timeZone: 'Asia/Tokyo',
      ordersMax: 2_000_000,
      ordersPerTraderMax: 100_000,
      streamMemoryBytes: 268_435_456,
      disconnectGraceMs: 2000,
      isDebugOn: true,
      isRawCancelOnDisconnect: false,
    });
    assert.deepEqual(ouchSettings(config), {
      orderbookForm: 'alpha',
      loginMs: 30_000,
      idleMs: 15_000,
      heartbeatMs: 1000,
      isDebugOn: true,
    });
  });

  test('leave a venue open to all where its host is reached from elsewhere and its traders are the default ones', () => {
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
      assert.deepEqual(warningsOf(configWith({ 'server-host': host }), SERVICES), [], host);
    }
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'floor.example.org']) {
      const [passwords = '', raw = ''] = warningsOf(configWith({ 'server-host': host }), SERVICES);
      assert.match(passwords, /traders have default passwords/);
      assert.match(raw, /ouch-raw asks nobody for a password/);
    }
    const traders = [{ user: 'A', password: 'B' }];
    const open = configWith({ 'server-host': '0.0.0.0', 'ouch-raw-is-open': 'false' }, { traders });
    assert.deepEqual(warningsOf(open, openServices(SERVICES, open)), []);
  });
});
