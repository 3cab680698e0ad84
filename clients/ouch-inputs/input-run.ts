/** One input with its own connections, whatever is in it; what all inputs of a run share. */
import type { Semaphore } from 'async-mutex';
import { monotonicMs } from '../../src/values/clock.ts';
import type { Barriers } from './barriers.ts';
import { type Door, type DoorListener, type Login, openDoor } from './door.ts';
import type { Failure } from './failure.ts';
import type { Rate } from './rate.ts';
import type { Survey } from './read.ts';
import type { Pace } from './run.ts';
import { Latency, Tally } from './statistics.ts';
import type { Target } from './target.ts';

export interface RunContext {
  readonly timeoutMs: number;
  readonly repeat: number;
  readonly rate: Rate | undefined;
  readonly pace: Pace | undefined;
  readonly barriers: Barriers;
  /** So many connections are made at a time. */
  readonly connecting: Semaphore;
  /** An input begins. */
  onBegin(): void;
  onSent(count: number): void;
}

export abstract class InputRun {
  readonly survey: Survey;
  protected readonly context: RunContext;
  readonly #opening = new Set<() => void>();
  readonly #logins: ReadonlyMap<string, Login>;
  readonly tally = new Tally();
  readonly latency = new Latency();
  failure: Failure | undefined;
  /** Why messages may have been ignored. */
  hint: string | undefined;
  isInterrupted = false;
  /** Undefined if it has not begun. */
  beganMs: number | undefined;
  endedMs = 0;

  constructor(survey: Survey, logins: ReadonlyMap<string, Login>, context: RunContext) {
    this.survey = survey;
    this.#logins = logins;
    this.context = context;
  }

  /** Resolves when it is done, has failed, or is interrupted. */
  async run(): Promise<void> {
    try {
      await this.play();
    } finally {
      this.endedMs = monotonicMs();
    }
  }

  /** Ends it where it is. */
  abstract interrupt(): void;

  protected abstract play(): Promise<void>;

  protected begin(): void {
    this.beganMs = monotonicMs();
    this.context.onBegin();
  }

  protected targetOf(client: string): Target {
    return this.survey.target(client, this.survey.header);
  }

  /** As it connects for the first time. */
  protected loginOf(client: string): Login {
    return this.#logins.get(client) ?? { user: '', password: '', session: '', sequence: undefined };
  }

  /** Of a client that was to hear only what is new: so many messages were told to its account before. */
  protected noteHeard(client: string, heard: number): void {
    const { user, sequence } = this.loginOf(client);
    if (sequence !== undefined || heard === 0) return;
    const messages = heard === 1 ? 'a message' : `${heard} messages`;
    this.hint ??= `${user} was told ${messages} in this session before; tokens that it has used are ignored: let another user log in`;
  }

  /**
   * Opens a door when few enough others are being opened; `use` gets it ahead of anything that the listener is told.
   * Resolves when it is open, or is known not to open.
   */
  protected async open(
    client: string,
    login: Login,
    listener: DoorListener,
    use: (door: Door) => void,
  ): Promise<void> {
    const { connecting, timeoutMs } = this.context;
    const [, release] = await connecting.acquire();
    if (!this.isInterrupted) {
      await new Promise<void>((resolve) => {
        this.#opening.add(resolve);
        const settle = () => {
          this.#opening.delete(resolve);
          resolve();
        };
        const told: DoorListener = {
          ...listener,
          onReady: (session, heard) => {
            listener.onReady(session, heard);
            settle();
          },
          onOver: (error) => {
            listener.onOver(error);
            settle();
          },
        };
        use(openDoor(this.targetOf(client), login, timeoutMs, told));
      });
    }
    release();
  }

  /** Who waits for a door to open waits no more. */
  protected stopOpening(): void {
    for (const resolve of this.#opening) resolve();
    this.#opening.clear();
  }
}
