/**
 * Passwords: which may be chosen, how they are hashed, and whether one is right. This is the only room that knows the
 * hashing libraries. It owns no table: the hash is a string in the user's row. Throttling guesses and deciding who may
 * try are other nouns' business; what is bounded here is the work (one pool for login, registration and reset).
 */

export type { PasswordMetrics, Passwords, PasswordsDeps, Verification } from './passwords.ts';
export { createPasswords } from './passwords.ts';
export type { BreachOutcome, PasswordOwner } from './policy.ts';
export type { PoolStats } from './pool.ts';
export type { HashKind, Inspection } from './stored.ts';
export { inspectHash } from './stored.ts';
