import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { lockUser, type UserRow } from '../users/index.ts';
import { findSession } from './store.ts';

/**
 * Locks the user behind a session, for a change of what the account is entered by. Behind the lock it is known whether
 * the session still stands: one that ended elsewhere a moment ago, or beside this very change, changes nothing.
 */
export async function lockOwner(tx: Tx, { sessionId, user }: Pick<Principal, 'sessionId' | 'user'>): Promise<UserRow> {
  await lockUser(tx, user.id);
  const row = await findSession(tx, sessionId);
  if (row === undefined || row.ended_at !== null || row.status !== 'active' || row.id !== user.id)
    throw new Refusal('session_revoked');
  return row;
}
