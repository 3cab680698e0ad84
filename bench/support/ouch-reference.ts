/**
 * The reference of the OUCH benches: a server that frames Unsequenced Data and answers each Enter Order with an
 * Accepted, without any logic. Run as a program with the port as its argument; `echo` instead sends back what it gets.
 */
import { createServer, type Socket } from 'node:net';
import { ACCEPTED, ENTER, LENGTH, LETTER } from '../../src/protocol/ouch/layout.ts';
import { encodeServerPacket, HEADER_BYTES, PACKET } from '../../src/protocol/soupbintcp/index.ts';

const REPLY_BYTES = HEADER_BYTES + LENGTH.accepted;
const ECHOED_BYTES = ACCEPTED.orderNumber - ACCEPTED.token;
const LOGIN_ACCEPTED = encodeServerPacket({ type: 'login-accepted', session: 'BARE', sequence: 1 });
const LIVE = 'L'.charCodeAt(0);

function answer(socket: Socket): void {
  let carry: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const replies = Buffer.allocUnsafe(Math.ceil(bytes.length / (HEADER_BYTES + LENGTH.enter)) * REPLY_BYTES);
    let used = 0;
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
      if (end > bytes.length) break;
      if (bytes[at + 2] === PACKET.unsequenced) {
        const token = at + HEADER_BYTES + ENTER.token;
        replies[used] = 0;
        replies[used + 1] = 1 + LENGTH.accepted;
        replies[used + 2] = PACKET.sequenced;
        replies[used + HEADER_BYTES] = LETTER.accepted;
        replies.set(bytes.subarray(token, token + ECHOED_BYTES), used + HEADER_BYTES + ACCEPTED.token);
        replies[used + HEADER_BYTES + ACCEPTED.state] = LIVE;
        used += REPLY_BYTES;
      } else if (bytes[at + 2] === PACKET.loginRequest) socket.write(LOGIN_ACCEPTED);
      at = end;
    }
    carry = bytes.subarray(at);
    if (used > 0) socket.write(replies.subarray(0, used));
  });
}

const [, , port, kind] = process.argv;
createServer({ noDelay: true }, (socket) => {
  if (kind === 'echo') socket.pipe(socket);
  else answer(socket);
}).listen(Number(port), '127.0.0.1');
