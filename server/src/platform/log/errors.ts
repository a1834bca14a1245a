/**
 * An error as the log shows it: what it is, what it says and where it came from. Properties that libraries hang on
 * errors (parameters, rows, requests, configurations) are left out: they carry other people's data.
 */
interface ErrorDescription {
  type: string;
  message: string;
  stack?: string;
  code?: string | number;
  constraint?: string;
  schema?: string;
  table?: string;
  column?: string;
  cause?: ErrorDescription;
  errors?: ErrorDescription[];
}

const MAX_NESTED = 4;
const KEPT = ['code', 'constraint', 'schema', 'table', 'column'] as const;

export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (typeof error !== 'object' || error === null) return { type: typeof error, message: String(error).slice(0, 1000) };
  if (!(error instanceof Error)) return { type: 'object', message: 'something that is not an Error was thrown' };
  const fields = error as Error & Record<string, unknown>;
  const described: ErrorDescription = { type: error.name, message: messageOf(fields) };
  // The first lines of a stack repeat the message; only the frames are kept.
  const frames = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 30);
  if (frames !== undefined && frames.length > 0) described.stack = frames.map((frame) => frame.trim()).join('\n');
  for (const key of KEPT) {
    const value = fields[key];
    if (typeof value === 'string' || (key === 'code' && typeof value === 'number'))
      Object.assign(described, { [key]: value });
  }
  if (depth >= MAX_NESTED) return described;
  if (error.cause !== undefined) described.cause = describeError(error.cause, depth + 1);
  if (error instanceof AggregateError)
    described.errors = error.errors.slice(0, 5).map((e) => describeError(e, depth + 1));
  return described;
}

/** PostgreSQL quotes the offending value in the messages of class 22 (data exception) and 23502/23514 details. */
function messageOf(error: Error & Record<string, unknown>): string {
  const isDataException = typeof error.severity === 'string' && String(error.code).startsWith('22');
  return (isDataException ? error.message.replaceAll(/"[^"]*"/g, '"…"') : error.message).slice(0, 4000);
}
