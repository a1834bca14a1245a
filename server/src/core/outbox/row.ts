import { uuidv7 } from '../../lib/id.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { OutgoingMail } from './mail.ts';

const PURPOSE = 'outbox';

/**
 * A row of `auth.outbox` as jsonb_populate_recordset reads it: every column, for it knows no defaults. Address and data
 * are sealed, because a link that lies in a table is as good as the password it resets.
 */
export function outboxRow(mail: OutgoingMail, encryption: Encryption, now: number): Record<string, unknown> {
  const at = new Date(now).toISOString();
  return {
    id: uuidv7(now),
    template: mail.template,
    payload: encryption.seal(PURPOSE, JSON.stringify({ to: mail.to, locale: mail.locale ?? null, data: mail.data })),
    user_id: mail.userId ?? null,
    created_at: at,
    attempts: 0,
    next_attempt_at: at,
  };
}

export function openPayload(template: string, payload: string, encryption: Encryption): OutgoingMail {
  return { template, ...JSON.parse(encryption.open(PURPOSE, payload)) };
}
