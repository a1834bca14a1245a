import { type AuditFilter, exportAudit, searchAudit } from '../../core/audit/index.ts';
import type { Sql } from '../../platform/db/index.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { onGround } from '../ground.ts';
import { note, plain, pour, print, printJson, tableText } from '../output.ts';
import { requireUser } from '../users/find.ts';
import { wholeNumber } from '../users/list.ts';

const filterArgs = {
  user: { type: 'string', description: 'Whose account it concerns: an address or an id.', valueHint: 'who' },
  actor: { type: 'string', description: 'Who did it: an address or an id.', valueHint: 'who' },
  action: { type: 'string', description: 'An action, or all of one noun: session.*' },
  outcome: { type: 'enum', options: ['success', 'failure', 'denied'] as string[], description: 'How it ended.' },
  address: { type: 'string', description: 'The network address that it came from.' },
  request: { type: 'string', description: 'The id of the request.', valueHint: 'id' },
  from: { type: 'string', description: 'Not before this time (RFC 3339).', valueHint: 'time' },
  to: { type: 'string', description: 'Before this time.', valueHint: 'time' },
} as const;

type FilterArgs = { readonly [Name in keyof typeof filterArgs]?: string | undefined };

export const search = command({
  summary: 'Find lines of the audit log, newest first.',
  examples: [
    'auth-api audit search --user=ada@example.com',
    'auth-api audit search --action="session.*" --outcome=failure --limit=100',
  ],
  args: {
    ...filterArgs,
    limit: { type: 'string', description: 'At most so many, up to 100.', default: '25', valueHint: 'n' },
    cursor: { type: 'string', description: 'Where the page before ended.' },
    json,
  },
  run: ({ args }) =>
    onGround({ command: 'audit search' }, async ({ db }) => {
      const page = await searchAudit(db, await filterOf(db, args), {
        limit: wholeNumber('limit', args.limit, 1, 100),
        ...(args.cursor !== undefined && { cursor: args.cursor }),
      });
      if (args.json) return printJson(page);
      const rows = page.data.map((one) => [
        one.at,
        one.action,
        one.outcome,
        one.actor.id ?? one.actor.type,
        one.subject ?? '',
        one.address ?? '',
        plain(one.reason ?? ''),
      ]);
      print(
        rows.length === 0
          ? 'No line fits.'
          : tableText(['at', 'action', 'outcome', 'by', 'user', 'address', 'reason'], rows),
      );
      if (page.next_cursor !== null) note(`There are more: --cursor=${page.next_cursor}`);
    }),
});

export const exportCommand = command({
  summary: 'Export lines of the audit log, newest first.',
  examples: [
    'auth-api audit export --from=2026-01-01T00:00:00Z > audit.ndjson',
    'auth-api audit export --format=csv --action="user.*"',
  ],
  args: {
    ...filterArgs,
    format: { type: 'enum', options: ['ndjson', 'csv'], default: 'ndjson', description: 'The form.' },
  },
  run: ({ args }) =>
    onGround({ command: 'audit export' }, async ({ db, unit, line }) => {
      const filter = await filterOf(db, args);
      const chunks = exportAudit(db, filter, args.format as 'ndjson' | 'csv');
      await unit.record({ audit: [line({ action: 'audit.exported', detail: { format: args.format } })] });
      await pour(chunks);
    }),
});

async function filterOf(db: Sql, args: FilterArgs): Promise<AuditFilter> {
  const { user, actor, action, outcome, address, request, from, to } = args;
  return {
    ...(user !== undefined && { subject: await idOf(db, user) }),
    ...(actor !== undefined && { actor: await idOf(db, actor) }),
    ...(action !== undefined && { action }),
    ...(outcome !== undefined && { outcome: outcome as 'success' | 'failure' | 'denied' }),
    ...(address !== undefined && { address }),
    ...(request !== undefined && { requestId: request }),
    ...(from !== undefined && { from: timeOf('from', from) }),
    ...(to !== undefined && { to: timeOf('to', to) }),
  };
}

/** An id may be of somebody who is gone; an address has to be somebody's. */
async function idOf(db: Sql, word: string): Promise<string> {
  return word.includes('@') ? (await requireUser(db, word)).id : word;
}

function timeOf(option: string, text: string): Date {
  const at = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(at))
    throw new Failure(EXIT.usage, `--${option} takes a time such as 2026-01-31 or 2026-01-31T08:00:00Z.`);
  return new Date(at);
}
