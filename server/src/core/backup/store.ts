import type { Sql, Tx } from '../../platform/db/index.ts';
import type { Check } from './check.ts';

export interface RestoreProof {
  readonly id: string;
  readonly at: Date;
  readonly backup: string;
  readonly backup_as_of: Date;
  readonly backup_sha256: string;
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

export async function insertProof(sql: Sql, proof: RestoreProof): Promise<void> {
  await sql.execute(
    `INSERT INTO auth.restore_proofs (id, at, backup, backup_as_of, backup_sha256, ok, checks)
     VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb)`,
    [proof.id, proof.at, proof.backup, proof.backup_as_of, proof.backup_sha256, proof.ok, JSON.stringify(proof.checks)],
  );
}

/** The newest one that succeeded, and the newest of all. */
export async function readProofs(sql: Sql): Promise<{ proven: RestoreProof | null; latest: RestoreProof | null }> {
  const newest = async (condition: string): Promise<RestoreProof | null> =>
    (await sql.query<RestoreProof>(`SELECT * FROM auth.restore_proofs ${condition} ORDER BY at DESC LIMIT 1`))[0] ??
    null;
  return { proven: await newest('WHERE ok'), latest: await newest('') };
}

/** When a restore was last proven, in seconds since the epoch; 0 for never. */
export async function lastProvenAt(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ at: Date | null }>('SELECT max(at) AS at FROM auth.restore_proofs WHERE ok');
  return row?.at == null ? 0 : Math.floor(row.at.getTime() / 1000);
}

/** Rows of tables, by names that were checked (`schema.table`); null for one that does not exist. */
export async function countRows(sql: Sql, tables: readonly string[]): Promise<Map<string, number | null>> {
  const known = await sql.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL`,
    [tables],
  );
  const counts = new Map<string, number | null>(tables.map((name) => [name, null]));
  for (const { name } of known) {
    const [row] = await sql.query<{ count: number }>(`SELECT count(*)::int8 AS count FROM ${name}`);
    counts.set(name, row?.count ?? 0);
  }
  return counts;
}

export async function someHashes(sql: Sql, limit: number): Promise<string[]> {
  const rows = await sql.query<{ password_hash: string }>(
    'SELECT password_hash FROM auth.users WHERE password_hash IS NOT NULL ORDER BY id DESC LIMIT $1',
    [limit],
  );
  return rows.map((row) => row.password_hash);
}

/** The session that somebody used last, of those that stand at `now`. */
export async function newestSession(sql: Sql, now: Date): Promise<{ id: string; user_id: string } | null> {
  const rows = await sql.query<{ id: string; user_id: string }>(
    `SELECT s.id, s.user_id FROM auth.sessions s JOIN auth.users u ON u.id = s.user_id
      WHERE s.kind = 'token' AND s.ended_at IS NULL AND s.expires_at > $1 AND u.status = 'active' AND s.impersonator_id IS NULL
      ORDER BY s.last_seen_at DESC LIMIT 1`,
    [now],
  );
  return rows[0] ?? null;
}

// Two handles on one database see each other's locks; on two databases they do not.
export async function lockHere(tx: Tx, name: string): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [name]);
}

export async function isLockedHere(sql: Sql, name: string): Promise<boolean> {
  const [row] = await sql.query<{ free: boolean }>(
    'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS free',
    [name],
  );
  return row?.free === false;
}
