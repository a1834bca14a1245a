import { endUserSessions } from '../../core/administration/index.ts';
import { listSessions } from '../../core/sessions/index.ts';
import { isUuid } from '../../lib/id.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { onGround } from '../ground.ts';
import { note, plain, print, printJson, tableText } from '../output.ts';
import { requireUser, who } from './find.ts';

export const sessions = command({
  summary: 'List the live sessions of an account, newest first (at most 100).',
  examples: ['auth-api users sessions ada@example.com'],
  args: { who, json },
  run: ({ args }) =>
    onGround({ command: 'users sessions' }, async ({ db, clock, config }) => {
      const { id } = await requireUser(db, args.who);
      const now = clock.now();
      const idleSince = new Date(now - config.JWT_REFRESH_EXPIRES_IN * 1000);
      const rows = await listSessions(db, id, new Date(now), idleSince, { limit: 100, before: null });
      if (args.json) return printJson({ data: rows });
      const cells = rows.map((row) => [
        row.id,
        row.kind,
        row.address,
        row.last_seen_at.toISOString(),
        plain(row.user_agent).slice(0, 60),
      ]);
      print(
        rows.length === 0
          ? 'There is no live session.'
          : tableText(['id', 'kind', 'address', 'last seen', 'device'], cells),
      );
    }),
});

export const revoke = command({
  summary: 'End the sessions of an account, on every server within a second.',
  examples: ['auth-api users revoke ada@example.com', 'auth-api users revoke ada@example.com --session=019365a2-…'],
  args: { who, session: { type: 'string', description: 'Only this one.', valueHint: 'id' }, json },
  run: ({ args }) =>
    onGround({ command: 'users revoke' }, async ({ db, unit, by }) => {
      const user = await requireUser(db, args.who);
      const only = args.session ?? null;
      if (only !== null && !isUuid(only))
        throw new Failure(EXIT.usage, '--session takes the id of a session, as `users sessions` shows it.');
      await endUserSessions(unit, by, user.id, only);
      if (args.json) printJson({ id: user.id, session: only });
      else note(only === null ? 'all sessions ended' : 'session ended');
    }),
});
