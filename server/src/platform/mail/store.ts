import type { Sql } from '../db/db.ts';
import type { Mail } from './mail.ts';

const KEPT = 500;

/** A mail that is sent again, because its worker was killed before it could say so, is kept once. */
export async function keepMail(sql: Sql, mail: Mail, links: readonly string[], now: number): Promise<void> {
  await sql.execute(
    `INSERT INTO auth.dev_inbox (id, to_address, subject, text, html, links, sent_at)
     VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7) ON CONFLICT (id) DO NOTHING`,
    [mail.id, mail.to, mail.subject, mail.text, mail.html, JSON.stringify(links), new Date(now)],
  );
  await sql.execute(
    `DELETE FROM auth.dev_inbox WHERE id IN (
       SELECT id FROM auth.dev_inbox ORDER BY sent_at DESC, id DESC OFFSET $1 FOR UPDATE SKIP LOCKED)`,
    [KEPT],
  );
}
