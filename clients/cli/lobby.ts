/** `outcry lobby`: talk to the others in the lobby, and exchange files, by hand or through a pipe. */
import { argumentsOf, createFlags, parseFlags, parsePort } from '../../src/protocol/command-line.ts';
import { REFUSALS } from '../../src/protocol/users.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { type Credentials, passwordBytes, userName } from '../../src/values/user-name.ts';
import { EXIT_DONE, EXIT_FAILED } from './failure.ts';
import { LobbyClient, type LobbyListener, type ReplyTaker } from './lobby-client.ts';
import { LOBBY_HELP, type LobbyCommand, parseCommand } from './lobby-commands.ts';
import { fetchFile, sendFile } from './lobby-files.ts';
import { LobbyScreen } from './lobby-screen.ts';
import type { Address } from './send-errors.ts';

const LOBBY_PORT = '65433';

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry lobby',
    usage: '[--host H] [--port P] [--user NAME] [--force]',
    summary:
      'Talk to the others in the lobby of a server, and exchange files: type help. Lines may come through a pipe; ' +
      'then the exit code is 1 if a file could not be had or sent.',
  })
    .option('--host <host>', 'the host of the lobby', '127.0.0.1')
    .option('--port <port>', 'the port of the lobby', LOBBY_PORT)
    .option('--user <name>', 'sign in so; the password is asked for, or is the first line of a pipe')
    .option('--force', 'get replaces files that are there already');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const { host, port, user, force = false } = flags.opts<LobbyFlags>();
  const visit = new Visit({ mayReplace: force, user });
  return visit.run({ host, port: parsePort(port, { min: 1 }) });
}

interface LobbyFlags {
  readonly host: string;
  readonly port: string;
  readonly user?: string;
  readonly force?: true;
}

interface VisitOptions {
  readonly mayReplace: boolean;
  /** Who is to sign in. */
  readonly user: string | undefined;
}

class Visit {
  readonly #mayReplace: boolean;
  readonly #user: string | undefined;
  readonly #isTerminal: boolean;
  readonly #screen: LobbyScreen;
  #client: LobbyClient | undefined;
  #hasFile = false;
  #hasFailed = false;
  #error: OutcryError | undefined;

  constructor({ mayReplace, user }: VisitOptions) {
    const { stdin, stdout } = process;
    this.#mayReplace = mayReplace;
    this.#user = user;
    this.#isTerminal = Boolean(stdin.isTTY && stdout.isTTY);
    this.#screen = new LobbyScreen({
      input: stdin,
      output: stdout,
      isTerminal: this.#isTerminal,
      onInterrupt: () => this.#interrupt(),
    });
  }

  async run(address: Address): Promise<number> {
    const screen = this.#screen;
    const lines = screen.lines();
    try {
      const user = this.#user === undefined ? undefined : await this.#askPassword(this.#user, lines);
      const client = await this.#connect(address, user);
      process.once('SIGINT', () => this.#interrupt());
      screen.prompt = { text: `${client.name}: ` };
      for await (const line of lines) {
        const command = parseCommand(line, client.name);
        if (command.type === 'bye') break;
        await this.#obey(client, command, line);
      }
    } finally {
      screen.close();
    }
    if (this.#error !== undefined) throw this.#error;
    await this.#client?.bye();
    return this.#hasFailed && !this.#isTerminal ? EXIT_FAILED : EXIT_DONE;
  }

  async #askPassword(text: string, lines: AsyncGenerator<string, void>): Promise<Credentials> {
    const name = userName(text);
    if (name === undefined) throw new OutcryError(REFUSALS.name.code, REFUSALS.name.message);
    this.#screen.prompt = { text: `Password of ${name}: `, isSecret: true };
    const { value } = await lines.next();
    const password = value ?? '';
    if (passwordBytes(password) === undefined)
      throw new OutcryError(REFUSALS.password.code, REFUSALS.password.message);
    return { name, password };
  }

  async #connect(address: Address, user: Credentials | undefined): Promise<LobbyClient> {
    const screen = this.#screen;
    const listener: LobbyListener = {
      onHeard: (text) => screen.print(text),
      onOver: (error) => {
        this.#error = error;
        screen.close();
      },
    };
    const client = await LobbyClient.connect(address, listener, user);
    this.#client = client;
    screen.print(`You are ${client.name}.${this.#isTerminal ? ' Type help to see what can be said.' : ''}`);
    return client;
  }

  async #obey(
    client: LobbyClient,
    command: Exclude<LobbyCommand, { type: 'bye' }>,
    line: string,
  ): Promise<void> {
    switch (command.type) {
      case 'nothing':
        break;
      case 'help':
        for (const text of LOBBY_HELP) this.#screen.print(text);
        break;
      case 'wrong':
        this.#complain(`it is used so: ${command.usage}`);
        break;
      case 'status':
        await client.ask({ type: 'status' }, this.#printReply());
        break;
      case 'line':
        await client.ask({ type: 'line', line, text: command.text }, this.#printReply());
        break;
      case 'get': {
        const wanted = { ...command, mayReplace: this.#mayReplace };
        await this.#exchange(() => fetchFile(client, this.#screen, wanted));
        break;
      }
      case 'put':
        await this.#exchange(() => sendFile(client, this.#screen, command.file));
    }
  }

  /** Blank lines before and behind a reply are left out. */
  #printReply(): ReplyTaker {
    let blanks: string[] | undefined;
    return (event) => {
      if (event.type !== 'reply') return;
      if (event.text === '') blanks?.push('');
      else {
        for (const text of [...(blanks ?? []), event.text]) this.#screen.print(text);
        blanks = [];
      }
    };
  }

  /** What is wrong with a file does not end the visit. */
  async #exchange(work: () => Promise<string>): Promise<void> {
    this.#hasFile = true;
    try {
      this.#screen.print(await work());
    } catch (error) {
      if (!(error instanceof OutcryError) || this.#client?.isOver) throw error;
      this.#complain(error.message);
    } finally {
      this.#hasFile = false;
    }
  }

  #complain(message: string): void {
    this.#hasFailed = true;
    process.stderr.write(`outcry: ${printable(message)}\n`);
  }

  /** Leaves: at once where a file would have to be waited for. */
  #interrupt(): void {
    const error = new OutcryError('ERR_CONNECTION_LOST', 'interrupted; nothing of the file is kept');
    if (this.#hasFile) this.#client?.abandon(error);
    else this.#screen.close();
  }
}
