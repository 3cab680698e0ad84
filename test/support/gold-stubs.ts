/**
 * The sources of gold rates, as servers of this machine: each speaks the bytes of its source, with invented prices, and
 * misbehaves when it is told to.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { ProviderName } from '../../src/protocol/gold.ts';
import { goldDateOf } from '../../src/protocol/gold-dates.ts';

export type StubKind = Exclude<ProviderName, 'example'>;

export interface StubRow {
  readonly company: string;
  readonly brand: string;
  readonly type: string;
  readonly code: string;
  /** Per lượng; whole tens of thousands, so that every source can say it. */
  readonly buyVnd: number;
  readonly sellVnd: number;
}

export const STUB_ROWS: readonly StubRow[] = [
  {
    company: 'SJC',
    brand: 'Hồ Chí Minh',
    type: 'SJC',
    code: 'SJL1L10',
    buyVnd: 82_500_000,
    sellVnd: 84_500_000,
  },
  {
    company: 'SJC',
    brand: 'Hà Nội',
    type: 'SJC 1 chỉ',
    code: 'SJ9999',
    buyVnd: 82_400_000,
    sellVnd: 84_400_000,
  },
  {
    company: 'PNJ',
    brand: 'Đà Nẵng',
    type: 'Nhẫn trơn 24K',
    code: 'N24K',
    buyVnd: 81_000_000,
    sellVnd: 83_250_000,
  },
];

export type Misbehaviour =
  | 'hang'
  | 'half'
  | 'huge'
  | 'gzip-bomb'
  | 'html'
  | 'wrong-unit'
  | 'status-500'
  | 'redirect-loop'
  | 'redirect-away'
  | 'not-utf8'
  | 'not-json'
  | 'changed-shape';

export interface StubRates {
  readonly rows?: readonly StubRow[];
  /** `yyyy-mm-dd`; today without it. */
  readonly date?: string;
  /** Who has it is told that nothing changed. */
  readonly etag?: string;
  readonly lastModified?: string;
  /** Ahead of the JSON; what the source has there without it. */
  readonly mark?: string;
  readonly isCompressed?: boolean;
}

export type StubAnswer =
  | Misbehaviour
  | StubRates
  | { readonly body: string | Uint8Array }
  | { readonly redirect: string };

export interface StubRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

const HUGE_BYTES = 100 * 1024 * 1024;
const HUGE_CHUNK = Buffer.alloc(64 * 1024, ' ');
const WRONG_UNIT = 10;

export class GoldStub {
  readonly kind: StubKind;
  readonly requests: StubRequest[] = [];
  /** Of the bodies that were too large. */
  bytesSent = 0;
  readonly #server = createServer((request, response) => void this.#onRequest(request, response));
  #answer: StubAnswer = {};

  private constructor(kind: StubKind) {
    this.kind = kind;
  }

  /** Ends with the test. */
  static async start(t: TestContext, kind: StubKind, port = 0): Promise<GoldStub> {
    const stub = new GoldStub(kind);
    stub.#server.listen(port, '127.0.0.1');
    await once(stub.#server, 'listening');
    t.after(() => stub.close());
    return stub;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/rates?kind=${this.kind}`;
  }

  answerWith(answer: StubAnswer): void {
    this.#answer = answer;
  }

  /** Nobody listens any more. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    await new Promise((closed) => this.#server.close(closed));
  }

  async #onRequest({ url = '', headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push({ path: url, headers });
    const answer = this.#answer;
    if (typeof answer === 'string') await this.#misbehave(answer, response);
    else if ('body' in answer) response.end(answer.body);
    else if ('redirect' in answer) response.writeHead(302, { location: answer.redirect }).end();
    else this.#answerRates(answer, headers, response);
  }

  #answerRates(rates: StubRates, headers: IncomingHttpHeaders, response: ServerResponse): void {
    const { etag, lastModified, isCompressed = false } = rates;
    if (etag !== undefined) response.setHeader('etag', etag);
    if (lastModified !== undefined) response.setHeader('last-modified', lastModified);
    const isKnown =
      (etag !== undefined && headers['if-none-match'] === etag) ||
      (lastModified !== undefined && headers['if-modified-since'] === lastModified);
    if (isKnown) {
      response.writeHead(304).end();
      return;
    }
    if (!isCompressed) {
      response.end(bodyOf(this.kind, rates));
      return;
    }
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(bodyOf(this.kind, rates)));
  }

  async #misbehave(how: Misbehaviour, response: ServerResponse): Promise<void> {
    switch (how) {
      case 'hang':
        response.write('{');
        break;
      case 'half':
        response.setHeader('content-length', '1000');
        response.write('{"golds":', () => response.destroy());
        break;
      case 'huge':
        await this.#sendHuge(response);
        break;
      case 'gzip-bomb':
        response.setHeader('content-encoding', 'gzip');
        response.end(gzipSync(Buffer.alloc(HUGE_BYTES, ' ')));
        break;
      case 'html':
        response.setHeader('content-type', 'text/html');
        response.end('<!doctype html><title>Just a moment...</title>');
        break;
      case 'wrong-unit':
        response.end(bodyOf(this.kind, { rows: STUB_ROWS.map(tenfold) }));
        break;
      case 'status-500':
        response.writeHead(500).end('{"error":"it is down"}');
        break;
      case 'redirect-loop':
        response.writeHead(302, { location: '/rates' }).end();
        break;
      case 'redirect-away':
        response.writeHead(302, { location: `http://localhost:${this.port}/rates` }).end();
        break;
      case 'not-utf8':
        response.end(Buffer.from('{"name":"V\xe0ng"}', 'latin1'));
        break;
      case 'not-json':
        response.end('rates: none');
        break;
      case 'changed-shape':
        response.end('{"status":"ok","payload":{"items":[]}}');
    }
  }

  async #sendHuge(response: ServerResponse): Promise<void> {
    const { signal, isOver } = untilClosed(response);
    while (this.bytesSent < HUGE_BYTES && !isOver()) {
      this.bytesSent += HUGE_CHUNK.length;
      if (!response.write(HUGE_CHUNK)) await once(response, 'drain', { signal }).catch(() => {});
    }
    response.end();
  }
}

/** A client that has had enough closes: nothing is to be written then. */
function untilClosed(response: ServerResponse) {
  const closing = new AbortController();
  response.on('error', () => {});
  response.on('close', () => closing.abort());
  return { signal: closing.signal, isOver: () => closing.signal.aborted };
}

/** What the source of that kind sends. */
export function bodyOf(
  kind: StubKind,
  { rows = STUB_ROWS, date = goldDateOf(Date.now()), mark }: StubRates = {},
): string {
  const value = SHAPES[kind](rows, date);
  return `${mark ?? MARKS[kind]}${JSON.stringify(value)}`;
}

const MARKS: Readonly<Record<StubKind, string>> = { tygia: '\ufeff\n', 'vang-today': '', pnj: '', btmc: '' };

const SHAPES: Readonly<Record<StubKind, (rows: readonly StubRow[], date: string) => unknown>> = {
  tygia(rows, date) {
    const day = date.replaceAll('-', '');
    const updated = `${date} 09:00:00`;
    const others = [
      { company: 'WORLD', brand: 'SPOT GOLD', type: 'XAU', buy: '2,650.10', sell: '2,650.60' },
      { company: 'WORLD', brand: 'OIL', type: 'WTI', buy: '70.10', sell: '70.20' },
    ];
    const value = rows.map(({ company, brand, type, buyVnd, sellVnd }) => {
      return { company, brand, type, buy: thousands(buyVnd), sell: thousands(sellVnd) };
    });
    return {
      golds: [{ date: day, updated, value: [...value, ...others].map((row) => ({ day, ...row, updated })) }],
      rates: [{ code: 'USD', buy: '25,100.00' }],
    };
  },
  'vang-today'(rows, date) {
    const prices = rows.map(({ type, code, buyVnd, sellVnd }) => {
      const price = {
        name: type,
        buy: buyVnd,
        sell: sellVnd,
        change_buy: 0,
        change_sell: 0,
        currency: 'VND',
      };
      return [code, price] as const;
    });
    const world = { name: 'World gold', buy: 2650.1, sell: 2650.6, currency: 'USD' };
    return {
      success: true,
      timestamp: 1,
      date,
      count: rows.length + 1,
      prices: Object.fromEntries([...prices, ['XAUUSD', world] as const]),
    };
  },
  pnj(rows, date) {
    const data = rows.map(({ type, code, buyVnd, sellVnd }, i) => {
      return { stt: i + 1, masp: code, tensp: type, giamua: buyVnd / 10_000, giaban: sellVnd / 10_000 };
    });
    return { chinhanh: 'TPHCM', updateDate: `${dayFirst(date)} 09:00`, data };
  },
  btmc(rows, date) {
    const time = `${dayFirst(date)} 09:00`;
    const quotes = [
      ...rows.map(({ type, buyVnd, sellVnd }) => [type, buyVnd / 10, sellVnd / 10, time] as const),
      ...rows.map(({ type }) => [type, 1_000_000, 1_100_000, '02/01/2001 09:00'] as const),
      ['BẠC MIẾNG 1 LƯỢNG', 1_500_000, 1_550_000, time] as const,
      ['VÀNG NGUYÊN LIỆU', 8_000_000, 0, time] as const,
    ];
    const Data = quotes.map(([name, buy, sell, at], i) => {
      const row = i + 1;
      return {
        '@row': String(row),
        [`@n_${row}`]: name,
        [`@k_${row}`]: '24k',
        [`@h_${row}`]: '999.9',
        [`@pb_${row}`]: String(buy),
        [`@ps_${row}`]: String(sell),
        [`@pt_${row}`]: '0',
        [`@d_${row}`]: at,
      };
    });
    return { DataList: { Data } };
  },
};

function thousands(vnd: number): string {
  return `${(vnd / 1000).toLocaleString('en-US')}.00`;
}

function dayFirst(date: string): string {
  return date.split('-').reverse().join('/');
}

function tenfold(row: StubRow): StubRow {
  return { ...row, buyVnd: row.buyVnd * WRONG_UNIT, sellVnd: row.sellVnd * WRONG_UNIT };
}
