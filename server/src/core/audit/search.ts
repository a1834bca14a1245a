import type { Sql } from '../../platform/db/index.ts';
import { auditActions } from './actions.ts';
import { fromCursor, toCursor } from './cursor.ts';
import { type AuditFilter, readFilter, readLimit } from './filter.ts';
import { type FoundLine, findLines } from './search-store.ts';

export interface PageRequest {
  /** 1 to 100; 25 where none is given. */
  limit?: number;
  cursor?: string;
}

export interface Page<Line> {
  data: Line[];
  next_cursor: string | null;
}

/** A line as administrators see it. `address` and `user_agent` are null, and `personal` is, once they are erased. */
export interface AuditLine {
  id: string;
  seq: number | null;
  at: string;
  action: string;
  outcome: string;
  actor: { type: string; id: string | null };
  subject: string | null;
  session: string | null;
  reason: string | null;
  request_id: string | null;
  address: string | null;
  user_agent: string | null;
  detail: Record<string, unknown> | null;
  personal: Record<string, string> | null;
}

/** A line as its own user sees it: no reasons, no details, and nobody's id but their own session's. */
export interface ActivityLine {
  id: string;
  at: string;
  action: string;
  outcome: string;
  by: string;
  session: string | null;
  address: string | null;
  user_agent: string | null;
}

export async function searchAudit(sql: Sql, filter: AuditFilter, page: PageRequest = {}): Promise<Page<AuditLine>> {
  const query = readFilter(filter);
  const found = await onePage(page, `search ${JSON.stringify(query)}`, (options) => findLines(sql, query, options));
  return { ...found, data: found.data.map(auditLine) };
}

export async function userActivity(sql: Sql, userId: string, page: PageRequest = {}): Promise<Page<ActivityLine>> {
  const query = readFilter({ subject: userId });
  const without = auditActions().flatMap((entry) => (entry.isInternal ? [entry.action] : []));
  const read = (options: Parameters<typeof findLines>[2]) => findLines(sql, query, { ...options, without });
  const found = await onePage(page, `activity ${query.subject}`, read);
  return { ...found, data: found.data.map(activityLine) };
}

async function onePage(
  { limit, cursor }: PageRequest,
  list: string,
  read: (options: Parameters<typeof findLines>[2]) => Promise<FoundLine[]>,
): Promise<Page<FoundLine>> {
  const size = readLimit(limit);
  const after = cursor === undefined ? null : fromCursor(list, cursor);
  const lines = await read({ after, limit: size + 1 });
  const last = lines[size - 1];
  return { data: lines.slice(0, size), next_cursor: lines.length > size && last ? toCursor(list, last) : null };
}

export function auditLine(line: FoundLine): AuditLine {
  return {
    id: line.id,
    seq: line.seq,
    at: line.at.toISOString(),
    action: line.action,
    outcome: line.outcome,
    actor: { type: line.actor_type, id: line.actor_id },
    subject: line.subject_id,
    session: line.session_id,
    reason: line.reason,
    request_id: line.request_id,
    address: line.personal?.address ?? null,
    user_agent: line.personal?.user_agent ?? null,
    detail: line.detail,
    personal: others(line.personal),
  };
}

function others(personal: FoundLine['personal']): Record<string, string> | null {
  if (personal === null) return null;
  const { address: _address, user_agent: _agent, ...rest } = personal;
  return rest;
}

function activityLine(line: FoundLine): ActivityLine {
  // An administrator's device is not the user's business; that it was an administrator is.
  const isOther = line.actor_type === 'admin' || line.actor_type === 'system';
  return {
    id: line.id,
    at: line.at.toISOString(),
    action: line.action,
    outcome: line.outcome,
    by: line.actor_type,
    session: line.session_id,
    address: isOther ? null : (line.personal?.address ?? null),
    user_agent: isOther ? null : (line.personal?.user_agent ?? null),
  };
}
