import type { Sql } from '../../platform/db/index.ts';
import { USER_COLUMNS, type UserRow } from '../users/index.ts';

/** An account at a provider that is linked to a user. */
export interface IdentityRow {
  id: string;
  user_id: string;
  provider: string;
  issuer: string;
  subject: string;
  email: string | null;
  created_at: Date;
  last_used_at: Date;
  has_tokens: boolean;
}

const COLUMNS =
  'id, user_id, provider, issuer, subject, email, created_at, last_used_at, tokens_sealed IS NOT NULL AS has_tokens';

/** False where the account at the provider is linked already, to whomever. */
export async function insertIdentity(
  sql: Sql,
  one: {
    id: string;
    userId: string;
    provider: string;
    issuer: string;
    subject: string;
    email: string | null;
    tokensSealed: string | null;
    now: Date;
  },
): Promise<boolean> {
  const count = await sql.execute(
    `INSERT INTO auth.identities (id, user_id, provider, issuer, subject, email, created_at, last_used_at, tokens_sealed)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) ON CONFLICT (issuer, subject) DO NOTHING`,
    [one.id, one.userId, one.provider, one.issuer, one.subject, one.email, one.now, one.tokensSealed],
  );
  return count === 1;
}

/**
 * Locks the account behind an identity, before the identity is touched: everything that links or removes one locks in
 * this order. Undefined where there is none.
 */
export async function lockIdentityOwner(
  sql: Sql,
  who: { issuer: string; subject: string },
): Promise<string | undefined> {
  const rows = await sql.query<{ id: string }>(
    `SELECT u.id FROM auth.identities i JOIN auth.users u ON u.id = i.user_id
      WHERE i.issuer = $1 AND i.subject = $2 FOR NO KEY UPDATE OF u`,
    [who.issuer, who.subject],
  );
  return rows[0]?.id;
}

/**
 * The identity with which somebody signs in: found and noted by one statement, so that one that is being removed does
 * not let anybody in. What the provider now says of the address is kept, and moves nobody (EML-13).
 */
export async function useIdentity(
  sql: Sql,
  who: { issuer: string; subject: string },
  seen: { email: string | null; tokensSealed: string | null; now: Date },
): Promise<IdentityRow | undefined> {
  const rows = await sql.query<IdentityRow>(
    `UPDATE auth.identities SET last_used_at = $3, email = $4, tokens_sealed = coalesce($5, tokens_sealed)
      WHERE issuer = $1 AND subject = $2 RETURNING ${COLUMNS}`,
    [who.issuer, who.subject, seen.now, seen.email, seen.tokensSealed],
  );
  return rows[0];
}

/** The person whom an identity lets in, and of their devices the one that a token names. */
export interface KnownPerson extends UserRow {
  identity_id: string;
  device_id: string | null;
  trusted_until: Date | null;
  has_devices: boolean;
}

/** `useIdentity`, and what a sign-in has to know of its person. */
export async function usePersonsIdentity(
  sql: Sql,
  who: { issuer: string; subject: string },
  seen: { email: string | null; tokensSealed: string | null; now: Date; deviceHash: Buffer | null },
): Promise<KnownPerson | undefined> {
  const rows = await sql.query<KnownPerson>(
    `UPDATE auth.identities i SET last_used_at = $3, email = $4, tokens_sealed = coalesce($5, i.tokens_sealed)
       FROM auth.users u LEFT JOIN auth.devices d ON d.token_hash = $6 AND d.user_id = u.id AND d.expires_at > $3
      WHERE i.issuer = $1 AND i.subject = $2 AND u.id = i.user_id
      RETURNING ${USER_COLUMNS}, i.id AS identity_id, d.id AS device_id, d.trusted_until,
        EXISTS (SELECT 1 FROM auth.devices o WHERE o.user_id = u.id) AS has_devices`,
    [who.issuer, who.subject, seen.now, seen.email, seen.tokensSealed, seen.deviceHash],
  );
  return rows[0];
}

export async function listIdentities(sql: Sql, userId: string): Promise<IdentityRow[]> {
  return sql.query<IdentityRow>(`SELECT ${COLUMNS} FROM auth.identities WHERE user_id = $1 ORDER BY id`, [userId]);
}

/** The identity, if it is this user's. */
export async function deleteIdentity(sql: Sql, userId: string, id: string): Promise<IdentityRow | undefined> {
  const rows = await sql.query<IdentityRow>(
    `DELETE FROM auth.identities WHERE user_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [userId, id],
  );
  return rows[0];
}

export async function deleteIdentitiesOf(sql: Sql, userId: string): Promise<number> {
  return sql.execute('DELETE FROM auth.identities WHERE user_id = $1', [userId]);
}

export type TokensRow = Pick<IdentityRow, 'provider' | 'issuer' | 'subject'> & { tokens_sealed: string | null };

export async function findTokens(sql: Sql, userId: string, id: string): Promise<TokensRow | undefined> {
  const rows = await sql.query<TokensRow>(
    'SELECT provider, issuer, subject, tokens_sealed FROM auth.identities WHERE user_id = $1 AND id = $2',
    [userId, id],
  );
  return rows[0];
}

/** Replaces tokens that were just refreshed; false where another request did it first. */
export async function replaceTokens(sql: Sql, id: string, from: string, to: string): Promise<boolean> {
  return (
    (await sql.execute('UPDATE auth.identities SET tokens_sealed = $3 WHERE id = $1 AND tokens_sealed = $2', [
      id,
      from,
      to,
    ])) === 1
  );
}

export interface WaysIn {
  has_password: boolean;
  passkeys: number;
  identities: number;
}

export async function countWaysIn(sql: Sql, userId: string): Promise<WaysIn | undefined> {
  const rows = await sql.query<WaysIn>(
    `SELECT u.password_hash IS NOT NULL AS has_password,
            (SELECT count(*)::int FROM auth.passkeys k WHERE k.user_id = u.id AND NOT k.second_factor_only) AS passkeys,
            (SELECT count(*)::int FROM auth.identities i WHERE i.user_id = u.id) AS identities
       FROM auth.users u WHERE u.id = $1`,
    [userId],
  );
  return rows[0];
}
