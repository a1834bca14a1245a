import { isUuid } from '../../lib/id.ts';
import { Refusal } from '../../lib/refusal.ts';
import { auditActions } from './actions.ts';

export interface AuditFilter {
  /** Id of the user whose account it concerns. */
  subject?: string;
  /** Id of who did it. */
  actor?: string;
  /** One action, or all of one noun: `session.*`. */
  action?: string;
  outcome?: 'success' | 'failure' | 'denied';
  address?: string;
  from?: Date;
  /** Exclusive. */
  to?: Date;
  requestId?: string;
}

const OUTCOMES = ['success', 'failure', 'denied'] as const;

/** What the store asks for: every value is of its column's type, whatever a caller let through. */
export interface Query {
  subject: string | null;
  actor: string | null;
  /** Several where a noun was asked for. Only names of the list: they become literals. */
  actions: string[] | null;
  outcome: (typeof OUTCOMES)[number] | null;
  address: string | null;
  from: Date | null;
  to: Date | null;
  requestId: string | null;
}

export function readFilter(filter: AuditFilter): Query {
  return {
    subject: uuid('subject', filter.subject),
    actor: uuid('actor', filter.actor),
    actions: actionsOf(filter.action),
    outcome: outcomeOf(filter.outcome),
    address: text('address', filter.address),
    from: time('from', filter.from),
    to: time('to', filter.to),
    requestId: text('requestId', filter.requestId),
  };
}

export function readLimit(limit: number | undefined): number {
  if (limit === undefined) return 25;
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw invalid('limit', 'A whole number from 1 to 100.');
  return limit;
}

function actionsOf(action: string | undefined): string[] | null {
  if (action === undefined) return null;
  const known = auditActions().map((entry) => entry.action as string);
  const found = action.endsWith('.*') ? known.filter((name) => name.startsWith(action.slice(0, -1))) : [action];
  if (found.length === 0 || !found.every((name) => known.includes(name))) {
    throw invalid('action', 'The name of an action, or a noun with .* as in session.*');
  }
  return found;
}

function outcomeOf(outcome: string | undefined): Query['outcome'] {
  if (outcome === undefined) return null;
  const known = OUTCOMES.find((name) => name === outcome);
  if (known === undefined) throw invalid('outcome', `One of ${OUTCOMES.join(', ')}.`);
  return known;
}

function uuid(field: string, value: string | undefined): string | null {
  if (value === undefined) return null;
  if (typeof value !== 'string' || !isUuid(value.toLowerCase())) throw invalid(field, 'A UUID.');
  return value.toLowerCase();
}

function text(field: string, value: string | undefined): string | null {
  if (value === undefined) return null;
  const isPlain = typeof value === 'string' && value.length <= 200 && value.isWellFormed() && !/\p{Cc}/u.test(value);
  if (!isPlain) throw invalid(field, 'At most 200 printable characters.');
  return value;
}

function time(field: string, value: Date | undefined): Date | null {
  if (value === undefined) return null;
  const year = value instanceof Date ? value.getUTCFullYear() : Number.NaN;
  if (!(year >= 1970 && year <= 9999)) throw invalid(field, 'A time between the years 1970 and 9999.');
  return value;
}

function invalid(field: string, message: string): Refusal {
  return new Refusal('validation_failed', { errors: [{ field, code: 'invalid', message }] });
}
