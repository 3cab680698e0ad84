/** Whose step it is. */
import { CLIENT, isMessageStep, type Step } from '../../src/protocol/ouch-inputs/input.ts';

/** Undefined if it is about no client. */
export function clientOf(step: Step): string | undefined {
  if (step.as !== undefined) return step.as;
  const isOwn =
    isMessageStep(step) || step.expect !== undefined || 'disconnect' in step || 'reconnect' in step;
  return isOwn ? CLIENT : undefined;
}
