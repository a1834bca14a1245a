import { type Administrator, grantableRoles, recordDenial, requireStill } from '../../core/roles/index.ts';
import { type ImportDeps, type ImportOptions, type ImportResult, importUsers } from '../../core/user-transfer/index.ts';
import { sha256 } from '../../lib/bytes.ts';
import { Refusal } from '../../lib/refusal.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { tags } from './schema.ts';
import { ImportAnswers, ImportBody, ImportQuery } from './schema-installation.ts';

const BODY_MAX = 32 * 1024 * 1024;
const FORMATS = { 'application/x-ndjson': 'ndjson', 'text/csv': 'csv' } as const;

type Deps = ImportDeps & Pick<House, 'config' | 'idempotency'>;

/** The one route whose body is no JSON: its parsers are registered in a scope of its own. */
export function importUsersRoute(app: HttpApp, deps: Deps): void {
  app.register(async (scope) => {
    for (const type of Object.keys(FORMATS)) {
      scope.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: BODY_MAX }, (_request, body, done) =>
        done(null, body),
      );
    }
    importRoute(scope, deps);
  });
}

function importRoute(app: HttpApp, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/admin/imports`,
    {
      bodyLimit: BODY_MAX,
      config: { access: { permission: 'users:import' }, fresh: true },
      schema: {
        tags: tags.users,
        summary: 'Import accounts',
        description:
          'NDJSON or CSV, a line per account; bad lines are reported by their number. An address that is taken is left as it is. Roles that the importer may not give make a line bad. Takes `Idempotency-Key`.',
        querystring: ImportQuery,
        body: ImportBody,
        response: ImportAnswers,
      },
    },
    async (request) => {
      const by = administrator(request);
      const format = formatOf(request.headers['content-type']);
      if (format === null || !Buffer.isBuffer(request.body)) throw new Refusal('unsupported_media_type');
      const body = request.body;
      const text = textOf(body);
      const { dry_run: dryRun = false, strict = false } = request.query;
      const fingerprint = { format, dryRun, strict, sha256: sha256(body).toString('hex') };
      const answer = await deps.idempotency.run(
        {
          key: request.headers['idempotency-key'],
          route: 'admin-imports',
          caller: by.principal.user.id,
          body: fingerprint,
        },
        async () => ({ status: 200, body: await importAs(deps, by, text, { format, dryRun, strict }) }),
      );
      return answer.body as never;
    },
  );
}

/** `mayGrant` names the bad lines by what is remembered of the administrator; `stillMay` decides, batch by batch. */
async function importAs(
  deps: Deps,
  by: Administrator,
  text: string,
  how: Pick<ImportOptions, 'format' | 'dryRun' | 'strict'>,
): Promise<ImportResult> {
  const { user } = by.principal;
  const grantable = await grantableRoles(deps.db, user.permissions);
  return recordDenial(deps.unit, by, 'users:import', () =>
    importUsers(deps, linesOf(text), {
      ...how,
      actor: { type: 'admin', id: user.id },
      origin: by.origin,
      mayGrant: (role) => grantable.has(role),
      stillMay: (tx, roles) => requireStill(tx, by, 'users:import', roles),
    }),
  );
}

function formatOf(contentType: string | undefined): 'ndjson' | 'csv' | null {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return Object.hasOwn(FORMATS, type) ? FORMATS[type as keyof typeof FORMATS] : null;
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new Refusal('malformed_request', { detail: 'The body is not UTF-8.', cause });
  }
}

async function* linesOf(text: string): AsyncGenerator<string> {
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end < 0 ? text.length : end);
    yield line.endsWith('\r') ? line.slice(0, -1) : line;
    from = end < 0 ? text.length : end + 1;
  }
}
