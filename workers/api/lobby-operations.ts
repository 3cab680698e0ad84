/** The operations of the lobby: the hall passes on what is said, the main thread has the served files read and written. */
import type { OperationName } from '../../src/protocol/api/operations.ts';
import { DESK_ADDRESS, type DeskCommand, type OpenFile } from '../../src/protocol/desk.ts';
import type { LobbySettings } from '../../src/protocol/host-task.ts';
import {
  CLIENTS_QUERY,
  HALL_ADDRESS,
  type Heard,
  type LobbyCommand,
  toLobbyClient,
} from '../../src/protocol/lobby.ts';
import { REGISTRY_ADDRESS, type RegistryAnswer } from '../../src/protocol/registry.ts';
import { toAddress } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { askDesk, type Call, type Handlers, type Sink, type Source } from './call.ts';
import { PushQueue } from './push-queue.ts';

type LobbyOperation = Extract<OperationName, `lobby.${string}`>;

/** Bytes in one item of a file. */
const CHUNK_BYTES = 64 * 1024;
/** Items of an upload that a client may send ahead. */
const CHUNKS_AHEAD = 4;

export function lobbyOperations({ isPutAllowed }: LobbySettings): Handlers<LobbyOperation> {
  return {
    'lobby.say': (call) => {
      const { session, params } = call;
      const from = session.user;
      const command: LobbyCommand = {
        type: 'say',
        session: toAddress(session.self),
        from,
        text: params.text,
      };
      call.ask<Heard>(HALL_ADDRESS, command, (heard) => call.reply(heard));
    },
    'lobby.messages': listen,
    'lobby.clients': (call) => {
      call.ask<RegistryAnswer>(REGISTRY_ADDRESS, CLIENTS_QUERY, ({ connections }) =>
        call.reply(connections.map(toLobbyClient)),
      );
    },
    'lobby.files': (call) => askDesk(call, { type: 'list-files' }, (files) => call.reply(files)),
    'lobby.get': (call) => {
      askDesk(call, { type: 'open-file', name: call.params.name }, (file) => {
        const { size, sha256 } = file;
        call.openDownload({ size, sha256 }, new FileSource(call, file));
      });
    },
    'lobby.put': (call) => {
      if (!isPutAllowed) {
        const message = 'this server takes no files; its setting lobby.is_put_allowed is false';
        throw new OutcryError('ERR_FILE_REFUSED', message);
      }
      const { name, size } = call.params;
      const abandon = (part: string) => {
        const { session } = call;
        session.tell(session.refer<DeskCommand>(DESK_ADDRESS), { type: 'abandon-put', part });
      };
      askDesk(
        call,
        { type: 'begin-put', name, size },
        (part) => {
          call.openUpload(null, new FileSink(call, part, abandon));
          call.allow(CHUNKS_AHEAD);
        },
        abandon,
      );
    },
  };
}

/** The hall knows the session, not its streams: it is told when the first one is there, and when the last one is gone. */
function listen(call: Call<'lobby.messages'>): void {
  const { session } = call;
  const tellHall = (type: 'listen' | 'unlisten') => {
    const command: LobbyCommand = { type, session: toAddress(session.self) };
    session.tell(session.refer<LobbyCommand>(HALL_ADDRESS), command);
  };
  const onCancel = () => {
    if (session.callsOf('lobby.messages').length <= 1) tellHall('unlisten');
  };
  session.failWhenLost(call.id, HALL_ADDRESS);
  const queue = new PushQueue(call, onCancel);
  // Ahead of the answer: a client may want no more before it is open.
  call.source = queue;
  call.ask(HALL_ADDRESS, { type: 'listen', session: toAddress(session.self) } satisfies LobbyCommand, () =>
    call.openDownload(null, queue),
  );
}

/** Reads a file, a chunk for each item that the client has given credit for. */
class FileSource implements Source {
  readonly #call: Call<'lobby.get'>;
  readonly #file: OpenFile;
  #offset = 0;
  #isReading = false;

  constructor(call: Call<'lobby.get'>, file: OpenFile) {
    this.#call = call;
    this.#file = file;
  }

  pull(): void {
    if (this.#isReading) return;
    if (this.#offset === this.#file.size) {
      this.#call.end();
      return;
    }
    this.#isReading = true;
    const range = { offset: this.#offset, length: CHUNK_BYTES };
    askDesk(this.#call, { type: 'read-file', file: this.#file, ...range }, (bytes) => {
      this.#isReading = false;
      this.#offset += bytes.length;
      this.#call.push([bytes]);
      this.#call.pullAgain();
    });
  }
}

/** Writes what the client sends to the part of a file, one item after the other. */
class FileSink implements Sink {
  readonly #call: Call<'lobby.put'>;
  readonly #part: string;
  readonly #abandon: (part: string) => void;
  readonly #waiting: Uint8Array[] = [];
  #size = 0;
  #isWriting = false;
  #hasEnded = false;

  constructor(call: Call<'lobby.put'>, part: string, abandon: (part: string) => void) {
    this.#call = call;
    this.#part = part;
    this.#abandon = abandon;
  }

  take(items: readonly unknown[]): void {
    for (const item of items) {
      if (!(item instanceof Uint8Array)) {
        this.#call.fail(new OutcryError('ERR_API_PARAMS', 'the items of a file are bytes'));
        return;
      }
      this.#size += item.length;
      this.#waiting.push(item);
    }
    if (this.#size > this.#call.params.size) this.#failSize();
    else this.#writeNext();
  }

  finish(): void {
    this.#hasEnded = true;
    this.#writeNext();
  }

  cancel(): void {
    this.#abandon(this.#part);
  }

  #writeNext(): void {
    if (this.#isWriting) return;
    const bytes = this.#waiting.shift();
    if (bytes === undefined) {
      if (this.#hasEnded) this.#finish();
      return;
    }
    this.#isWriting = true;
    askDesk(this.#call, { type: 'append-put', part: this.#part, bytes }, () => {
      this.#isWriting = false;
      this.#call.allow(1);
      this.#writeNext();
    });
  }

  #finish(): void {
    const { name, size } = this.#call.params;
    if (this.#size !== size) {
      this.#failSize();
      return;
    }
    this.#isWriting = true;
    askDesk(this.#call, { type: 'finish-put', part: this.#part, name, size }, (info) =>
      this.#call.reply(info),
    );
  }

  #failSize(): void {
    const { name, size } = this.#call.params;
    const message = `${name} was to have ${size} bytes, and ${this.#size} came`;
    this.#call.fail(new OutcryError('ERR_FILE_SIZE', message));
  }
}
