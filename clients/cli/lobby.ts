/** `outcry lobby`: talk to the others in the lobby, and exchange files, by hand or through a pipe. */
import { argumentsOf, createFlags, parseFlags, parsePort } from '../../src/protocol/command-line.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { EXIT_DONE, EXIT_FAILED } from './failure.ts';
import { LobbyClient, type ReplyTaker } from './lobby-client.ts';
import { LOBBY_HELP, type LobbyCommand, parseCommand } from './lobby-commands.ts';
import { fetchFile, sendFile } from './lobby-files.ts';
import { LobbyScreen } from './lobby-screen.ts';

const LOBBY_PORT = '65433';

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry lobby',
    usage: '[--host H] [--port P] [--force]',
    summary:
      'Talk to the others in the lobby of a server, and exchange files: type help. Lines may come through a pipe; ' +
      'then the exit code is 1 if a file could not be had or sent.',
  })
    .option('--host <host>', 'the host of the lobby', '127.0.0.1')
    .option('--port <port>', 'the port of the lobby', LOBBY_PORT)
    .option('--force', 'get replaces files that are there already');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const { host, port, force = false } = flags.opts<{ host: string; port: string; force?: true }>();
  const visit = new Visit({ mayReplace: force });
  return visit.run({ host, port: parsePort(port, { min: 1 }) });
}

class Visit {
  readonly #mayReplace: boolean;
  readonly #isTerminal: boolean;
  readonly #screen: LobbyScreen;
  #client: LobbyClient | undefined;
  #hasFile = false;
  #hasFailed = false;
  #error: OutcryError | undefined;

  constructor({ mayReplace }: { readonly mayReplace: boolean }) {
    const { stdin, stdout } = process;
    this.#mayReplace = mayReplace;
    this.#isTerminal = Boolean(stdin.isTTY && stdout.isTTY);
    this.#screen = new LobbyScreen({
      input: stdin,
      output: stdout,
      isTerminal: this.#isTerminal,
      onInterrupt: () => this.#interrupt(),
    });
  }

  async run(address: { readonly host: string; readonly port: number }): Promise<number> {
    const screen = this.#screen;
    const client = await LobbyClient.connect(address, {
      onHeard: (text) => screen.print(text),
      onOver: (error) => {
        this.#error = error;
        screen.close();
      },
    });
    this.#client = client;
    process.once('SIGINT', () => this.#interrupt());
    screen.print(`You are ${client.name}.${this.#isTerminal ? ' Type help to see what can be said.' : ''}`);
    try {
      for await (const line of screen.lines(`${client.name}: `)) {
        const command = parseCommand(line, client.name);
        if (command.type === 'bye') break;
        await this.#obey(client, command, line);
      }
    } finally {
      screen.close();
    }
    if (this.#error !== undefined) throw this.#error;
    await client.bye();
    return this.#hasFailed && !this.#isTerminal ? EXIT_FAILED : EXIT_DONE;
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
