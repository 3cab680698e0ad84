import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connect } from '../../clients/index.ts';
import { resolveConfig } from '../../src/config.ts';
import { createServer } from '../../src/create-server.ts';
import { goldRemarks, goldSettings, refreshJob } from '../../src/gold-settings.ts';

function configOf(flags: Readonly<Record<string, string>>) {
  return resolveConfig({ file: null, environment: {}, flags });
}

describe('the settings of gold', () => {
  test('leave a source out that needs a key and has none, and say so', () => {
    const without = configOf({ 'gold-providers': 'btmc pnj' });
    assert.deepEqual(goldSettings(without).sources, ['pnj']);
    assert.deepEqual(goldRemarks(without), ['gold: btmc is left out, since gold.btmc_key is empty']);
    const withKey = configOf({ 'gold-providers': 'btmc pnj', 'gold-btmc-key': 'k' });
    assert.deepEqual(goldSettings(withKey).sources, ['btmc', 'pnj']);
    assert.deepEqual(goldRemarks(withKey), []);
    assert.deepEqual(goldSettings(configOf({ 'gold-providers': 'none' })).sources, []);
  });

  test('have a period in minutes, and ask for a sign-in where that is set', () => {
    assert.equal(goldSettings(configOf({ 'gold-refresh-minutes': '5' })).refreshMs, 300_000);
    assert.equal(goldSettings(configOf({})).isSignInAsked, true);
    assert.equal(goldSettings(configOf({ 'users-sign-in-services': 'api' })).isSignInAsked, false);
  });

  test('give a job the door of each source, in the order in which they are asked', () => {
    const config = configOf({ 'gold-tygia-url': 'http://127.0.0.1/t', 'gold-btmc-key': 'k' });
    const order = {
      type: 'refresh-gold',
      timeMs: 5,
      sources: [{ name: 'btmc' }, { name: 'tygia', etag: 'e' }],
    } as const;
    assert.deepEqual(refreshJob(order, config), {
      type: 'refresh-gold',
      timeMs: 5,
      sources: [
        { name: 'btmc', url: 'https://api.btmc.vn/api/BTMCAPI/getpricebtmc', key: 'k' },
        { name: 'tygia', etag: 'e', url: 'http://127.0.0.1/t', key: '' },
      ],
    });
  });

  test('of a server in one line fetch nothing unless they say so', async () => {
    await using server = await createServer({ services: ['api'] });
    await using client = await connect({ server, token: server.operatorToken });
    const limits = await client.admin.limits();
    assert.equal(limits.find(({ setting }) => setting === 'gold.providers')?.value, 'none');
    assert.equal(limits.find(({ setting }) => setting === 'gold.btmc_key')?.value, '(empty)');
  });
});
