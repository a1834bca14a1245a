import type { Sql } from '../../platform/db/index.ts';
import type { InboxLine, SealedLine } from './line.ts';
import type { Anchor, Checkpoint } from './signer.ts';
import { HASHED_COLUMNS } from './store.ts';

const MAX_SEQ = Number.MAX_SAFE_INTEGER;

export type VerifiedLine = SealedLine & { address_differs: boolean };

/** One snapshot of both ends, so that a batch that is sealed meanwhile looks like nothing that is missing. */
export async function readEnds(sql: Sql): Promise<{ line: number; checkpoint: number }> {
  const text = `SELECT coalesce((SELECT seq FROM audit.events WHERE seq <= $1::bigint ORDER BY seq DESC LIMIT 1), 0) AS line,
    coalesce((SELECT seq FROM audit.checkpoints WHERE seq <= $1::bigint ORDER BY seq DESC LIMIT 1), 0) AS checkpoint`;
  return (await sql.query<{ line: number; checkpoint: number }>(text, [MAX_SEQ]))[0] as {
    line: number;
    checkpoint: number;
  };
}

export function readAnchors(sql: Sql): Promise<Anchor[]> {
  return sql.query<Anchor>(
    'SELECT seq, hash, at, key_id, signature FROM audit.anchors ORDER BY seq DESC, at DESC LIMIT 1000',
  );
}

// By ranges rather than by LIMIT: two lines under one number are both seen.
export function readLines(sql: Sql, after: number, upTo: number): Promise<VerifiedLine[]> {
  const text = `SELECT seq, ${HASHED_COLUMNS}, genuine, sealed_at, hash,
      (address IS DISTINCT FROM personal ->> 'address') AS address_differs
    FROM audit.events WHERE seq > $1::bigint AND seq <= $2::bigint ORDER BY seq, sealed_at, id LIMIT 50000`;
  return sql.query<VerifiedLine>(text, [after, upTo]);
}

export async function nextSeq(sql: Sql, after: number): Promise<number | null> {
  const text = 'SELECT seq FROM audit.events WHERE seq > $1::bigint AND seq <= $2::bigint ORDER BY seq LIMIT 1';
  return (await sql.query<{ seq: number }>(text, [after, MAX_SEQ]))[0]?.seq ?? null;
}

/** Lines where none can be: before the beginning, or with a number that was never given. */
export function readOutside(sql: Sql, start: number): Promise<{ id: string; seq: string | null }[]> {
  const text = `SELECT id, seq::text AS seq FROM audit.events
    WHERE seq <= $1::bigint OR seq > $2::bigint OR seq IS NULL ORDER BY seq LIMIT 100`;
  return sql.query(text, [start, MAX_SEQ]);
}

export function readCheckpoints(sql: Sql, after: number, upTo: number): Promise<Checkpoint[]> {
  const text = `SELECT first_seq, prev_hash, seq, hash, at, key_id, signature FROM audit.checkpoints
    WHERE seq > $1::bigint AND seq <= $2::bigint ORDER BY seq, at LIMIT 50000`;
  return sql.query<Checkpoint>(text, [after, upTo]);
}

export async function countInbox(sql: Sql): Promise<number> {
  return (await sql.query<{ count: number }>('SELECT count(*) AS count FROM audit.inbox'))[0]?.count ?? 0;
}

export async function readUnsealedBefore(sql: Sql, at: Date): Promise<string[]> {
  const text = 'SELECT id FROM audit.inbox WHERE at < $1 ORDER BY id LIMIT 1000';
  return (await sql.query<{ id: string }>(text, [at])).map((row) => row.id);
}

/** Deletions that are committed but not sealed yet; the reader checks that this server wrote them. */
export function readWaitingDeletions(sql: Sql, ids: string[]): Promise<InboxLine[]> {
  const text = `SELECT ${HASHED_COLUMNS}, mac FROM audit.inbox
    WHERE action = 'user.deleted' AND outcome = 'success' AND subject_id = ANY($1::uuid[])`;
  return sql.query<InboxLine>(text, [ids]);
}

/** Pages through (at, id); a line that was sealed twice stands beside itself. */
export async function readRepeated(
  sql: Sql,
  from: { at: Date; id: string } | null,
  size: number,
): Promise<{ repeated: { id: string; seq: number }[]; next: { at: Date; id: string } | null }> {
  const where = from === null ? '' : 'WHERE (at, id) >= ($2::timestamptz, $3::uuid)';
  const page = `WITH page AS (SELECT at, id FROM audit.events ${where} ORDER BY at, id LIMIT $1::integer)`;
  const values = from === null ? [size] : [size, from.at, from.id];
  const text = `${page} SELECT count(*) AS count, count(DISTINCT id) AS different,
    (SELECT at FROM page ORDER BY at DESC, id DESC LIMIT 1) AS at,
    (SELECT id FROM page ORDER BY at DESC, id DESC LIMIT 1) AS id FROM page`;
  const [row] = await sql.query<{ count: number; different: number; at: Date; id: string }>(text, values);
  if (row === undefined || row.count === 0) return { repeated: [], next: null };
  const next = row.count < size ? null : { at: row.at, id: row.id };
  if (row.count === row.different) return { repeated: [], next };
  const detail = `${page} SELECT e.id, e.seq FROM audit.events e
    JOIN (SELECT at, id FROM page GROUP BY at, id HAVING count(*) > 1 LIMIT 100) AS twice USING (at, id) ORDER BY e.seq`;
  return { repeated: await sql.query<{ id: string; seq: number }>(detail, values), next };
}

/** The triggers of the three tables, and whether each fires; and any that somebody added. */
export function readGuards(sql: Sql): Promise<{ relation: string; trigger: string; fires: boolean; ours: boolean }[]> {
  return sql.query(`SELECT c.relname AS relation, t.tgname AS trigger, t.tgenabled IN ('O', 'A') AS fires,
      t.tgfoid = 'audit.refuse_change'::regproc AS ours
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'audit' AND NOT t.tgisinternal AND c.relkind IN ('r', 'p') ORDER BY 1, 2`);
}

/** The append-only tables, and whatever is a partition of one. */
export async function readGuarded(sql: Sql): Promise<string[]> {
  const text = `WITH parents AS (SELECT unnest(ARRAY['audit.events', 'audit.checkpoints', 'audit.anchors'])::regclass AS oid)
    SELECT relname AS name FROM pg_class
    WHERE oid IN (SELECT oid FROM parents UNION SELECT inhrelid FROM pg_inherits JOIN parents ON inhparent = parents.oid) ORDER BY 1`;
  return (await sql.query<{ name: string }>(text)).map((row) => row.name);
}
