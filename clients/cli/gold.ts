/** `outcry gold`: look up gold rates, by hand or through a pipe. */
import { argumentsOf, createFlags, parseFlags, parsePort } from '../../src/protocol/command-line.ts';
import { REFUSALS } from '../../src/protocol/users.ts';
import { columnsOf } from '../../src/values/columns.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { userName } from '../../src/values/user-name.ts';
import { EXIT_DONE } from './failure.ts';
import { GoldClient } from './gold-client.ts';
import { formatAnswer } from './gold-screen.ts';
import { LobbyScreen, type Prompt } from './lobby-screen.ts';

const THIS_MACHINE = '127.0.0.1';
/** What the original client's users type for it. */
const THIS_MACHINE_WORD = 'myip';
const GOLD_PORT = '8888';

const EXAMPLES = `
What can be typed:
  -signup, -signin, then: khtn daihoc tphcm  an account, and the way in
  2025-01-02 SJC                             the rates of a day
  2025-01-02..2025-01-09 SJC                 from day to day
  -help                                      all of it

Examples:
  outcry gold                                asks where the server is
  outcry gold --user khtn                    signs in first
  echo "-latest" | outcry gold --host 10.0.0.5
  outcry gold import data.json               loads rates; it has a --help
`;

const ADDRESS_PROMPT: Prompt = { text: `Server address (${THIS_MACHINE_WORD} for this machine): ` };
const PROMPT: Prompt = { text: 'gold: ' };
const CREDENTIALS_PROMPT: Prompt = { text: 'user and password: ', isSecret: true };
/** Behind it the next line has a password in it. */
const ASKS_FOR_CREDENTIALS = /^\s*-sign(?:in|up)\s*$/i;
const SEEN =
  'the password would be seen as it is typed: leave the output on the terminal, or use --user and a pipe';
const QUIT = /^\s*-quit\s*$/i;
const ERROR = /^ERROR /;

interface Flags {
  readonly host?: string;
  readonly port: string;
  readonly user?: string;
}

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry gold',
    usage: '[--host H] [--port P] [--user NAME]',
    summary:
      'Look up gold rates by their date, and see them change. Lines may come through a pipe; with --user the first one is ' +
      'the password.',
  })
    .option('--host <host>', 'the host of the server (asked for on a terminal)')
    .option('--port <port>', 'the port of the gold service', GOLD_PORT)
    .option('--user <name>', 'sign in as this user; the password is asked for')
    .addHelpText('after', EXAMPLES);
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const { host, port, user } = flags.opts<Flags>();
  if (user !== undefined && userName(user) === undefined) {
    throw new OutcryError('ERR_USAGE', `--user is "${user}"; ${REFUSALS.name.message}`);
  }
  return new Visit(parsePort(port, { min: 1 }), user).run(host);
}

class Visit {
  readonly #port: number;
  readonly #user: string | undefined;
  readonly #isTerminal: boolean;
  /** A terminal shows what is typed unless it is ours as a whole. */
  readonly #isEchoed: boolean;
  readonly #screen: LobbyScreen;
  #client: GoldClient | undefined;
  #isInterrupted = false;
  #error: OutcryError | undefined;

  constructor(port: number, user: string | undefined) {
    const { stdin, stdout } = process;
    this.#port = port;
    this.#user = user;
    this.#isTerminal = Boolean(stdin.isTTY && stdout.isTTY);
    this.#isEchoed = Boolean(stdin.isTTY) && !this.#isTerminal;
    this.#screen = new LobbyScreen({
      input: stdin,
      output: stdout,
      isTerminal: this.#isTerminal,
      onInterrupt: () => this.#interrupt(),
      onTyped: (line) => this.#onTyped(line),
    });
  }

  async run(host: string | undefined): Promise<number> {
    if (this.#user !== undefined && this.#isEchoed) throw new OutcryError('ERR_USAGE', SEEN);
    const screen = this.#screen;
    process.once('SIGINT', () => this.#interrupt());
    const lines = screen.lines();
    try {
      const client =
        host === undefined && this.#isTerminal
          ? await this.#find(lines)
          : await this.#connect(addressOf(host ?? THIS_MACHINE));
      if (client !== undefined) await this.#talk(client, lines);
    } catch (error) {
      if (!this.#isInterrupted) throw error;
    } finally {
      screen.close();
      this.#client?.hangUp();
    }
    if (this.#error !== undefined) throw this.#error;
    return EXIT_DONE;
  }

  /** Asks for the address until it is one; undefined if nobody answers that. */
  async #find(lines: AsyncGenerator<string>): Promise<GoldClient | undefined> {
    for (;;) {
      this.#screen.prompt = ADDRESS_PROMPT;
      const { value, done } = await lines.next();
      if (done) return undefined;
      try {
        return await this.#connect(addressOf(value));
      } catch (error) {
        if (!(error instanceof OutcryError) || this.#isInterrupted) throw error;
        this.#complain(messageOf(error));
      }
    }
  }

  async #connect(host: string): Promise<GoldClient> {
    const client = new GoldClient(
      { host, port: this.#port },
      {
        onHeard: (lines) => this.#print('', lines),
        onLost: (error) => {
          this.#error = error;
          this.#screen.close();
        },
      },
    );
    this.#client = client;
    this.#print('', await client.greet());
    return client;
  }

  async #talk(client: GoldClient, lines: AsyncGenerator<string>): Promise<void> {
    // What was typed ahead may have asked for credentials.
    if (this.#screen.prompt !== CREDENTIALS_PROMPT) this.#screen.prompt = PROMPT;
    if (this.#user !== undefined && !(await this.#signIn(client, this.#user, lines))) return;
    for await (const line of lines) {
      if (QUIT.test(line)) {
        this.#print('', await client.quit());
        return;
      }
      if (this.#isEchoed && ASKS_FOR_CREDENTIALS.test(line)) this.#complain(SEEN);
      else this.#print(line, await client.ask(line));
    }
    if (this.#error === undefined && !this.#isInterrupted) await client.quit();
  }

  /** False if there was no line with the password. Throws ERR_USER_DENIED if it is wrong and nobody could try again. */
  async #signIn(client: GoldClient, user: string, lines: AsyncGenerator<string>): Promise<boolean> {
    this.#screen.prompt = { text: `password of ${printable(user)}: `, isSecret: true };
    const { value, done } = await lines.next();
    if (done) return false;
    await client.ask('-signin');
    const answer = await client.ask(`${user} ${value}`);
    const refusal = answer.find((line) => ERROR.test(line));
    if (refusal !== undefined && !this.#isTerminal) {
      throw new OutcryError('ERR_USER_DENIED', refusal.replace(ERROR, ''));
    }
    this.#print('', answer);
    return true;
  }

  /** A password that is typed ahead is not to be seen either. */
  #onTyped(line: string): void {
    const { prompt } = this.#screen;
    if (prompt.isSecret) this.#screen.prompt = PROMPT;
    else if (ASKS_FOR_CREDENTIALS.test(line)) this.#screen.prompt = CREDENTIALS_PROMPT;
  }

  #print(request: string, answer: readonly string[]): void {
    const width = columnsOf(process.stdout, process.env);
    for (const line of formatAnswer(request, answer, width)) this.#screen.print(line);
  }

  #complain(message: string): void {
    process.stderr.write(`outcry: ${printable(message)}\n`);
  }

  #interrupt(): void {
    this.#isInterrupted = true;
    this.#screen.close();
    this.#client?.hangUp();
  }
}

function addressOf(answer: string): string {
  const host = answer.trim();
  return host === '' || host.toLowerCase() === THIS_MACHINE_WORD ? THIS_MACHINE : host;
}
