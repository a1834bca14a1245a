import type { Sql } from '../../platform/db/index.ts';

export interface ServerFacts {
  version: number;
  name: string;
  now: Date;
  connections_max: number;
  connections: number;
  is_superuser: boolean;
}

/** What the database says of itself. */
export async function readServer(sql: Sql): Promise<ServerFacts> {
  const rows = await sql.query<ServerFacts>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS name,
       clock_timestamp() AS now,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections_max,
       (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser`,
  );
  return rows[0] as ServerFacts;
}

/** `schema.table: RIGHT` for each right that the server takes and its role lacks. */
export async function readMissingRights(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ missing: string }>(
    `SELECT n.nspname || '.' || c.relname || ': ' || r AS missing
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
         unnest(CASE WHEN n.nspname = 'auth' OR c.relname = 'inbox'
           THEN ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] ELSE ARRAY['SELECT', 'INSERT'] END) AS r
      WHERE n.nspname IN ('auth', 'audit') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname <> 'migrations' AND NOT has_table_privilege(c.oid, r)
     UNION ALL
     SELECT p.oid::regprocedure::text || ': EXECUTE' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = 'audit' AND p.proname IN ('ensure_partitions', 'drop_partitions_before', 'erase_subject')
        AND NOT has_function_privilege(p.oid, 'EXECUTE')
     ORDER BY 1`,
  );
  return rows.map((row) => row.missing);
}

export async function readAuditState(sql: Sql): Promise<{ head: number; waiting_since: Date | null; waiting: number }> {
  const rows = await sql.query<{ head: number; waiting_since: Date | null; waiting: number }>(
    `SELECT coalesce((SELECT seq FROM audit.events ORDER BY seq DESC LIMIT 1), 0) AS head,
       (SELECT min(at) FROM audit.inbox) AS waiting_since, (SELECT count(*) FROM audit.inbox) AS waiting`,
  );
  return rows[0] as { head: number; waiting_since: Date | null; waiting: number };
}
