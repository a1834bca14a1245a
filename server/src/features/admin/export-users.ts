import { Readable } from 'node:stream';
import { covers, EVERYTHING, lineOf } from '../../core/roles/index.ts';
import { exportUsers } from '../../core/user-transfer/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { tags } from './schema.ts';
import { ExportAnswers, FormatQuery } from './schema-installation.ts';

const CONTENT = {
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
} as const;

export function exportUsersRoute(app: HttpApp, { config, db, unit }: Pick<House, 'config' | 'db' | 'unit'>): void {
  typed(app).get(
    `${config.API_PREFIX}/admin/exports`,
    {
      config: { access: { permission: 'users:export' }, fresh: true },
      schema: {
        tags: tags.users,
        summary: 'Export accounts',
        description:
          'All of them, as a stream. With `hashes` also what an import elsewhere needs, for who holds every permission.',
        querystring: FormatQuery,
        response: ExportAnswers,
      },
    },
    async (request, reply) => {
      const { format = 'ndjson', hashes = false } = request.query;
      const by = administrator(request);
      // Whoever has the hashes can try passwords on them, an administrator's too.
      if (hashes && !covers(by.principal.user.permissions, [EVERYTHING])) throw new Refusal('forbidden');
      await unit.record({ audit: [lineOf(by, 'user.exported', { detail: { format, hashes } })] });
      reply.type(CONTENT[format]).header('content-disposition', `attachment; filename="users.${format}"`);
      return reply.send(Readable.from(exportUsers(db, { format, withHashes: hashes })) as never);
    },
  );
}
