/** SoupBinTCP 3.00 by itself: `import { … } from 'outcry/soupbintcp'`. */
export { ERROR_CODES, type ErrorCode, OutcryError } from '../../values/errors.ts';
export type { FrameSink } from '../../values/frame-splitter.ts';
export { PacketSplitter } from './packet-splitter.ts';
export {
  type ClientPacket,
  type Debug,
  decodeClientPacket,
  decodeServerPacket,
  encodeClientPacket,
  encodeServerPacket,
  foldCase,
  HEADER_BYTES,
  HEARTBEAT_MS,
  LOGIN_MS,
  type LoginAccepted,
  type LoginRejected,
  type LoginRequest,
  PACKET,
  PACKET_BYTES,
  PAYLOAD_BYTES_MAX,
  type ServerPacket,
  SILENCE_MS,
} from './packets.ts';
