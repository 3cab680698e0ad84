/** Test inputs as a test writes them: files in a folder of their own, and what came of them at some exchange. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Survey, survey } from '../../clients/ouch-inputs/read.ts';
import { type RunOptions, type RunReport, runInputs } from '../../clients/ouch-inputs/run.ts';
import { SpoolFile } from '../../clients/ouch-inputs/spool.ts';
import { targetsAt, type VenueOptions } from '../../clients/ouch-inputs/target.ts';
import type { Input, Step } from '../../src/protocol/ouch-inputs/input.ts';

export interface PlayOptions extends Partial<Omit<VenueOptions, 'port'>>, Partial<RunOptions> {
  readonly port: number;
  readonly noCheck?: boolean;
}

/** An order to buy 100 BTC at 2300.0, but for what is said. */
export function enter(order_token: number, rest: object = {}): Step {
  return {
    message_type: 'O',
    order_token,
    buy_sell_indicator: 'B',
    quantity: 100,
    orderbook_id: 1,
    price: 2300,
    ...rest,
  };
}

export class InputFolder implements AsyncDisposable {
  readonly path: string;
  readonly spools: SpoolFile;

  private constructor(path: string, spools: SpoolFile) {
    this.path = path;
    this.spools = spools;
  }

  static async create(): Promise<InputFolder> {
    return new InputFolder(await mkdtemp(join(tmpdir(), 'outcry-inputs-')), await SpoolFile.create());
  }

  /** Returns its path. */
  async write(name: string, input: Input | string): Promise<string> {
    const path = join(this.path, name);
    await writeFile(path, typeof input === 'string' ? input : JSON.stringify(input, undefined, 2));
    return path;
  }

  async survey(file: string, options: PlayOptions): Promise<Survey> {
    const target = targetsAt({ host: '127.0.0.1', rawPort: options.port, isRaw: false, ...options });
    return survey(file, { target, spools: this.spools, noCheck: options.noCheck === true });
  }

  /** By the names of their files, in order. */
  async play(inputs: Readonly<Record<string, Input>>, options: PlayOptions): Promise<RunReport> {
    const surveys: Survey[] = [];
    for (const [name, input] of Object.entries(inputs)) {
      surveys.push(await this.survey(await this.write(name, input), options));
    }
    return runInputs(surveys, { users: ['TRADE#'], password: 'OUTCRY', timeoutMs: 5000, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.spools[Symbol.asyncDispose]();
    await rm(this.path, { recursive: true });
  }
}

/** What became of each, in a line: `done`, or the failure. */
export function outcomes({ results }: RunReport): string[] {
  return results.map(({ failure, isInterrupted }) => {
    if (failure === undefined) return isInterrupted ? 'stopped' : 'done';
    const { what, step, client = '-', error } = failure;
    return `${what} in ${step} of ${client}${error === undefined ? '' : `: ${error.message}`}`;
  });
}
