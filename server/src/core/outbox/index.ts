/**
 * The outbox: mails are rows that the causing transaction writes, and a worker sends. Owns `auth.outbox`, the templates
 * and the retrying; how a mail leaves the house is platform/mail's.
 */

export type { OutboxMetrics } from './deliver.ts';
export type { MailData, MailTemplate, OutgoingMail, SecurityEvent } from './mail.ts';
export { securityNotice } from './notice.ts';
export { outboxRow } from './row.ts';
export { dropMailsOf, insert, outboxDepth } from './store.ts';
export type { OutboxWorker } from './worker.ts';
export { createOutboxWorker } from './worker.ts';
