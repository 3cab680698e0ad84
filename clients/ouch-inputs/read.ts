/** Test inputs from their files, in constant memory: a survey of the whole file, and its steps one by one. */
import { type FileHandle, open } from 'node:fs/promises';
import { encodeInbound, type InboundMessage } from '../../src/protocol/ouch/messages.ts';
import {
  checkEnd,
  checkMember,
  checkStep,
  EMPTY_HEADER,
  type Header,
} from '../../src/protocol/ouch-inputs/check.ts';
import { isMessageStep, type Step } from '../../src/protocol/ouch-inputs/input.ts';
import { wrongAt } from '../../src/protocol/ouch-inputs/locate.ts';
import { type Piece, PieceSplitter } from '../../src/protocol/ouch-inputs/pieces.ts';
import { encodeClientPacket } from '../../src/protocol/soupbintcp/packets.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import type { ReadStep } from './machine.ts';
import type { Spool, SpoolFile } from './spool.ts';
import { clientOf } from './step-client.ts';
import type { Target, TargetOf } from './target.ts';

const CHUNK_BYTES = 64 * 1024;

export interface SurveyOptions {
  readonly target: TargetOf;
  /** Where flat inputs are kept until they are sent. */
  readonly spools: SpoolFile;
  /** Nothing is expected, whatever the file says. */
  readonly noCheck?: boolean;
}

/** What a whole file is, after every check: nothing in it is wrong. */
export interface Survey {
  readonly file: string;
  readonly header: Header;
  readonly target: TargetOf;
  readonly noCheck: boolean;
  readonly steps: number;
  /** O, U and X. */
  readonly messages: number;
  /** In the order in which they are first mentioned. */
  readonly clients: readonly string[];
  /** Those that connect by their own first step. */
  readonly late: ReadonlySet<string>;
  /** Those of which something is expected. */
  readonly checked: ReadonlySet<string>;
  /** How often each is met. */
  readonly barriers: ReadonlyMap<string, number>;
  /** The greatest one, of whatever order; −1 without any. */
  readonly lastToken: number;
  /** Nobody is left without a connection who would need one to begin again. */
  readonly isRepeatable: boolean;
  /** Messages of one client and nothing else. */
  readonly flat: Spool | undefined;
}

/** Throws ERR_INPUT. One after the other: they share the spool. */
export async function survey(file: string, options: SurveyOptions): Promise<Survey> {
  let header = EMPTY_HEADER;
  let surveyor = new Surveyor(file, options);
  /** A member that stands behind steps may be what they need to be right. */
  let isHeaderLate = false;
  let problem: unknown;
  for await (const pieces of readPieces(file)) {
    for (const piece of pieces) {
      if (piece.index === undefined) {
        header = { ...header, ...checkMember(file, piece) };
        isHeaderLate ||= surveyor.steps > 0;
      } else if (!isHeaderLate && problem === undefined) {
        try {
          surveyor.add(piece, header);
        } catch (error) {
          problem = error;
        }
      }
    }
    await surveyor.flush();
  }
  if (isHeaderLate) {
    surveyor = new Surveyor(file, options);
    for await (const pieces of readPieces(file)) {
      for (const piece of pieces) if (piece.index !== undefined) surveyor.add(piece, header);
      await surveyor.flush();
    }
  } else if (problem !== undefined) throw problem;
  checkEnd(file, header, surveyor.steps);
  return surveyor.result(header);
}

/** Reads the file again. Throws ERR_INPUT if it was changed, and is wrong now. */
export async function* steps({
  file,
  header,
  target,
  noCheck,
}: Survey): AsyncGenerator<ReadStep, void, undefined> {
  const formOf = (client: string) => target(client, header).form;
  for await (const pieces of readPieces(file)) {
    for (const piece of pieces) {
      if (piece.index === undefined) continue;
      const { step: checked, message } = checkStep(file, piece, header, formOf);
      const step = wanted(checked, noCheck);
      if (step !== undefined) yield { step, piece, message };
    }
  }
}

class Surveyor {
  readonly #file: string;
  readonly #options: SurveyOptions;
  readonly #targets = new Map<string, Target>();
  readonly #clients = new Set<string>();
  /** Without a connection, behind the last step. */
  readonly #closed = new Set<string>();
  readonly #late = new Set<string>();
  readonly #checked = new Set<string>();
  readonly #barriers = new Map<string, number>();
  readonly #spool: Spool;
  #isFlat = true;
  /** Of the spool, not written yet. */
  #packets: Uint8Array[] = [];
  #messages = 0;
  #lastToken = -1;
  steps = 0;

  constructor(file: string, options: SurveyOptions) {
    this.#file = file;
    this.#options = options;
    this.#spool = options.spools.begin();
  }

  /** Throws ERR_INPUT. */
  add(piece: Piece, header: Header): void {
    const formOf = (client: string) => this.#targetOf(client, header).form;
    const { step: checked, message } = checkStep(this.#file, piece, header, formOf);
    this.steps += 1;
    const step = wanted(checked, this.#options.noCheck === true);
    if (step === undefined) return;
    const client = clientOf(step);
    if (client !== undefined) this.#addOfClient(client, { step, piece, message }, header);
    else this.#isFlat = false;
    if ('barrier' in step) this.#barriers.set(step.barrier, (this.#barriers.get(step.barrier) ?? 0) + 1);
  }

  async flush(): Promise<void> {
    const packets = this.#packets;
    this.#packets = [];
    if (this.#isFlat && packets.length > 0) await this.#spool.append(Buffer.concat(packets));
  }

  result(header: Header): Survey {
    const { target, noCheck = false } = this.#options;
    return {
      file: this.#file,
      header,
      target,
      noCheck,
      steps: this.steps,
      messages: this.#messages,
      clients: [...this.#clients],
      late: this.#late,
      checked: this.#checked,
      barriers: this.#barriers,
      lastToken: this.#lastToken,
      isRepeatable: [...this.#closed].every((client) => this.#late.has(client)),
      flat: this.#isFlat && this.#messages > 0 ? this.#spool : undefined,
    };
  }

  #addOfClient(client: string, { step, piece, message }: ReadStep, header: Header): void {
    if (!this.#clients.has(client) && 'reconnect' in step) this.#late.add(client);
    this.#clients.add(client);
    if (step.expect !== undefined) this.#checked.add(client);
    const target = this.#targetOf(client, header);
    this.#followConnection(client, step, piece, target);
    const isTimed = step.at !== undefined || step.after !== undefined;
    if (message === undefined || step.expect !== undefined || isTimed || this.#clients.size > 1) {
      this.#isFlat = false;
    }
    if (message === undefined) return;
    this.#messages += 1;
    this.#lastToken = Math.max(this.#lastToken, ...tokensOf(message));
    if (this.#isFlat) this.#packets.push(packetOf(message, target));
  }

  #followConnection(client: string, step: Step, piece: Piece, { isRaw }: Target): void {
    if ('reconnect' in step) {
      if (isRaw && step.reconnect !== true) {
        throw wrongAt(
          this.#file,
          piece.place,
          `${client} is raw and has no sessions; expected "reconnect": true`,
        );
      }
      this.#closed.delete(client);
    } else if (this.#closed.has(client) && (isMessageStep(step) || 'disconnect' in step)) {
      throw wrongAt(this.#file, piece.place, `${client} is disconnected here; expected "reconnect" first`);
    } else if ('disconnect' in step) this.#closed.add(client);
  }

  #targetOf(client: string, header: Header): Target {
    let target = this.#targets.get(client);
    if (target === undefined) {
      target = this.#options.target(client, header);
      this.#targets.set(client, target);
    }
    return target;
  }
}

/** What of a step is to be done; undefined if it only expected something. */
function wanted(step: Step, noCheck: boolean): Step | undefined {
  if (!noCheck) return step;
  const { expect: _expected, ...rest } = step;
  return Object.keys(rest).some((name) => name !== 'as') ? rest : undefined;
}

function tokensOf(message: InboundMessage): readonly number[] {
  return message.type === 'replace' ? [message.existingToken, message.replacementToken] : [message.token];
}

function packetOf(message: InboundMessage, { isRaw }: Target): Uint8Array {
  const bytes = encodeInbound(message);
  return isRaw ? bytes : encodeClientPacket({ type: 'unsequenced', message: bytes });
}

/** All that one read has completed. Throws ERR_INPUT. */
async function* readPieces(file: string): AsyncGenerator<readonly Piece[], void, undefined> {
  const splitter = new PieceSplitter(file);
  const handle = await openInput(file);
  try {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, null).catch((cause) => {
        throw unreadable(file, cause);
      });
      if (bytesRead === 0) break;
      const pieces: Piece[] = [];
      splitter.feed(chunk.subarray(0, bytesRead), (piece) => pieces.push(piece));
      yield pieces;
    }
    splitter.end();
  } finally {
    await handle.close();
  }
}

async function openInput(file: string): Promise<FileHandle> {
  const handle = await open(file).catch((cause) => {
    throw unreadable(file, cause);
  });
  const kind = await handle.stat();
  if (kind.isFile()) return handle;
  await handle.close();
  const why = kind.isDirectory()
    ? 'is a directory; name the files in it'
    : 'is no regular file; inputs are read more than once';
  throw new OutcryError('ERR_INPUT', `${file}: ${why}`);
}

function unreadable(file: string, cause: unknown): OutcryError {
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  const why = isMissing ? 'no such file' : messageOf(cause);
  return new OutcryError('ERR_INPUT', `${file}: ${why}`, { cause });
}
