/**
 * A user of the exchange who is signed in over the api: what the exchange tells his account, and what he sends it.
 *
 *     signing in ── logged-in ──► open ── the session of the day ends, all is taken ──► ended
 *          └── login-refused ──┴── dismissed, lost, or too far behind ──► failed
 *
 * Invariant: a request that was sent is answered once, at the latest when the stream ends.
 */
import { isAnswer, type OrderMessage } from '../../src/protocol/api/orders.ts';
import {
  type ClientNotice,
  ENTRY_HEAD_BYTES,
  EXCHANGE_ADDRESS,
  type ExchangeCommand,
} from '../../src/protocol/exchange.ts';
import { LETTER } from '../../src/protocol/ouch/layout.ts';
import { decodeOutbound, encodeInbound, type InboundMessage } from '../../src/protocol/ouch/messages.ts';
import { encodeClientPacket, foldCase, HEADER_BYTES } from '../../src/protocol/soupbintcp/packets.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { Call, CallSession, Source } from './call.ts';
import { toOrderMessage } from './order-words.ts';

export type OrderOperation = 'exchange.enter' | 'exchange.replace' | 'exchange.cancel';

const MESSAGES_OF_FRAME = 128;

/** A request that the exchange has not answered. */
interface Sent {
  readonly call: Call<OrderOperation>;
  readonly message: InboundMessage;
}

export class OrderStream implements Source {
  readonly user: string;
  readonly #call: Call<'exchange.stream'>;
  /** Of the trading account; it has none before it is let in. */
  #account: number | undefined;
  #nextSequence = 0;
  #waiting: OrderMessage[] = [];
  /** The exchange waits until the client has taken what waits. */
  #isPage = false;
  #isOver = false;
  #sent: Sent[] = [];

  constructor(call: Call<'exchange.stream'>) {
    this.#call = call;
    this.user = foldCase(call.params.user.trim());
  }

  signIn(): void {
    const { user, password, session = '', from = 1 } = this.#call.takeParams();
    this.#tell({
      type: 'log-in',
      user,
      password,
      requestedSession: session,
      sequence: from,
      form: 'alpha',
      client: { address: this.#session.self, connection: this.#session.connection, call: this.#call.id },
    });
  }

  /** Sends the exchange what `call` asks for; it is answered with what the exchange says to that. */
  send(call: Call<OrderOperation>, message: InboundMessage): void {
    if (this.#account === undefined || this.#isOver) throw signedOut(`${this.user} is not signed in`);
    const packet = encodeClientPacket({ type: 'unsequenced', message: encodeInbound(message) });
    const bytes = new Uint8Array(ENTRY_HEAD_BYTES + packet.length);
    const head = new DataView(bytes.buffer);
    head.setUint32(0, this.#account, true);
    head.setUint32(4, this.#session.connection, true);
    bytes.set(packet, ENTRY_HEAD_BYTES);
    this.#sent.push({ call, message });
    this.#session.tellBytes(this.#session.refer(EXCHANGE_ADDRESS), bytes);
  }

  offer(item: unknown): void {
    const notice = item as ClientNotice;
    switch (notice.type) {
      case 'logged-in': {
        const { account, session, sequence, lastSequence, lastToken } = notice;
        this.#account = account;
        this.#nextSequence = sequence;
        this.#call.openDownload({ user: this.user, session, sequence, lastSequence, lastToken }, this);
        break;
      }
      case 'login-refused': {
        const { reason, text } = notice;
        this.#call.fail(new OutcryError('ERR_LOGIN_REFUSED', text, { fields: { reason } }));
        break;
      }
      case 'sequenced':
        this.#take(notice.bytes);
        this.#isPage = notice.isPage;
        break;
      case 'ignored':
        this.#onIgnored(notice);
        break;
      case 'session-ended':
        this.#isOver = true;
        this.#failSent(new OutcryError('ERR_SESSION_ENDED', 'the session of the exchange has ended'));
        this.#endIfTaken();
        break;
      case 'dismissed':
        this.#call.fail(signedOut(`${this.user} is signed out: ${notice.reason}`));
    }
  }

  pull(credit: number): void {
    this.#call.push(this.#waiting.splice(0, Math.min(credit, MESSAGES_OF_FRAME)));
    if (this.#waiting.length > 0) {
      this.#call.pullAgain();
      return;
    }
    if (this.#isPage) {
      this.#isPage = false;
      this.#tellOfMine('page-taken');
    }
    this.#endIfTaken();
  }

  cancel(): void {
    this.#failSent(signedOut(`${this.user} is signed out, and the answer is not known`));
    this.#tellOfMine('left');
  }

  #endIfTaken(): void {
    if (this.#isOver && this.#waiting.length === 0) this.#call.end();
  }

  #take(packets: Uint8Array): void {
    const view = new DataView(packets.buffer, packets.byteOffset, packets.length);
    for (let at = 0; at < packets.length; ) {
      const end = at + 2 + view.getUint16(at);
      const message = toOrderMessage(
        this.#nextSequence++,
        decodeOutbound(packets.subarray(at + HEADER_BYTES, end)),
      );
      this.#waiting.push(message);
      this.#settle(message);
      at = end;
    }
  }

  /** The first that it answers: what was sent first is answered first. */
  #settle(message: OrderMessage): void {
    const answered = this.#forget(({ call }) => isAnswer(call.operation, call.params, message));
    answered?.reply(message as never);
  }

  #onIgnored({ letter, token, text }: ClientNotice & { readonly type: 'ignored' }): void {
    const ignored = this.#forget(
      ({ message }) => LETTER[message.type] === letter && ownTokenOf(message) === token,
    );
    ignored?.fail(new OutcryError('ERR_ORDER_IGNORED', text, { fields: { token: token ?? -1 } }));
  }

  /** Nobody knows whether the exchange has seen them. */
  #failSent(error: OutcryError): void {
    const sent = this.#sent;
    this.#sent = [];
    for (const { call } of sent) if (!call.isOver) call.fail(error);
  }

  /** Its call, unless that is over already. */
  #forget(is: (sent: Sent) => boolean): Call<OrderOperation> | undefined {
    const at = this.#sent.findIndex(is);
    if (at < 0) return undefined;
    const [sent] = this.#sent.splice(at, 1);
    return sent?.call.isOver === false ? sent.call : undefined;
  }

  #tellOfMine(type: 'page-taken' | 'left'): void {
    if (this.#account === undefined) return;
    this.#tell({ type, account: this.#account, connection: this.#session.connection });
  }

  #tell(command: ExchangeCommand): void {
    this.#session.tell(this.#session.refer<ExchangeCommand>(EXCHANGE_ADDRESS), command);
  }

  get #session(): CallSession {
    return this.#call.session;
  }
}

/** The only one who is signed in over the connection of `call`, or the one who is named. */
export function streamOf(call: Call<OrderOperation>): OrderStream {
  const { user } = call.params;
  const streams = streamsOf(call.session);
  const named = user === undefined ? streams : streams.filter((stream) => stream.user === foldCase(user));
  const [stream, other] = named;
  if (stream === undefined) {
    const who = user === undefined ? 'nobody' : `no ${JSON.stringify(user)}`;
    throw signedOut(`${who} is signed in over this connection; open exchange.stream first`);
  }
  if (other === undefined) return stream;
  const users = named.map((one) => one.user).join(', ');
  throw new OutcryError(
    'ERR_API_PARAMS',
    `say which user it is: ${users} are signed in over this connection`,
  );
}

/** Those of a connection. */
export function streamsOf(session: CallSession): readonly OrderStream[] {
  return session
    .callsOf('exchange.stream')
    .map(({ source }) => source)
    .filter((source) => source instanceof OrderStream);
}

/** That by which the exchange tells a message from the others. */
function ownTokenOf(message: InboundMessage): number {
  return message.type === 'replace' ? message.replacementToken : message.token;
}

function signedOut(message: string): OutcryError {
  return new OutcryError('ERR_EXCHANGE_SIGNED_OUT', message);
}
