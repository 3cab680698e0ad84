/** The settings of the simulated bank. */
export const ACCOUNTS_MAX = 160_000;
export const UPLOADS_MAX = 1600;
export const HASH_KEY = [1, 2] as const;
