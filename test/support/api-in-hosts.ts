/** A session of the api in a host of a test, and its client: frames go in, frames come out. */
import assert from 'node:assert/strict';
import {
  type ClientFrame,
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
import type { ApiSettings, ServiceSettings } from '../../src/protocol/host-task.ts';
import { startApi } from '../../workers/api/api-service.ts';
import { TestHosts } from './actors.ts';
import { USERS_SETTINGS } from './users-settings.ts';

const SETTINGS: ApiSettings = {
  limits: { frameBytes: 65_536, requests: 64, streams: 8, idleMs: 60_000 },
  operatorToken: 'the token',
  server: 'outcry/0',
  isSignInAsked: false,
};
const SERVICES: ServiceSettings = {
  bank: { lineLengthMax: 1024, accountsMax: 16, uploadsMax: 16, hashKey: [1, 2] },
  users: USERS_SETTINGS,
};

/** Hosts whose connections are of the api. */
export function createApiHosts(settings: Partial<ApiSettings> = {}): TestHosts {
  const makeSession = startApi({ ...SETTINGS, ...settings }, SERVICES);
  return new TestHosts({ createSession: (_, connection) => makeSession(connection) });
}

export interface HostedOptions {
  /** By the token. */
  readonly isOperator?: boolean;
  readonly remoteAddress?: string;
  readonly name?: string;
  readonly session?: string;
}

export class HostedClient {
  readonly hosts: TestHosts;
  readonly connection: number;
  #lastId = 0;

  /** Connects, and says hello. */
  constructor(
    hosts: TestHosts,
    connection: number,
    { isOperator = false, remoteAddress = '127.0.0.1:1000', ...hello }: HostedOptions = {},
  ) {
    this.hosts = hosts;
    this.connection = connection;
    hosts.main.command({
      type: 'open',
      service: 'api',
      connection,
      remoteAddress,
      localAddress: '',
      sinceMs: 0,
    });
    const token = isOperator ? { token: SETTINGS.operatorToken } : {};
    this.send([FRAME.hello, { protocol: PROTOCOL_VERSION, ...token, ...hello }]);
  }

  /** All that have come. */
  get frames(): readonly ServerFrame[] {
    const bytes = this.hosts.main.writtenBytes.get(this.connection) ?? Buffer.alloc(0);
    const frames: ServerFrame[] = [];
    for (let at = 0; at < bytes.length; ) {
      const start = at + FRAME_HEAD_BYTES;
      at = start + lengthIn(bytes, at);
      frames.push(decodeServerFrame(bytes, start, at));
    }
    return frames;
  }

  /** The server's; undefined as long as it has said none. */
  get hello(): ServerHello | undefined {
    const [frame] = this.frames;
    return frame?.[0] === FRAME.hello ? (frame[1] as ServerHello) : undefined;
  }

  get isClosed(): boolean {
    return this.hosts.main.closed.has(this.connection);
  }

  send(...frames: readonly ClientFrame[]): void {
    this.hosts.main.sendFrames(this.connection, Buffer.concat(frames.map(encodeFrame)));
    this.hosts.settle();
  }

  /** Returns its id. */
  request(operation: string, params: unknown = {}): number {
    const id = ++this.#lastId;
    this.send([FRAME.request, id, operation, params, 60_000, null]);
    return id;
  }

  credit(id: number, count: number): void {
    this.send([FRAME.credit, id, count]);
  }

  end(id: number): void {
    this.send([FRAME.end, id]);
  }

  /** The connection is gone. */
  leave(): void {
    this.hosts.main.command({ type: 'closed', connection: this.connection, reason: '', isCutOff: false });
    this.hosts.settle();
  }

  framesOf(id: number): readonly ServerFrame[] {
    return this.frames.filter((frame) => frame[1] === id);
  }

  infoOf(id: number): unknown {
    return this.framesOf(id).find(([type]) => type === FRAME.open)?.[2];
  }

  itemsOf(id: number): unknown[] {
    return this.framesOf(id).flatMap(([type, , items]) => (type === FRAME.items ? (items as unknown[]) : []));
  }

  isEnded(id: number): boolean {
    return this.framesOf(id).some(([type]) => type === FRAME.end);
  }

  replyOf(id: number): unknown {
    const [answer] = this.framesOf(id);
    assert.equal(answer?.[0], FRAME.reply, `no reply but ${JSON.stringify(answer)}`);
    return answer[2];
  }

  errorOf(id: number): WireError {
    const answer = this.framesOf(id).at(-1);
    assert.equal(answer?.[0], FRAME.error, `no error but ${JSON.stringify(answer)}`);
    return answer[2] as WireError;
  }

  ask(operation: string, params?: unknown): unknown {
    return this.replyOf(this.request(operation, params));
  }

  refused(operation: string, params?: unknown): WireError {
    return this.errorOf(this.request(operation, params));
  }
}
