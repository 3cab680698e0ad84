/**
 * A client of a simulated server that posts requests, one after the other, each under a key of its own: again and again
 * until it is answered, and now and then once more. What it is answered is what the plan says, whichever attempt it is.
 */
import assert from 'node:assert/strict';
import type { Random } from '../../../workers/runtime/random.ts';
import type { Move, Participant } from '../../../workers/runtime/simulation.ts';
import type { Gateway } from '../gateway.ts';
import { type PostRequest, REQUEST_SESSIONS, type RequestAnswer } from './request-session.ts';
import type { PlannedRequest, RequestPlan } from './workload.ts';

/** How long it waits for an answer; some are so impatient that the one before is still on its way. */
const PATIENCE_MS = [5, 200, 5000] as const;
const PAUSE_MAX_MS = 1000;

export interface RequestClientOptions {
  readonly plan: RequestPlan;
  readonly gateway: Gateway;
  readonly random: Random;
  readonly startsMs: number;
  /** All of the request is stored. */
  readonly onAnswered: (request: PlannedRequest) => void;
}

export class RequestClient implements Participant {
  /** Attempts that were not the first of a request. */
  retries = 0;
  readonly #options: RequestClientOptions;
  /** Index of the request that is next. */
  #next = 0;
  #attempts = 0;
  #alarmMs: number;

  constructor(options: RequestClientOptions) {
    this.#options = options;
    this.#alarmMs = options.startsMs;
  }

  get plan(): RequestPlan {
    return this.#options.plan;
  }

  get isDone(): boolean {
    return this.#next === this.plan.requests.length;
  }

  /** Where it is, for a failure's text. */
  toString(): string {
    return `${this.plan.id} has ${this.#next} of ${this.plan.requests.length} answers, attempts ${this.#attempts}`;
  }

  get dueMs(): number {
    return this.isDone ? Infinity : this.#alarmMs;
  }

  addMoves(moves: Move[], nowMs: number): void {
    if (this.dueMs <= nowMs) moves.push(this.#send);
  }

  readonly #send = (): void => {
    const { gateway, random } = this.#options;
    if (!gateway.isListening) {
      this.#pause();
      return;
    }
    const request = this.plan.requests[this.#next] as PlannedRequest;
    const { key, transactions } = request;
    if (this.#attempts++ > 0) this.retries++;
    const attempt: PostRequest = { type: 'post', key, transactions };
    const index = this.#next;
    gateway.ask<PostRequest, RequestAnswer>(random.pick(REQUEST_SESSIONS), attempt, (answer) => {
      if (index === this.#next) this.#onAnswer(request, answer.ok ? answer.value : { type: 'failed' });
    });
    this.#alarmMs = gateway.simulation.nowMs + random.pick(PATIENCE_MS);
  };

  #onAnswer(request: PlannedRequest, answer: RequestAnswer): void {
    if (answer.type === 'failed') {
      this.#pause();
      return;
    }
    assert.deepEqual(answer, request.outcome, `${request.key} of ${this.plan.id}`);
    this.#next++;
    this.#attempts = 0;
    this.#alarmMs = this.#options.gateway.simulation.nowMs;
    this.#options.onAnswered(request);
  }

  #pause(): void {
    const { gateway, random } = this.#options;
    this.#alarmMs = gateway.simulation.nowMs + 1 + random.below(PAUSE_MAX_MS);
  }
}
