import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FetchOptions, fetchText, nextOf } from '../../../workers/gold/fetch-text.ts';
import { Refused } from '../../../workers/gold/providers/provider.ts';
import { bodyOf, GoldStub, type Misbehaviour } from '../../support/gold-stubs.ts';

async function refusal(url: string, options: Partial<FetchOptions> = {}): Promise<string> {
  try {
    await fetchText(url, { headers: {}, ...options });
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    return error.message;
  }
  return assert.fail('it was taken');
}

async function textOf(url: string, options: Partial<FetchOptions> = {}): Promise<string> {
  const fetched = await fetchText(url, { headers: {}, ...options });
  return fetched.status === 'text' ? fetched.text : assert.fail('it is unchanged');
}

describe('fetchText', () => {
  test('brings what the source sends, compressed or not, and sends what is asked', async (t) => {
    const stub = await GoldStub.start(t, 'vang-today');
    assert.equal(await textOf(stub.url, { headers: { 'user-agent': 'outcry' } }), bodyOf('vang-today'));
    stub.answerWith({ isCompressed: true });
    assert.equal(await textOf(stub.url), bodyOf('vang-today'));
    assert.equal(stub.requests[0]?.headers['user-agent'], 'outcry');
    assert.equal(stub.requests[0]?.path, '/rates?kind=vang-today');
  });

  test('learns that nothing has changed, only if it has asked so', async (t) => {
    const stub = await GoldStub.start(t, 'pnj');
    const [etag, lastModified] = ['"one"', 'Thu, 02 Jan 2025 02:00:00 GMT'];
    stub.answerWith({ etag, lastModified });
    const first = await fetchText(stub.url, { headers: {} });
    assert.deepEqual(first, { status: 'text', text: bodyOf('pnj'), etag, lastModified });
    for (const state of [{ etag }, { lastModified }, { etag, lastModified }]) {
      assert.deepEqual(await fetchText(stub.url, { headers: {}, ...state }), { status: 'unchanged' });
    }
    assert.equal((await fetchText(stub.url, { headers: {}, etag: '"other"' })).status, 'text');
  });

  const reasons: readonly (readonly [Misbehaviour, string | RegExp])[] = [
    ['hang', 'no answer within 0.3 s'],
    ['half', /^no connection: (UND_ERR_SOCKET|ECONNRESET)$/],
    ['huge', 'more than 4,194,304 bytes'],
    ['gzip-bomb', 'more than 4,194,304 bytes'],
    ['status-500', 'status 500'],
    ['redirect-loop', 'redirected more than 3 times'],
    ['redirect-away', 'redirected to another host'],
    ['not-utf8', 'not UTF-8'],
  ];
  for (const [how, reason] of reasons) {
    test(`gives up a source that does this: ${how}`, async (t) => {
      const stub = await GoldStub.start(t, 'tygia');
      stub.answerWith(how);
      const heard = await refusal(stub.url, how === 'hang' ? { timeoutMs: 300 } : {});
      if (typeof reason === 'string') assert.equal(heard, reason);
      else assert.match(heard, reason);
      assert.equal(stub.requests.length, how === 'redirect-loop' ? 4 : 1);
    });
  }

  test('reads no more of what is too large than it must', async (t) => {
    const stub = await GoldStub.start(t, 'tygia');
    stub.answerWith('huge');
    await refusal(stub.url);
    assert.ok(stub.bytesSent < 32 * 1024 * 1024, `${stub.bytesSent} bytes were sent`);
  });

  test('says that nobody listens', async (t) => {
    const stub = await GoldStub.start(t, 'tygia');
    const { url } = stub;
    await stub.close();
    assert.equal(await refusal(url), 'no connection: ECONNREFUSED');
  });

  test('stays with the host that was asked', async (t) => {
    const stub = await GoldStub.start(t, 'tygia');
    for (const location of [
      'ftp://127.0.0.1/x',
      'file:///etc/hostname',
      `http://127.0.0.1:${stub.port + 1}/`,
    ]) {
      stub.answerWith({ redirect: location });
      assert.equal(await refusal(stub.url), 'redirected to another host', location);
    }
    stub.answerWith({ redirect: 'http://[' });
    assert.equal(await refusal(stub.url), 'redirected to nowhere');
  });

  test('does not leave https, where a key could be read on the way', () => {
    const from = new URL('https://gold.example/rates?key=k');
    assert.equal(nextOf(from, '/elsewhere').href, 'https://gold.example/elsewhere');
    assert.equal(nextOf(new URL('http://gold.example/'), 'https://gold.example/').protocol, 'https:');
    assert.throws(() => nextOf(from, 'http://gold.example/rates'), {
      message: 'redirected from https to http',
    });
  });

  test('never says where it has asked: there may be a key in it', async (t) => {
    const stub = await GoldStub.start(t, 'btmc');
    const url = `${stub.url}&key=abracadabra`;
    for (const how of ['half', 'status-500', 'redirect-loop', 'redirect-away', 'not-utf8'] as const) {
      stub.answerWith(how);
      assert.doesNotMatch(await refusal(url), /abracadabra|127/);
    }
  });
});
