/** Settings of users for tests that are about something else. */
import type { UsersSettings } from '../../src/protocol/host-task.ts';

export const USERS_SETTINGS: UsersSettings = {
  parameters: { N: 16_384, r: 8, p: 1 },
  usersMax: 100,
  isSignUpOpen: true,
  nameFailuresMax: 5,
  addressFailuresMax: 20,
  tokenMs: 3_600_000,
};
