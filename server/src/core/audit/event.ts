import type { RequestOrigin } from '../../lib/origin.ts';
import type { AuditAction } from './actions.ts';

/** One security event: who did what to whose account, from where, and how it ended. */
export interface AuditEvent {
  action: AuditAction;
  outcome: 'success' | 'failure' | 'denied';
  actor: { type: 'user' | 'admin' | 'system' | 'anonymous'; id?: string };
  /** Id of the user whose account it concerns. */
  subject?: string;
  session?: string;
  /** A refusal's code, or one short word. */
  reason?: string;
  origin: RequestOrigin;
  /** Never personal, never secret: it stays when the user is deleted. */
  detail?: Record<string, unknown>;
  /** Erased with the user: an address that was typed, a name. */
  personal?: Record<string, string>;
}
