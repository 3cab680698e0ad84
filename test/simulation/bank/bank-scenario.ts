/** A bank with clients that upload, that send lines, and that post requests. */

import { LineFramer } from '../../../src/line-framer.ts';
import { LEDGER_ADDRESSES, LEDGER_SHARDS, TALLY_ADDRESS } from '../../../src/protocol/bank.ts';
import { hostIndexOf } from '../../../src/values/address.ts';
import { startBank } from '../../../workers/ledger/bank-service.ts';
import { homeOf } from '../../../workers/ledger/uploads.ts';
import { STOP_ON_FAULT } from '../../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../../workers/runtime/actor-system.ts';
import type { Random } from '../../../workers/runtime/random.ts';
import type { Client, Counts, Scenario } from '../scenario.ts';
import type { StoreImage } from '../simulated-store.ts';
import type { World } from '../world.ts';
import {
  checkAcknowledged,
  checkAnswered,
  checkBalances,
  checkClients,
  checkRecovery,
  checkRequests,
  checkStored,
} from './checks.ts';
import { PlainClient } from './plain-client.ts';
import { type Recovered, recover, snapshotOf } from './recovery.ts';
import { RequestClient } from './request-client.ts';
import { REQUEST_SESSIONS, RequestSession } from './request-session.ts';
import { ACCOUNTS_MAX, HASH_KEY, UPLOADS_MAX } from './settings.ts';
import { UploadClient } from './upload-client.ts';
import {
  drawUpload,
  LINE_LENGTH_MAX,
  PlainPlan,
  type PlannedRequest,
  RequestPlan,
  type UploadPlan,
} from './workload.ts';

const BANK = { lineLengthMax: LINE_LENGTH_MAX, accountsMax: ACCOUNTS_MAX, hashKey: HASH_KEY };

export class BankScenario implements Scenario {
  readonly doors = { bank: { createFramer: () => new LineFramer(LINE_LENGTH_MAX) } };
  /** Those of uploads and requests. */
  readonly clients: Client[] = [];
  readonly #random: Random;
  readonly #plans: readonly UploadPlan[];
  readonly #uploads: UploadClient[] = [];
  readonly #plain: PlainClient[] = [];
  readonly #requests: RequestClient[] = [];
  /**
   * The server remembers one upload of each home, and all have the same home: what it forgets counts twice, and its
   * client gives up. Only that all come to an end, and that it is recovered as it was, can be expected.
   */
  readonly #isForgetful: boolean;
  #mayLosePlain = false;
  #acknowledgements = 0;
  #answers = 0;
  #world: World | undefined;

  constructor(random: Random) {
    this.#random = random;
    this.#isForgetful = random.chance(0.05);
    this.#plans = Array.from({ length: 1 + random.below(4) }, (_, i) =>
      drawUpload(random, this.#isForgetful ? idAtHome(`up${i}`, 0) : `up${i}`),
    );
  }

  startHost(system: ActorSystem) {
    const bank = startBank(system, {
      ...BANK,
      uploadsMax: this.#isForgetful ? LEDGER_SHARDS : UPLOADS_MAX,
    });
    for (const address of REQUEST_SESSIONS) {
      if (hostIndexOf(address, system.hostCount) !== system.hostIndex) continue;
      system.spawnRoot(address, { create: () => new RequestSession(), supervision: STOP_ON_FAULT });
    }
    return { bank };
  }

  join(world: World): void {
    this.#world = world;
    const random = this.#random;
    for (const plan of this.#plans) this.#joinUploads(world, plan);
    const { network, gateway, simulation } = world;
    for (let i = random.below(3); i > 0; i--) {
      const client = new PlainClient(new PlainPlan(random, `plain${i}`), network, random, random.below(20));
      this.#plain.push(client);
      simulation.join(client);
    }
    for (let i = random.below(3); i > 0; i--) {
      const client = new RequestClient({
        plan: new RequestPlan(random, `req${i}`),
        gateway,
        random,
        startsMs: random.below(20),
        onAnswered: (request) => this.#onAnswered(request),
      });
      this.#requests.push(client);
    }
    this.clients.push(...this.#uploads, ...this.#requests);
    for (const client of this.clients) simulation.join(client);
  }

  restartClient(): void {
    this.#random.pick(this.#uploads).restart();
  }

  onCrash(): void {
    this.#mayLosePlain = true;
  }

  checkStored(images: readonly StoreImage[]): void {
    this.#checkStored(recover(images));
  }

  checkEnd(images: readonly StoreImage[]): void {
    const recovered = recover(images);
    checkRecovery(recovered, this.#living());
    this.#checkStored(recovered);
    if (this.#isForgetful) return;
    checkClients(this.#plans, this.#uploads);
    checkBalances(this.#plans, this.#requestPlans, this.#plain, recovered, { mayLose: this.#mayLosePlain });
  }

  counts(): Counts {
    return {
      acknowledgements: this.#acknowledgements,
      answers: this.#answers,
      retries: this.#requests.reduce((sum, { retries }) => sum + retries, 0),
    };
  }

  get #requestPlans(): readonly RequestPlan[] {
    return this.#requests.map(({ plan }) => plan);
  }

  #joinUploads(world: World, plan: UploadPlan): void {
    const random = this.#random;
    const rivals = random.chance(0.1) ? 2 : 1;
    for (let i = 0; i < rivals; i++) {
      const client = new UploadClient({
        plan,
        network: world.network,
        random,
        pieceMax: random.pick([5, 100, 1000]),
        // Right only for an upload of which the server has nothing yet, and at the risk that it never hears of it.
        isHasty: world.faultChance === 0 && rivals === 1 && random.chance(0.3),
        startsMs: random.below(20),
        onAcknowledged: (of, lines) => this.#onAcknowledged(of, lines),
      });
      this.#uploads.push(client);
    }
  }

  #onAcknowledged(plan: UploadPlan, lines: number): void {
    this.#acknowledgements++;
    const images = this.#world?.imagesToCheck();
    if (images !== undefined && !this.#isForgetful) checkAcknowledged(plan, lines, recover(images));
  }

  #onAnswered(request: PlannedRequest): void {
    this.#answers++;
    const images = this.#world?.imagesToCheck();
    if (images !== undefined) checkAnswered(request, recover(images));
  }

  #checkStored(recovered: Recovered): void {
    checkRequests(this.#requestPlans, recovered);
    if (!this.#isForgetful) checkStored(this.#plans, recovered);
  }

  /** The actors as they are. */
  #living(): Recovered {
    return new Map(
      [...LEDGER_ADDRESSES, TALLY_ADDRESS].map((address) => [
        address,
        snapshotOf((this.#world as World).actorAt(address)),
      ]),
    );
  }
}

/** An upload-id that begins with `name` and has the shard as its home. */
function idAtHome(name: string, shard: number): string {
  for (let i = 0; ; i++) if (homeOf(`${name}-${i}`) === shard) return `${name}-${i}`;
}
