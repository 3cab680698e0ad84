/** The actor around the hall: it watches the sessions, and passes on what they say. */
import { Packr } from 'msgpackr';
import type { LobbyAnswers, LobbyCommand, LobbyNotice } from '../../src/protocol/lobby.ts';
import { OPERATOR } from '../../src/protocol/lobby.ts';
import type { Address } from '../../src/values/address.ts';
import { printable } from '../../src/values/printable.ts';
import type { Context, DurableActor } from '../runtime/actor.ts';
import { Hall, type HallEvent } from './hall.ts';

type HallMessage = LobbyCommand | { readonly type: 'gone'; readonly session: Address };
type HallContext = Context<HallMessage>;

const packr = new Packr({ useRecords: false });

export class HallActor implements DurableActor<HallMessage, HallEvent> {
  readonly #hall: Hall;

  constructor(clientsMax: number) {
    this.#hall = new Hall(clientsMax);
  }

  get figures(): Readonly<Record<string, number>> {
    return { 'names given': this.#hall.count };
  }

  receive(command: HallMessage, context: HallContext): readonly HallEvent[] | undefined {
    switch (command.type) {
      case 'join':
        return this.#onJoin(command, context);
      case 'leave':
        this.#hall.leave(command.session);
        context.reply(null satisfies LobbyAnswers['leave']);
        break;
      case 'say': {
        const { session, from, text } = command;
        const others = this.#hall.othersThan(session);
        this.#pass(this.#hall.speakerOf(session, printable(from).trim()), text, others, context);
        break;
      }
      case 'broadcast':
        this.#pass(OPERATOR, command.text, this.#hall.othersThan(), context);
        break;
      case 'listen':
        this.#hall.listen(command.session);
        this.#watch(command.session, context);
        context.reply(null satisfies LobbyAnswers['listen']);
        break;
      case 'unlisten':
        this.#hall.unlisten(command.session);
        context.reply(null satisfies LobbyAnswers['unlisten']);
        break;
      case 'gone':
        this.#hall.leave(command.session);
        this.#hall.unlisten(command.session);
    }
    return undefined;
  }

  apply(event: HallEvent): void {
    this.#hall.apply(event);
  }

  snapshot(): Iterable<Uint8Array> {
    return [packr.pack(this.#hall.count)];
  }

  restore([piece]: readonly Uint8Array[]): void {
    this.#hall.count = packr.unpack(piece as Uint8Array);
  }

  #onJoin({ session, name }: LobbyCommand & { type: 'join' }, context: HallContext): readonly HallEvent[] {
    const given = this.#hall.enter(session, name);
    context.reply({ name: given } satisfies LobbyAnswers['join']);
    if (given === null) return [];
    this.#watch(session, context);
    return this.#hall.decide(given);
  }

  #pass(from: string, text: string, sessions: readonly Address[], context: HallContext): void {
    const { timeMs } = context;
    const notice: LobbyNotice = { type: 'lobby-message', from, text: printable(text), timeMs };
    for (const session of sessions) context.tell(context.refer<LobbyNotice>(session), notice);
    context.reply({ listeners: sessions.length } satisfies LobbyAnswers['say']);
  }

  /** Whether it is there at all is told at once: a session may stop while its word is on its way here. */
  #watch(session: Address, context: HallContext): void {
    context.watch(context.refer(session), { type: 'gone', session });
  }
}
