import type { AuditEvent } from '../audit/index.ts';

/** The line of a limit on credentials that was hit; `address` is what is counted. Other limits are only counted. */
export function exceededLines(policy: string, address: string, now: number): AuditEvent[] {
  if (policy !== 'login') return [];
  return [
    {
      action: 'limits.exceeded',
      outcome: 'denied',
      actor: { type: 'anonymous' },
      origin: { requestId: '', address, userAgent: '', now },
      detail: { policy },
    },
  ];
}
