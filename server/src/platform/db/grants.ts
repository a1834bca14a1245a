import type { Sql } from './db.ts';

export interface Grantees {
  /** The role that the servers sign in as: rows, but no change of the schema, and no rewriting of the audit log. */
  readonly app?: string | undefined;
  /** A role for reports: what is listed here, and no secret, token or hash. */
  readonly readonly?: string | undefined;
}

/** What reports may read; with the columns left out that are worth something to a thief. */
const REPORTED: readonly { table: string; without?: readonly string[] }[] = [
  { table: 'auth.users', without: ['password_hash'] },
  { table: 'auth.roles' },
  { table: 'auth.user_roles' },
  { table: 'auth.devices', without: ['token_hash'] },
  { table: 'auth.sessions', without: ['secret_hash'] },
  { table: 'auth.migrations' },
  { table: 'auth.jobs' },
  { table: 'audit.events', without: ['personal', 'personal_salt', 'personal_hash'] },
  { table: 'audit.checkpoints' },
];

/** The names that are no role of this database. */
export async function unknownRoles(sql: Sql, { app, readonly }: Grantees): Promise<string[]> {
  const names = [app, readonly].filter((name) => name !== undefined);
  const rows = await sql.query<{ name: string }>(
    'SELECT name FROM unnest($1::text[]) AS name WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)',
    [names],
  );
  return rows.map((row) => row.name);
}

/**
 * Gives the roles what they need of the present schema, and takes back what else they had of it. To be repeated after
 * every migration; a role keeps what it has until the statements below commit together.
 */
export async function grantRights(
  db: Sql & { script(text: string): Promise<void> },
  { app, readonly }: Grantees,
): Promise<void> {
  const statements = [
    ...(app === undefined ? [] : forApp(quoted(app))),
    ...(readonly === undefined ? [] : await forReports(db, quoted(readonly))),
  ];
  if (statements.length > 0) await db.script(`BEGIN;\n${statements.join(';\n')};\nCOMMIT`);
}

function forApp(role: string): string[] {
  return [
    `REVOKE ALL ON ALL TABLES IN SCHEMA auth, audit FROM ${role}`,
    `GRANT USAGE ON SCHEMA auth, audit TO ${role}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA auth TO ${role}`,
    `REVOKE INSERT, UPDATE, DELETE ON auth.migrations FROM ${role}`,
    `GRANT SELECT, INSERT ON audit.events, audit.checkpoints, audit.anchors TO ${role}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON audit.inbox TO ${role}`,
    `GRANT EXECUTE ON FUNCTION audit.ensure_partitions(timestamptz, integer),
       audit.drop_partitions_before(timestamptz), audit.erase_subject(uuid, timestamptz) TO ${role}`,
  ];
}

async function forReports(sql: Sql, role: string): Promise<string[]> {
  const columns = await sql.query<{ name: string; columns: string[] }>(
    `SELECT a.attrelid::regclass::text AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
       FROM pg_attribute a WHERE a.attrelid = ANY ($1::regclass[]) AND a.attnum > 0 AND NOT a.attisdropped GROUP BY 1`,
    [REPORTED.map(({ table }) => table)],
  );
  const grants = REPORTED.map(({ table, without = [] }) => {
    const all = columns.find(({ name }) => name === table)?.columns ?? [];
    const shown = all.filter((column) => !without.includes(column));
    return `GRANT SELECT (${shown.map(quoted).join(', ')}) ON ${table} TO ${role}`;
  });
  return [
    `REVOKE ALL ON ALL TABLES IN SCHEMA auth, audit FROM ${role}`,
    `GRANT USAGE ON SCHEMA auth, audit TO ${role}`,
    ...grants,
  ];
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
