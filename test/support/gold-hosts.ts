/**
 * Sessions of the gold service on hosts in one thread, with clients whose bytes are moved by hand (session-hosts.ts). The
 * directory of users and the store of rates are played.
 */
import {
  GOLD_SERVICE,
  type GoldAnswer,
  type GoldCommand,
  type GoldRow,
  RATES_ADDRESS,
} from '../../src/protocol/gold.ts';
import type { GoldSettings } from '../../src/protocol/host-task.ts';
import { startGold } from '../../workers/gold/gold-service.ts';
import { PlayedUsers, play } from './played-users.ts';
import { SessionHosts } from './session-hosts.ts';

const SETTINGS: GoldSettings = {
  messageBytesMax: 256,
  isSignInAsked: true,
  refreshMs: 1_800_000,
  sources: [],
};

export const SJC: GoldRow = {
  company: 'SJC',
  brand: 'Hồ Chí Minh',
  type: 'SJC',
  code: 'SJC_HCM',
  buy: '82,500.00',
  sell: '84,500.00',
  updated: '2025-01-02 09:00:00',
  day: '2025-01-02',
  id: '1',
  buyVnd: 82_500_000,
  sellVnd: 84_500_000,
};

export function answerOf(rows: readonly GoldRow[], more: Partial<GoldAnswer> = {}): GoldAnswer {
  return { date: '2025-01-02', source: 'tygia', rows, timeMs: 0, ageMs: 0, isStale: false, ...more };
}

export interface GoldHostsOptions extends Partial<GoldSettings> {
  readonly hosts?: number;
  /** What the rates answer; undefined is no answer. */
  readonly rates?: (command: GoldCommand) => unknown;
}

export class GoldHosts extends SessionHosts {
  readonly users: PlayedUsers;
  /** What the rates were asked and told. */
  readonly ratesAsked: GoldCommand[];

  constructor({ hosts = 1, rates = () => null, ...settings }: GoldHostsOptions = {}) {
    const users = new PlayedUsers();
    const ratesAsked: GoldCommand[] = [];
    super({
      service: GOLD_SERVICE,
      localAddress: '127.0.0.1:8888',
      hosts,
      start: (system) => {
        users.start(system);
        play(system, RATES_ADDRESS, (message, context) => {
          ratesAsked.push(message as GoldCommand);
          const answer = rates(message as GoldCommand);
          if (answer !== undefined) context.reply(answer);
        });
        return startGold(system, { ...SETTINGS, ...settings });
      },
    });
    this.users = users;
    this.ratesAsked = ratesAsked;
  }

  /** Connects a client that speaks lines, and signs it in. */
  enter(client: number): void {
    this.open(client);
    this.send(client, '-signin\n', 'khtn daihoc tphcm\n');
    this.logged();
  }
}
