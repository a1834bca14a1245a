import type { Sql } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { AuditEvent } from './event.ts';
import { auditRow } from './line.ts';
import { insertInbox } from './store.ts';

/** For a single use; a change writes its lines with everything else that it causes, in core/effects. */
export async function recordAudit(
  sql: Sql,
  encryption: Pick<Encryption, 'derive'>,
  events: AuditEvent[],
): Promise<void> {
  if (events.length > 0)
    await insertInbox(
      sql,
      events.map((event) => auditRow(event, encryption)),
    );
}
