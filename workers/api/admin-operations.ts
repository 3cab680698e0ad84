/** The operations of administration: most is what the main thread knows. */
import type { AdminSession, OperationName } from '../../src/protocol/api/operations.ts';
import { DESK_ADDRESS, type DeskCommand } from '../../src/protocol/desk.ts';
import { HALL_ADDRESS, type Heard, type LobbyCommand } from '../../src/protocol/lobby.ts';
import { REGISTRY_ADDRESS, type RegistryAnswer, type RegistryCommand } from '../../src/protocol/registry.ts';
import { by } from '../../src/values/order.ts';
import { printable } from '../../src/values/printable.ts';
import { askDesk, type Call, type Handlers } from './call.ts';

/** Without those of users, which are with the others of theirs. */
type AdminOperation = Exclude<Extract<OperationName, `admin.${string}`>, `admin.user${string}`>;

const SESSIONS_LIMIT = 100;
/** More than are ever kept and open. */
const ALL_SESSIONS = 1_000_000;
const DEAD_LETTERS_LIMIT = 20;
const ACTORS_LIMIT = 30;
const RATE_OVER_MS = 500;

export function adminOperations(): Handlers<AdminOperation> {
  return {
    'admin.status': (call) => askDesk(call, { type: 'status' }, (status) => call.reply(status)),
    'admin.sessions': listSessions,
    'admin.kick': (call) => {
      const { connection, reason = '' } = call.params;
      const why = `kicked by an operator${reason === '' ? '' : `: ${printable(reason)}`}`;
      askDesk(call, { type: 'kick', connection, reason: why }, (isKicked) => {
        if (isKicked) call.session.log('warn', `connection ${connection} is ${why}`);
        call.reply({ isKicked });
      });
    },
    'admin.broadcast': (call) => {
      const command: LobbyCommand = { type: 'broadcast', text: call.params.text };
      call.ask<Heard>(HALL_ADDRESS, command, (heard) => call.reply(heard));
    },
    'admin.report': (call) => askDesk(call, { type: 'report' }, (report) => call.reply(report)),
    'admin.limits': (call) => askDesk(call, { type: 'limits' }, (limits) => call.reply(limits)),
    'admin.dead-letters': (call) => {
      const { limit = DEAD_LETTERS_LIMIT } = call.params;
      askDesk(call, { type: 'dead-letters', limit }, (letters) => call.reply(letters));
    },
    'admin.actors': (call) => {
      const { filter = '', sort = 'depth', limit = ACTORS_LIMIT, overMs = RATE_OVER_MS } = call.params;
      askDesk(call, { type: 'actors', filter, sort, limit, overMs }, (actors) => call.reply(actors));
    },
    'admin.shutdown': (call) => {
      const message = printable(call.params.message ?? '');
      call.session.log('warn', `an operator ends the server${message === '' ? '' : `: ${message}`}`);
      // First the answer: the shutdown closes this connection too.
      call.reply({});
      call.session.tell(call.session.refer<DeskCommand>(DESK_ADDRESS), { type: 'shutdown', message });
    },
  };
}

/** The registry knows who was there, the main thread how it is with those who are. */
function listSessions(call: Call<'admin.sessions'>): void {
  const { sort = 'number', limit = SESSIONS_LIMIT, state = 'open', ...filters } = call.params;
  // The registry has them by number; any other order needs all of them.
  const command: RegistryCommand = {
    type: 'list',
    ...filters,
    ...(state === 'all' ? {} : { state }),
    limit: sort === 'number' ? limit : ALL_SESSIONS,
  };
  call.ask<RegistryAnswer>(REGISTRY_ADDRESS, command, ({ connections, total }) => {
    askDesk(call, { type: 'live', connections }, (live) => {
      const sessions = sort === 'number' ? live : [...live].sort(by(SORT_KEYS[sort])).slice(0, limit);
      call.reply({ sessions, total });
    });
  });
}

const SORT_KEYS: Readonly<Record<string, (session: AdminSession) => number | string>> = {
  service: ({ service }) => service,
  user: ({ user }) => user,
  since: ({ sinceMs }) => sinceMs,
  'bytes-in': ({ figures }) => figures.bytesIn,
  'bytes-out': ({ figures }) => figures.bytesOut,
  frames: ({ figures }) => figures.frames,
  waiting: ({ bytesWaiting }) => bytesWaiting,
};
