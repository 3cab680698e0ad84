/** Says to a person why a message had no effect. */
import { CANCEL, ENTER, LENGTH, LETTER, REPLACE } from '../../src/protocol/ouch/layout.ts';
import type { IgnoredReason } from './order-entry.ts';

/** The message is of `length` bytes at `at`, of which a `packet` may not have as many. */
export function explain(
  reason: IgnoredReason,
  view: DataView,
  at: number,
  length: number,
  lastToken: number,
): string {
  switch (reason) {
    case 'token': {
      const isEnter = view.getUint8(at) === LETTER.enter;
      const token = view.getUint32(at + (isEnter ? ENTER.token : REPLACE.replacementToken));
      return `ignored: token ${token} is not above ${lastToken}, the last one used`;
    }
    case 'not-live': {
      const isReplace = view.getUint8(at) === LETTER.replace;
      const token = view.getUint32(at + (isReplace ? REPLACE.existingToken : CANCEL.token));
      return `ignored: no open order has token ${token}`;
    }
    case 'length':
      return `ignored: ${letterAt(view, at)} has ${length} bytes, which no such message has`;
    case 'message':
      return length === 0
        ? 'ignored: the message is empty'
        : `ignored: no message is called ${letterAt(view, at)}`;
    case 'packet':
      return 'ignored: only Unsequenced Data packets, each whole, are taken here';
    case 'connection':
      return 'ignored: the account has another connection';
  }
}

export interface MessageToken {
  readonly letter: number;
  readonly token: number;
}

/** By what whoever has sent a message knows it; undefined if it is none. */
export function ownTokenOf(view: DataView, at: number, length: number): MessageToken | undefined {
  const letter = length < LENGTH.cancel ? 0 : view.getUint8(at);
  switch (letter) {
    case LETTER.enter:
      return { letter, token: view.getUint32(at + ENTER.token) };
    case LETTER.replace:
      return { letter, token: view.getUint32(at + REPLACE.replacementToken) };
    case LETTER.cancel:
      return { letter, token: view.getUint32(at + CANCEL.token) };
    default:
      return undefined;
  }
}

function letterAt(view: DataView, at: number): string {
  const letter = view.getUint8(at);
  const isSeen = letter > 0x20 && letter < 0x7f;
  return isSeen ? String.fromCharCode(letter) : `0x${letter.toString(16).padStart(2, '0')}`;
}
