/** A client of the api that speaks in raw frames, right ones and wrong ones, and keeps what it is answered. */
import assert from 'node:assert/strict';
import {
  type ClientFrame,
  type ClientHello,
  decodeServerFrame,
  encodeFrame,
  FRAME,
  FRAME_HEAD_BYTES,
  lengthIn,
  PROTOCOL_VERSION,
  type ServerFrame,
  type ServerHello,
  type WireError,
} from '../../src/protocol/api/frames.ts';
import { TestClient } from './test-client.ts';
import { until } from './until.ts';

export interface AskOptions {
  readonly timeoutMs?: number;
  readonly key?: string | null;
}

const TIMEOUT_MS = 60_000;

export class ApiClient {
  readonly tcp: TestClient;
  /** All that have come. */
  readonly frames: ServerFrame[] = [];
  lastId = 0;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(tcp: TestClient) {
    this.tcp = tcp;
    tcp.isKeeping = false;
    tcp.socket.on('data', (chunk: Uint8Array) => this.#take(chunk));
  }

  /** Connects without a word. */
  static async open(port: number): Promise<ApiClient> {
    return new ApiClient(await TestClient.connect(port));
  }

  /** Connects, and says hello. */
  static async connect(port: number, hello: Partial<ClientHello> = {}): Promise<ApiClient> {
    const client = await ApiClient.open(port);
    client.sayHello(hello);
    await client.hello();
    return client;
  }

  get isDropped(): boolean {
    return this.tcp.isDropped;
  }

  sayHello(hello: Partial<ClientHello> = {}): void {
    this.send([FRAME.hello, { protocol: PROTOCOL_VERSION, ...hello }]);
  }

  /** Resolves with the server's hello. */
  hello(): Promise<ServerHello> {
    return until('the server says hello', () => {
      const found = this.frames.find(([type]) => type === FRAME.hello);
      if (found === undefined && this.isDropped) assert.fail(`it is dropped: ${JSON.stringify(this.frames)}`);
      return found?.[1] as ServerHello | undefined;
    });
  }

  send(...frames: readonly ClientFrame[]): void {
    this.tcp.send(Buffer.concat(frames.map(encodeFrame)));
  }

  /** Any value in place of a frame. */
  sendValue(value: unknown): void {
    this.send(value as ClientFrame);
  }

  /** Sends a request; returns its id. */
  request(operation: string, params: unknown = {}, { timeoutMs, key }: AskOptions = {}): number {
    const id = ++this.lastId;
    this.send([FRAME.request, id, operation, params, timeoutMs ?? TIMEOUT_MS, key ?? null]);
    return id;
  }

  /** What has come for the request or stream. */
  framesOf(id: number): ServerFrame[] {
    return this.frames.filter((frame) => frame[1] === id);
  }

  /** Items that have come in the stream. */
  itemsOf(id: number): unknown[] {
    return this.framesOf(id).flatMap(([type, , items]) => (type === FRAME.items ? (items as unknown[]) : []));
  }

  /** The end of the request or stream, as far as it has come. */
  answerOf(id: number): ServerFrame | undefined {
    return this.framesOf(id).find(([type]) => ANSWERS.has(type));
  }

  /** Resolves with what the request was replied. */
  async replied(id: number): Promise<unknown> {
    const answer = await this.answered(id);
    assert.equal(answer?.[0], FRAME.reply, `no reply but ${JSON.stringify(answer)}`);
    return answer[2];
  }

  /** Resolves with the error of the request or stream. */
  async failed(id: number): Promise<WireError> {
    const answer = await this.answered(id);
    assert.equal(answer?.[0], FRAME.error, `no error but ${JSON.stringify(answer)}`);
    return answer[2] as WireError;
  }

  /** Resolves with the answer, or with undefined when the connection is closed without one. */
  async answered(id: number): Promise<ServerFrame | undefined> {
    await until(`${id} is answered`, () => this.answerOf(id) !== undefined || this.isDropped);
    return this.answerOf(id);
  }

  ask(operation: string, params?: unknown, options?: AskOptions): Promise<unknown> {
    return this.replied(this.request(operation, params, options));
  }

  /** Resolves with the code of the error that the request gets. */
  async codeOf(operation: string, params?: unknown, options?: AskOptions): Promise<string> {
    return (await this.failed(this.request(operation, params, options))).code;
  }

  /** The error of the connection, which is closed behind it. */
  async refused(): Promise<WireError> {
    await this.tcp.isLetGo();
    const last = this.frames.at(-1);
    assert.deepEqual(last?.slice(0, 2), [FRAME.error, null], `the last frame is ${JSON.stringify(last)}`);
    return last?.[2] as WireError;
  }

  /** Ends the connection, whatever is on its way. */
  drop(): void {
    this.tcp.socket.destroy();
  }

  #take(chunk: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const end = at + FRAME_HEAD_BYTES + lengthIn(bytes, at);
      if (end > bytes.length) break;
      this.frames.push(decodeServerFrame(bytes, at + FRAME_HEAD_BYTES, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}

const ANSWERS: ReadonlySet<number> = new Set([FRAME.reply, FRAME.error, FRAME.end]);
