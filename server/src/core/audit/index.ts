/**
 * The audit log: every security event, append-only, hash-chained and signed. It owns the schema `audit`. A transaction
 * writes its lines into the inbox; the sealer chains them behind its back, so no sign-in waits for another. What each
 * part promises, and against whom, is in docs/decisions/0003-audit-chain.md.
 */
export { type AuditAction, type AuditActionEntry, auditActions } from './actions.ts';
export type { AuditEvent } from './event.ts';
export { exportAudit } from './export.ts';
export type { Fault, FaultKind } from './faults.ts';
export type { AuditFilter } from './filter.ts';
export { auditRow } from './line.ts';
export { type RememberedCheckpoint, readCheckpointFromLog } from './log-checkpoint.ts';
export { applyRetention } from './retention.ts';
export { createSealer, type Sealer, type SealerDeps, type SealerMetrics } from './sealer.ts';
export { type ActivityLine, type AuditLine, searchAudit, userActivity } from './search.ts';
export { eraseSubject } from './store.ts';
export { type ChainReport, type VerifyOptions, verifyChain } from './verify.ts';
export { countInbox as countUnsealed } from './verify-store.ts';
