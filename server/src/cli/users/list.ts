import { findUsers } from '../../core/administration/index.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { onGround } from '../ground.ts';
import { note, plain, print, printJson, tableText } from '../output.ts';
import { printUser, requireUser, viewOf, who } from './find.ts';

export const list = command({
  summary: 'List accounts, newest first, or find them by the beginning of their address or name.',
  examples: [
    'auth-api users list',
    'auth-api users list --query=ada --json',
    'auth-api users list --role=admin --status=active',
  ],
  args: {
    query: { type: 'string', description: 'What the address or the name begins with.', valueHint: 'text' },
    role: { type: 'string', description: 'Only who holds this role.' },
    status: { type: 'enum', options: ['active', 'disabled'], description: 'Only these.' },
    limit: { type: 'string', description: 'At most so many, up to 100.', default: '25', valueHint: 'n' },
    cursor: { type: 'string', description: 'Where the page before ended.' },
    json,
  },
  run: ({ args }) =>
    onGround({ command: 'users list' }, async ({ db }) => {
      const { query, role, cursor } = args;
      const page = await findUsers(db, {
        limit: wholeNumber('limit', args.limit, 1, 100),
        ...(query !== undefined && { query }),
        ...(role !== undefined && { role }),
        ...(cursor !== undefined && { cursor }),
        ...(args.status !== undefined && { status: args.status as 'active' | 'disabled' }),
      });
      if (args.json) return printJson({ data: page.rows.map(viewOf), next_cursor: page.nextCursor });
      const rows = page.rows.map((user) => [
        user.id,
        user.email,
        plain(user.name ?? ''),
        user.roles.join(' '),
        user.status,
      ]);
      print(rows.length === 0 ? 'No account fits.' : tableText(['id', 'email', 'name', 'roles', 'status'], rows));
      if (page.nextCursor !== null) note(`There are more: --cursor=${page.nextCursor}`);
    }),
});

export const show = command({
  summary: 'Show one account.',
  examples: ['auth-api users show ada@example.com', 'auth-api users show 019365a2-… --json'],
  args: { who, json },
  run: ({ args }) =>
    onGround({ command: 'users show' }, async ({ db }) =>
      printUser(await requireUser(db, args.who), args.json === true),
    ),
});

export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new Failure(EXIT.usage, `--${option} takes a whole number from ${least} to ${most}.`);
}
