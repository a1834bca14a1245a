import { Readable } from 'node:stream';
import { type AuditFilter, exportAudit, searchAudit } from '../../core/audit/index.ts';
import { lineOf } from '../../core/roles/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { tags } from './schema.ts';
import { AuditAnswers, AuditQuery } from './schema-installation.ts';

const CONTENT = {
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
} as const;

type Deps = Pick<House, 'config' | 'db' | 'unit'>;

export function searchAuditRoute(app: HttpApp, { config, db, unit }: Deps): void {
  typed(app).get(
    `${config.API_PREFIX}/admin/audit`,
    {
      config: { access: { permission: 'audit:read' } },
      schema: {
        tags: tags.audit,
        summary: 'Search and export the audit log',
        description:
          'Newest first, a page at a time; with `format` everything that the filter finds, as a stream. An export leaves a line of its own.',
        querystring: AuditQuery,
        response: AuditAnswers,
      },
    },
    async (request, reply) => {
      const { format, limit = 25, cursor, ...rest } = request.query;
      const filter = filterOf(rest);
      if (format === undefined) {
        return searchAudit(db, filter, { limit, ...(cursor === undefined ? {} : { cursor }) });
      }
      const text = exportAudit(db, filter, format);
      await unit.record({
        audit: [lineOf(administrator(request), 'audit.exported', { detail: { format, filter: Object.keys(filter) } })],
      });
      reply.type(CONTENT[format]).header('content-disposition', `attachment; filename="audit.${format}"`);
      return reply.send(Readable.from(text) as never);
    },
  );
}

interface Query extends Omit<AuditFilter, 'subject' | 'from' | 'to' | 'requestId'> {
  user?: string;
  request_id?: string;
  from?: string;
  to?: string;
}

function filterOf({ user, request_id, from, to, ...rest }: Query): AuditFilter {
  return {
    ...rest,
    ...(user === undefined ? {} : { subject: user }),
    ...(request_id === undefined ? {} : { requestId: request_id }),
    ...(from === undefined ? {} : { from: new Date(from) }),
    ...(to === undefined ? {} : { to: new Date(to) }),
  };
}
