/** The lobby's actors on hosts in one thread, with clients whose bytes are moved by hand (session-hosts.ts). */
import assert from 'node:assert/strict';
import { DESK_ADDRESS, type FileCommand } from '../../src/protocol/desk.ts';
import type { LobbySettings } from '../../src/protocol/host-task.ts';
import type { ErrorCode } from '../../src/values/errors.ts';
import { startLobby, startRegistry } from '../../workers/lobby/lobby-service.ts';
import type { AskedOfMain } from './actors.ts';
import { PlayedUsers } from './played-users.ts';
import { SessionHosts } from './session-hosts.ts';

const SETTINGS: LobbySettings = {
  clientsMax: 3,
  messageBytesMax: 256,
  isPutAllowed: true,
  fileBytesMax: 1000,
  isSignInAsked: false,
};

export class LobbyHosts extends SessionHosts {
  readonly users: PlayedUsers;

  constructor(options: Partial<LobbySettings> & { readonly hosts?: number } = {}) {
    const { hosts = 1, ...settings } = options;
    const users = new PlayedUsers();
    super({
      service: 'lobby',
      localAddress: '127.0.0.1:65433',
      hosts,
      start: (system) => {
        startRegistry(system);
        users.start(system);
        return startLobby(system, { ...SETTINGS, ...settings });
      },
    });
    this.users = users;
  }

  /** Removes what the main thread was asked next, over files; nothing else may have been asked. */
  asked(client: number): AskedOfMain & { readonly message: FileCommand } {
    const [asked] = this.mainOf(client).asked.splice(0, 1);
    if (asked === undefined) return assert.fail('nothing was asked');
    assert.equal(asked.address, DESK_ADDRESS);
    return asked as AskedOfMain & { readonly message: FileCommand };
  }

  get askedCount(): number {
    return this.hosts.mains.reduce((sum, { asked }) => sum + asked.length, 0);
  }

  /** Answers what was asked next, which must be `command`, and returns what the client is sent then. */
  answer(client: number, command: FileCommand, value: unknown): string {
    const asked = this.asked(client);
    assert.deepEqual(asked.message, command);
    asked.reply(value);
    this.hosts.settle();
    return this.heard(client);
  }

  refuse(client: number, type: FileCommand['type'], code: ErrorCode, message: string): string {
    const asked = this.asked(client);
    assert.equal(asked.message.type, type);
    asked.fail({ code, message, fields: {} });
    this.hosts.settle();
    return this.heard(client);
  }
}
