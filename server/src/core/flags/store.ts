import type { Sql } from '../../platform/db/index.ts';
import type { FlagRow, FlagSetting, FlagValue, Rule } from './setting.ts';

interface Row {
  key: string;
  description: string;
  enabled: boolean;
  fallback: FlagValue;
  rules: Rule[];
  updated_at: Date;
}

export async function listRows(sql: Sql): Promise<FlagRow[]> {
  const rows = await sql.query<Row>(
    'SELECT key, description, enabled, fallback, rules, updated_at FROM auth.flags ORDER BY key COLLATE "C"',
  );
  return rows.map(({ fallback, updated_at, ...row }) => ({ ...row, default: fallback, updatedAt: updated_at }));
}

/** `updated_at` always grows, by a millisecond at least: the version is made of it. */
export async function upsertFlag(sql: Sql, flag: FlagSetting, now: Date): Promise<void> {
  await sql.execute(
    `INSERT INTO auth.flags AS f (key, description, enabled, fallback, rules, created_at, updated_at)
     VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6, $6)
     ON CONFLICT (key) DO UPDATE SET description = excluded.description, enabled = excluded.enabled,
       fallback = excluded.fallback, rules = excluded.rules,
       updated_at = greatest(excluded.updated_at, date_trunc('milliseconds', f.updated_at) + interval '1 millisecond')`,
    [flag.key, flag.description, flag.enabled, JSON.stringify(flag.default), JSON.stringify(flag.rules), now],
  );
}

export async function deleteFlag(sql: Sql, key: string): Promise<void> {
  await sql.execute('DELETE FROM auth.flags WHERE key = $1', [key]);
}
