import { sha256 } from '../../lib/bytes.ts';
import { uuidv7 } from '../../lib/id.ts';
import { randomToken } from '../../lib/random.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Sql, Tx } from '../../platform/db/index.ts';
import {
  endOwnerless,
  endTokens,
  endTokensSince,
  insertToken,
  type OneTimeRow,
  peekToken,
  spendTry,
  type TriedRow,
  useById,
  useToken,
} from './store.ts';

export { deleteExpiredTokens, type OneTimeRow, putSecret, type TriedRow, takeUnfinished } from './store.ts';

/**
 * Values that work once. Each is bound to one purpose when it is made, and only that purpose's endpoint can use it: a
 * link for one thing is nothing anywhere else (I-009). Lifetimes in seconds; the prefix only helps who reads a log.
 */
const purposes = {
  'verify-email': { prefix: 've', lifetime: 24 * 3600 },
  'choose-password': { prefix: 'cp', lifetime: 24 * 3600 },
  'reset-password': { prefix: 'rp', lifetime: 3600 },
  'confirm-email': { prefix: 'ce', lifetime: 24 * 3600 },
  'undo-email': { prefix: 'ue', lifetime: 7 * 24 * 3600 },
  setup: { prefix: 'su', lifetime: 24 * 3600 },
  /** A sign-in that waits for its second factor. */
  mfa: { prefix: 'mf', lifetime: 600 },
  /** A sign-in that waits for a second factor to be enrolled. */
  'mfa-enrolment': { prefix: 'en', lifetime: 1800 },
  /** The code by mail that is a second factor; the flow is the `mfa` value's, or the session's. */
  'mail-factor': { prefix: 'fm', lifetime: 600 },
  'magic-link': { prefix: 'ml', lifetime: 600 },
  /** What a magic link turned into when it was opened elsewhere. */
  'magic-code': { prefix: 'mc', lifetime: 600 },
  'mail-code': { prefix: 'fl', lifetime: 600 },
  'passkey-sign-in': { prefix: 'pk', lifetime: 300 },
  'passkey-factor': { prefix: 'pf', lifetime: 300 },
  'passkey-creation': { prefix: 'pc', lifetime: 300 },
  'passkey-sign-up': { prefix: 'ps', lifetime: 300 },
  'provider-state': { prefix: 'st', lifetime: 600 },
  'provider-code': { prefix: 'oc', lifetime: 60 },
  /** An account at a provider that is linked once the local account has been proven. */
  'provider-link': { prefix: 'lk', lifetime: 900 },
  'veto-factor-reset': { prefix: 'vf', lifetime: 30 * 24 * 3600 },
} as const;

export type Purpose = keyof typeof purposes;

/** What a sign-in that is under way hangs on: it ends with a change of password, of factors, or of the account's state. */
export const SIGN_IN_PURPOSES: readonly Purpose[] = [
  'mfa',
  'mfa-enrolment',
  'mail-factor',
  'magic-link',
  'magic-code',
  'mail-code',
  'passkey-factor',
  'passkey-creation',
  'provider-state',
  'provider-code',
  'provider-link',
];

/** Wrong codes that one flow takes. */
export const TRIES = 5;

export async function issueOneTime(
  sql: Sql,
  purpose: Purpose,
  subject: {
    userId: string | null;
    /** What else must be shown with it: a handle that stayed with who asked. */
    flow?: string;
    data?: Record<string, string>;
    /** HMAC of a code that must be typed with it. */
    secretHash?: Buffer;
    /** The value itself, where something else makes it (a WebAuthn challenge). */
    value?: string;
    /** Over by then, however long its kind lives: what takes the place of something that began earlier. */
    notAfter?: number;
  },
  now: number,
): Promise<string> {
  const { prefix, lifetime } = purposes[purpose];
  const token = subject.value ?? randomToken(prefix);
  await insertToken(sql, {
    id: uuidv7(now),
    hash: sha256(token),
    purpose,
    userId: subject.userId,
    flow: subject.flow ?? null,
    data: subject.data ?? {},
    secretHash: subject.secretHash ?? null,
    now: new Date(now),
    expiresAt: new Date(Math.min(now + lifetime * 1000, subject.notAfter ?? Number.POSITIVE_INFINITY)),
  });
  return token;
}

/**
 * Uses the value up, or refuses with the one answer for every reason. One that was made with a flow takes that very flow.
 * In a transaction, where what it is used for is to happen with it or not at all.
 */
export async function useOneTime(
  sql: Sql,
  purpose: Purpose,
  token: string,
  now: number,
  flow: string | null = null,
): Promise<OneTimeRow> {
  const row = token.length <= 200 ? await useToken(sql, sha256(token), purpose, new Date(now), flow) : undefined;
  if (row === undefined) throw new Refusal('token_invalid');
  return row;
}

/** What was sent before and not used yet works no longer; how many there were. For nobody (null) it only takes the time. */
export async function endOneTime(
  tx: Tx,
  userId: string | null,
  which: readonly Purpose[],
  now: number,
): Promise<number> {
  return endTokens(tx, userId, which, new Date(now));
}

/** The same for what was made for one purpose when `row` was, or since. */
export async function endOneTimeSince(tx: Tx, row: OneTimeRow, purpose: Purpose, now: number): Promise<void> {
  await endTokensSince(tx, row, purpose, new Date(now));
}

/** What the value is about, without using it: for checks that may send its holder back to try again. */
export async function peekOneTime(sql: Sql, purpose: Purpose, token: string, now: number): Promise<OneTimeRow> {
  const row = token.length <= 200 ? await peekToken(sql, sha256(token), purpose, new Date(now)) : undefined;
  if (row === undefined) throw new Refusal('token_invalid');
  return row;
}

/** The same for values that belong to nobody: a newer set-up link ends the earlier ones. */
export async function endOwnerlessOneTime(tx: Tx, purpose: Purpose, now: number): Promise<void> {
  await endOwnerless(tx, purpose, new Date(now));
}

/**
 * One try at a value that takes a code: counted and decided by one statement, so that parallel guesses are so many
 * tries. Undefined: there is no such flow, it is used up, over, or out of tries. A caller that refuses must let its
 * transaction commit, or the try did not happen.
 */
export async function tryOneTime(
  sql: Sql,
  purpose: Purpose,
  handle: string,
  secretHash: Buffer | null,
  now: number,
): Promise<TriedRow | undefined> {
  if (handle.length > 200) return undefined;
  return spendTry(sql, { hash: sha256(handle), purpose, secretHash, now: new Date(now), tries: TRIES });
}

/** Uses up what `tryOneTime` has found; false where somebody else did it first. */
export async function finishOneTime(tx: Tx, id: string, now: number): Promise<boolean> {
  return useById(tx, id, new Date(now));
}
