/** One client of the gold service. */
import type { GoldSettings } from '../../src/protocol/host-task.ts';
import type { Actor, ConnectionCommand, ConnectionInfo, Context } from '../runtime/actor.ts';
import type { SignIn } from '../users/sign-in.ts';

export class GoldSession implements Actor<ConnectionCommand, never> {
  readonly signIn: SignIn | undefined;

  constructor(_settings: GoldSettings, _info: ConnectionInfo) {}

  receive(_command: ConnectionCommand, context: Context<ConnectionCommand>): undefined {
    context.stop();
  }

  receiveBytes(_bytes: Uint8Array, _start: number, _end: number, context: Context<ConnectionCommand>): void {
    context.stop();
  }
}
