import type { Sql } from '../../platform/db/db.ts';

export interface KeptMail {
  id: string;
  to_address: string;
  subject: string;
  text: string;
  html: string;
  links: string[];
  sent_at: Date;
}

const COLUMNS = 'id, to_address, subject, text, html, links, sent_at';

export function newestMails(sql: Sql, limit: number): Promise<KeptMail[]> {
  return sql.query<KeptMail>(`SELECT ${COLUMNS} FROM auth.dev_inbox ORDER BY sent_at DESC, id DESC LIMIT $1`, [limit]);
}

export function newestMailsTo(sql: Sql, address: string, limit: number): Promise<KeptMail[]> {
  return sql.query<KeptMail>(
    `SELECT ${COLUMNS} FROM auth.dev_inbox WHERE lower(to_address) = lower($1) ORDER BY sent_at DESC, id DESC LIMIT $2`,
    [address, limit],
  );
}
