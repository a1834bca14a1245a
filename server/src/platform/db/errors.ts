import { Refusal } from '../../lib/refusal.ts';

// What says "the database cannot do this now", not "the statement is wrong": connection (08), resources (53), operator
// intervention and time-outs (57), lock time-out (55P03), read-only after a failover (25006).
const UNAVAILABLE = /^(08...|53...|57...|55P03|25006)$/;
const RETRIABLE = new Set(['40001', '40P01']);

function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether the connection that met this error must not be used again. */
export function breaksConnection(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || state.startsWith('08') || state.startsWith('57P');
}

/** Serialization failures and deadlocks: the whole transaction may be tried again. */
export function isRetriable(error: unknown): boolean {
  return RETRIABLE.has(sqlState(error) ?? '');
}

/** What is said instead of asking while the database does not answer. */
export const SILENT = 'the database has stopped answering';

/** No answer at all in time, of a connection or a statement: the server hangs, or the way to it is cut. */
export function isSilence(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^(Query read timeout|Connection terminated due to connection timeout)/.test(error.message)
  );
}

/** A database that cannot answer is a declared 503 (fail closed); a wrong statement stays the bug that it is. */
export function asRefusal(error: unknown): unknown {
  if (error instanceof Refusal) return error;
  const state = sqlState(error);
  if (state !== undefined && !UNAVAILABLE.test(state) && !RETRIABLE.has(state)) return error;
  const detail = state === '55P03' ? 'Another session holds a lock that this takes.' : 'The database does not answer.';
  return new Refusal('unavailable', { detail, retryAfter: 2, cause: error });
}

/** What the pool says of a request that waited too long for a connection. */
const NO_CONNECTION_IN_TIME = 'timeout exceeded when trying to connect';

/** Nothing listens there, or it is starting or slow: worth another try, unlike a wrong password. */
export function isNotThereYet(error: unknown): boolean {
  const cause = error instanceof Refusal ? error.options.cause : error;
  const { code = '', message = '' } = (cause ?? {}) as { code?: string; message?: string };
  if (isSilence(cause) || message === SILENT || message === NO_CONNECTION_IN_TIME) return true;
  return /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|57P03)$/.test(code);
}
