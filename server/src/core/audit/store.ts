import type { Sql, Tx } from '../../platform/db/index.ts';
import type { InboxLine } from './line.ts';
import type { Anchor, Checkpoint } from './signer.ts';

// One sealer at a time over all processes, and retention with it: held until the transaction ends.
const SEALING_LOCK = 7_201_944;

export const LINE_COLUMNS = `id, at, action, outcome, actor_type, actor_id, subject_id, session_id, reason, request_id`;
const KEPT_COLUMNS = `${LINE_COLUMNS}, detail, personal, personal_salt, personal_hash`;
export const HASHED_COLUMNS = `${LINE_COLUMNS}, detail::text AS detail, personal::text AS personal, personal_salt, personal_hash`;

export async function insertInbox(sql: Sql, rows: Record<string, unknown>[]): Promise<void> {
  const text = 'INSERT INTO audit.inbox SELECT * FROM jsonb_populate_recordset(null::audit.inbox, $1::jsonb)';
  await sql.execute(text, [JSON.stringify(rows)]);
}

export async function tryLockSealing(tx: Tx): Promise<boolean> {
  const rows = await tx.query<{ held: boolean }>(`SELECT pg_try_advisory_xact_lock($1::bigint) AS held`, [
    SEALING_LOCK,
  ]);
  return rows[0]?.held === true;
}

export async function lockSealing(tx: Tx): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1::bigint)', [SEALING_LOCK]);
}

/** Where the chain ends, in one snapshot: the last line, the last checkpoint, and what stands where this process last looked. */
export interface Head {
  line: { seq: number; hash: Buffer; sealed_at: Date } | null;
  checkpoint: Checkpoint | null;
  /** The hash of the checkpoint at the number that was asked for. */
  remembered: Buffer | null;
  anchor: Anchor | null;
  hasWaiting: boolean;
}

interface HeadRow extends Checkpoint {
  line_seq: number | null;
  line_hash: Buffer | null;
  line_at: Date | null;
  cp_seq: number | null;
  cp_hash: Buffer | null;
  remembered: Buffer | null;
  anchor_seq: number | null;
  anchor_hash: Buffer | null;
  anchor_at: Date | null;
  anchor_key: string | null;
  anchor_signature: Buffer | null;
  has_waiting: boolean;
}

const HEAD = `SELECT e.seq AS line_seq, e.hash AS line_hash, e.sealed_at AS line_at,
    c.first_seq, c.prev_hash, c.seq AS cp_seq, c.hash AS cp_hash, c.at, c.key_id, c.signature,
    (SELECT hash FROM audit.checkpoints WHERE seq = $1::bigint LIMIT 1) AS remembered,
    a.seq AS anchor_seq, a.hash AS anchor_hash, a.at AS anchor_at, a.key_id AS anchor_key, a.signature AS anchor_signature,
    EXISTS (SELECT FROM audit.inbox) AS has_waiting
  FROM (SELECT 1) AS one
    LEFT JOIN (SELECT seq, hash, sealed_at FROM audit.events ORDER BY seq DESC LIMIT 1) AS e ON true
    LEFT JOIN (SELECT * FROM audit.checkpoints ORDER BY seq DESC LIMIT 1) AS c ON true
    LEFT JOIN (SELECT * FROM audit.anchors ORDER BY seq DESC, at DESC LIMIT 1) AS a ON true`;

export async function readHead(sql: Sql, rememberedSeq: number): Promise<Head> {
  const row = (await sql.query<HeadRow>(HEAD, [rememberedSeq]))[0] as HeadRow;
  const { line_seq, cp_seq, anchor_seq } = row;
  return {
    line: line_seq === null ? null : { seq: line_seq, hash: row.line_hash as Buffer, sealed_at: row.line_at as Date },
    checkpoint: cp_seq === null ? null : { ...checkpointOf(row), seq: cp_seq, hash: row.cp_hash as Buffer },
    remembered: row.remembered,
    anchor:
      anchor_seq === null
        ? null
        : {
            seq: anchor_seq,
            hash: row.anchor_hash as Buffer,
            at: row.anchor_at as Date,
            key_id: row.anchor_key as string,
            signature: row.anchor_signature as Buffer,
          },
    hasWaiting: row.has_waiting,
  };
}

function checkpointOf(row: HeadRow): Omit<Checkpoint, 'seq' | 'hash'> {
  return {
    first_seq: row.first_seq,
    prev_hash: row.prev_hash,
    at: row.at,
    key_id: row.key_id,
    signature: row.signature,
  };
}

// SKIP LOCKED: a row that a deletion is erasing just now is sealed in the next round, without its personal part.
const WAITING = `SELECT ${HASHED_COLUMNS}, mac FROM audit.inbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`;
const WAITING_BY_ID = `SELECT ${HASHED_COLUMNS}, mac FROM audit.inbox WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE`;

export function readWaiting(tx: Tx, limit: number): Promise<InboxLine[]> {
  return tx.query<InboxLine>(WAITING, [limit]);
}

export function readWaitingById(tx: Tx, ids: string[]): Promise<InboxLine[]> {
  return tx.query<InboxLine>(WAITING_BY_ID, [ids]);
}

export interface Seal {
  id: string;
  seq: number;
  /** '\x…', as JSON carries it into a bytea. */
  hash: string;
  genuine: boolean;
}

// One statement moves the rows as they are: what is sealed is what the database kept, not a copy that went through here.
const MOVE = `WITH seals AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS s (id uuid, seq bigint, hash bytea, genuine boolean)),
    gone AS (DELETE FROM audit.inbox i USING seals s WHERE i.id = s.id RETURNING i.*, s.seq, s.hash, s.genuine)
  INSERT INTO audit.events (${KEPT_COLUMNS}, seq, hash, genuine, sealed_at)
  SELECT ${KEPT_COLUMNS}, seq, hash, genuine, $2 FROM gone ORDER BY seq`;

export function moveToEvents(tx: Tx, seals: Seal[], sealedAt: Date): Promise<number> {
  return tx.execute(MOVE, [JSON.stringify(seals), sealedAt]);
}

export async function insertCheckpoint(tx: Tx, c: Checkpoint): Promise<void> {
  const text = `INSERT INTO audit.checkpoints (first_seq, prev_hash, seq, hash, at, key_id, signature)
    VALUES ($1, $2, $3, $4, $5, $6, $7)`;
  await tx.execute(text, [c.first_seq, c.prev_hash, c.seq, c.hash, c.at, c.key_id, c.signature]);
}

export async function insertAnchor(sql: Sql, a: Anchor): Promise<void> {
  const text = `INSERT INTO audit.anchors (seq, hash, at, key_id, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`;
  await sql.execute(text, [a.seq, a.hash, a.at, a.key_id, a.signature]);
}

// The second half: deletions whose own lines retention has dropped since.
const DELETED = `SELECT subject_id AS id FROM audit.events
    WHERE action = 'user.deleted' AND outcome = 'success' AND genuine AND subject_id = ANY ($1::uuid[])
  UNION SELECT w.id FROM unnest($1::uuid[]) AS w (id) WHERE EXISTS (SELECT FROM audit.events
    WHERE action = 'audit.partition_dropped' AND genuine AND detail -> 'deleted' ? w.id::text)`;

/** Which of these users have been deleted, as far as sealed lines say. */
export async function deletedAmong(sql: Sql, ids: string[]): Promise<string[]> {
  return (await sql.query<{ id: string }>(DELETED, [ids])).map((row) => row.id);
}

const OUTLIVED = `SELECT DISTINCT d.subject_id AS id FROM audit.events d
  WHERE d.action = 'user.deleted' AND d.outcome = 'success' AND d.genuine AND d.sealed_at < $1
    AND EXISTS (SELECT FROM audit.events e WHERE (e.subject_id = d.subject_id OR e.actor_id = d.subject_id)
      AND e.sealed_at >= $1 AND e.personal IS NULL) ORDER BY 1`;

/** Users whose deletion was sealed before `edge`, and who have erased lines from after it. */
export async function deletionsOutlived(tx: Tx, edge: Date): Promise<string[]> {
  return (await tx.query<{ id: string }>(OUTLIVED, [edge])).map((row) => row.id);
}

export async function eraseSubject(sql: Sql, userId: string): Promise<void> {
  await sql.query('SELECT audit.erase_subject($1::uuid)', [userId]);
}

export async function ensurePartitions(sql: Sql, since: Date, months: number): Promise<void> {
  await sql.query('SELECT audit.ensure_partitions($1, $2::integer)', [since, months]);
}

/** The last line that was sealed before `edge`. */
export async function lastBefore(sql: Sql, edge: Date): Promise<{ seq: number; hash: Buffer } | null> {
  const text = 'SELECT seq, hash FROM audit.events WHERE sealed_at < $1 ORDER BY seq DESC LIMIT 1';
  return (await sql.query<{ seq: number; hash: Buffer }>(text, [edge]))[0] ?? null;
}

export async function firstLine(sql: Sql): Promise<number | null> {
  return (await sql.query<{ seq: number }>('SELECT seq FROM audit.events ORDER BY seq LIMIT 1'))[0]?.seq ?? null;
}

export async function dropPartitionsBefore(tx: Tx, edge: Date): Promise<string[]> {
  const text = 'SELECT audit.drop_partitions_before($1) AS dropped';
  return (await tx.query<{ dropped: string[] }>(text, [edge]))[0]?.dropped ?? [];
}

/** Where the first checkpoint after `seq` ends that one of these keys is said to have signed. */
export async function checkpointAfter(sql: Sql, seq: number, keyIds: readonly string[]): Promise<number | null> {
  const text = `SELECT seq FROM audit.checkpoints WHERE seq > $1::bigint AND key_id = ANY($2::text[]) ORDER BY seq LIMIT 1`;
  return (await sql.query<{ seq: number }>(text, [seq, [...keyIds]]))[0]?.seq ?? null;
}
