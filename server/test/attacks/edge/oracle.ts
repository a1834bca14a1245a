import assert from 'node:assert/strict';
import { type RefusalCode, refusalCatalogue } from '../../../src/lib/refusal.ts';
import type { Answer, TestServer } from '../../kit.ts';

const catalogue = new Map(refusalCatalogue().map((entry) => [entry.code as string, entry]));
const MEMBERS = new Set(['type', 'title', 'status', 'detail', 'code', 'request_id', 'errors', 'policy', 'retry_after']);
/** What would tell an attacker how the server is made: stacks, SQL, paths, drivers, engine messages. */
const INNARDS =
  /\n\s+at |node_modules|\.ts:\d|\/src\/|SELECT |INSERT |syntax error|violates|relation "|pg_|ECONN|FST_ERR|Unexpected token|undefined|\[object /;

/** The common oracle: the one documented shape, nothing of the inside, not to be kept by anyone. */
export function isProblem(answer: Answer, status: number | readonly number[], code?: RefusalCode): void {
  const says = `${answer.status} ${answer.text.slice(0, 300)}`;
  assert.ok([status].flat().includes(answer.status), `expected ${status}: ${says}`);
  assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8', says);
  assert.equal(answer.headers.get('cache-control'), 'no-store', says);
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', says);
  const { body } = answer;
  assert.deepEqual(
    Object.keys(body).filter((key) => !MEMBERS.has(key)),
    [],
    says,
  );
  const entry = catalogue.get(body.code);
  assert.ok(entry, `a code of the catalogue: ${says}`);
  assert.deepEqual([body.status, entry.status], [answer.status, answer.status], says);
  assert.equal(body.type, `urn:auth-api:error:${body.code}`);
  assert.equal(body.title, entry.title);
  assert.equal(body.request_id, answer.headers.get('x-request-id'), says);
  for (const error of body.errors ?? []) {
    assert.deepEqual(Object.keys(error).sort(), ['code', 'field', 'message'], says);
  }
  assert.doesNotMatch(answer.text, INNARDS);
  if (code !== undefined) assert.equal(body.code, code, says);
}

const UNCOUNTED = "('request_counts', 'jobs', 'changes')";

/** What the database holds, table by table, as numbers and digests; counters of requests and the feed stay out. */
export async function contents({ app, db }: TestServer): Promise<Record<string, string>> {
  await app.settle();
  const tables = await db.query<{ name: string }>(
    `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
      WHERE table_schema IN ('auth', 'audit') AND table_type = 'BASE TABLE' AND table_name NOT IN ${UNCOUNTED}
      ORDER BY 1`,
  );
  const held: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await db.query<{ held: string }>(
      `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') AS held FROM ${name} t`,
    );
    held[name] = row?.held ?? '';
  }
  return held;
}
