import { sha256 } from '../../lib/bytes.ts';
import { uuidv7 } from '../../lib/id.ts';
import { randomToken } from '../../lib/random.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Sql, Tx } from '../../platform/db/index.ts';
import { endOwnerless, endTokens, endTokensSince, insertToken, type OneTimeRow, peekToken, useToken } from './store.ts';

export { deleteExpiredTokens, type OneTimeRow } from './store.ts';

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
} as const;

export type Purpose = keyof typeof purposes;

export async function issueOneTime(
  tx: Tx,
  purpose: Purpose,
  subject: { userId: string | null; flow?: string; data?: Record<string, string> },
  now: number,
): Promise<string> {
  const { prefix, lifetime } = purposes[purpose];
  const token = randomToken(prefix);
  await insertToken(tx, {
    id: uuidv7(now),
    hash: sha256(token),
    purpose,
    userId: subject.userId,
    flow: subject.flow ?? null,
    data: subject.data ?? {},
    now: new Date(now),
    expiresAt: new Date(now + lifetime * 1000),
  });
  return token;
}

/** Uses the value up, or refuses with the one answer for every reason. */
export async function useOneTime(tx: Tx, purpose: Purpose, token: string, now: number): Promise<OneTimeRow> {
  const row = token.length <= 200 ? await useToken(tx, sha256(token), purpose, new Date(now)) : undefined;
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
