import { limitOf, type Sql } from '../../platform/db/index.ts';
import type { Position } from './cursor.ts';
import type { Query } from './filter.ts';

/** A line as it is read by people. */
export interface FoundLine {
  /** Null while it waits in the inbox. */
  seq: number | null;
  id: string;
  at: Date;
  action: string;
  outcome: string;
  actor_type: string;
  actor_id: string | null;
  subject_id: string | null;
  session_id: string | null;
  reason: string | null;
  request_id: string | null;
  detail: Record<string, unknown> | null;
  personal: Record<string, string> | null;
}

const COLUMNS = `id, at, action, outcome, actor_type, actor_id, subject_id, session_id, reason, request_id, detail, personal`;
const ORDER = 'ORDER BY at DESC, id DESC';

export interface FindOptions {
  after: Position | null;
  limit: number;
  /** Actions that are not shown. */
  without?: string[];
}

/**
 * Newest first, over what is sealed and what still waits. Each part is limited by itself, so that an index on
 * (…, at, id) is read from its end and left after one page; several actions are several such reads.
 */
export function findLines(sql: Sql, query: Query, { after, limit, without = [] }: FindOptions): Promise<FoundLine[]> {
  const values: unknown[] = [];
  const bind = (value: unknown, type: string): string => `$${values.push(value)}::${type}`;
  const common = commonConditions(query, bind);
  if (without.length > 0) common.push(`action <> ALL (${bind(without, 'text[]')})`);
  if (after !== null) common.push(`(at, id) < (${bind(after.at, 'timestamptz')}, ${bind(after.id, 'uuid')})`);
  const address = query.address === null ? null : bind(query.address, 'text');
  const sealedOnly = address === null ? [] : [`address = ${address}`];
  const waitingOnly = address === null ? [] : [`personal ->> 'address' = ${address}`];
  // Literals, from the fixed list: only so does the planner know which of them are rare.
  const byAction = query.actions === null ? [[]] : query.actions.map((name) => [`action = '${name}'`]);
  const parts = (table: string, seq: string, conditions: string[]): string[] =>
    byAction.map((action) => {
      const all = [...conditions, ...action];
      const where = all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
      return `(SELECT ${seq} AS seq, ${COLUMNS} FROM ${table} ${where} ${ORDER} ${limitOf(limit)})`;
    });
  const sealed = parts('audit.events', 'seq', [...common, ...sealedOnly]);
  const waiting = parts('audit.inbox', 'NULL::bigint', [...common, ...waitingOnly]);
  const found = [...sealed, ...waiting].join(' UNION ALL ');
  return sql.query<FoundLine>(`SELECT * FROM (${found}) AS found ${ORDER} ${limitOf(limit)}`, values);
}

function commonConditions(query: Query, bind: (value: unknown, type: string) => string): string[] {
  const conditions: string[] = [];
  if (query.subject !== null) conditions.push(`subject_id = ${bind(query.subject, 'uuid')}`);
  if (query.actor !== null) conditions.push(`actor_id = ${bind(query.actor, 'uuid')}`);
  // A literal too: only so can a prepared plan use the partial indexes.
  if (query.outcome !== null) conditions.push(`outcome = '${query.outcome}'`);
  if (query.requestId !== null) conditions.push(`request_id = ${bind(query.requestId, 'text')}`);
  if (query.from !== null) conditions.push(`at >= ${bind(query.from, 'timestamptz')}`);
  if (query.to !== null) conditions.push(`at < ${bind(query.to, 'timestamptz')}`);
  return conditions;
}
