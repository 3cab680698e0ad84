/**
 * The reference of the OUCH benches: a server that frames Unsequenced Data and answers each message with one that
 * fits, without any logic. Run as a program with the port as its argument; `echo` instead sends back what it gets.
 */
import { createServer, type Socket } from 'node:net';
import { ACCEPTED, CANCEL, ENTER, LENGTH, LETTER, REPLACE } from '../../src/protocol/ouch/layout.ts';
import { encodeServerPacket, HEADER_BYTES, PACKET } from '../../src/protocol/soupbintcp/index.ts';

const LOGIN_ACCEPTED = encodeServerPacket({ type: 'login-accepted', session: 'BARE', sequence: 1 });
const LIVE = 'L'.charCodeAt(0);
/** No reply is more times longer than what it answers. */
const GROWTH_MAX = 2;

/** By the letter of what is answered: the letter and the length of the reply, and where the token that it repeats is. */
const REPLIES: Readonly<Record<number, readonly [letter: number, length: number, tokenAt: number]>> = {
  [LETTER.enter]: [LETTER.accepted, LENGTH.accepted, ENTER.token],
  [LETTER.replace]: [LETTER.replaced, LENGTH.replaced, REPLACE.replacementToken],
  [LETTER.cancel]: [LETTER.canceled, LENGTH.canceled, CANCEL.token],
};

function answer(socket: Socket): void {
  let carry: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const replies = Buffer.allocUnsafe(bytes.length * GROWTH_MAX);
    let used = 0;
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
      if (end > bytes.length) break;
      if (bytes[at + 2] === PACKET.unsequenced) {
        used += reply(bytes, at + HEADER_BYTES, replies, used);
      } else if (bytes[at + 2] === PACKET.loginRequest) socket.write(LOGIN_ACCEPTED);
      at = end;
    }
    carry = bytes.subarray(at);
    if (used > 0) socket.write(replies.subarray(0, used));
  });
}

/** Returns the bytes of the reply, which says live and repeats the token; nothing else in it means anything. */
function reply(bytes: Buffer, message: number, replies: Buffer, at: number): number {
  const [letter, length, tokenAt] = REPLIES[bytes[message] as number] ?? [0, 0, 0];
  replies[at] = 0;
  replies[at + 1] = 1 + length;
  replies[at + 2] = PACKET.sequenced;
  replies[at + HEADER_BYTES] = letter;
  const token = message + tokenAt;
  for (let i = 0; i < 4; i++) {
    replies[at + HEADER_BYTES + ACCEPTED.token + i] = bytes[token + i] as number;
  }
  if (letter === LETTER.accepted) replies[at + HEADER_BYTES + ACCEPTED.state] = LIVE;
  return HEADER_BYTES + length;
}

const [, , port, kind] = process.argv;
createServer({ noDelay: true }, (socket) => {
  if (kind === 'echo') socket.pipe(socket);
  else answer(socket);
}).listen(Number(port), '127.0.0.1');
