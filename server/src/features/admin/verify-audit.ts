import { verifyChain } from '../../core/audit/index.ts';
import { lineOf } from '../../core/roles/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { tags } from './schema.ts';
import { VerifyAnswers } from './schema-installation.ts';

type Deps = Pick<House, 'config' | 'db' | 'unit' | 'encryption' | 'clock'>;

export function verifyAuditRoute(app: HttpApp, { config, db, unit, encryption, clock }: Deps): void {
  let isUnderWay = false;
  typed(app).get(
    `${config.API_PREFIX}/admin/audit/verify`,
    {
      config: { access: { permission: 'audit:read' } },
      schema: {
        tags: tags.audit,
        summary: 'Verify the audit log',
        description:
          'Reads the whole chain: seconds for a million lines. One at a time; `auth-api audit verify` does the same on the machine, against a remembered checkpoint.',
        response: VerifyAnswers,
      },
    },
    async (request) => {
      if (isUnderWay) throw new Refusal('busy', { detail: 'A verification is under way.', retryAfter: 10 });
      isUnderWay = true;
      try {
        const report = await verifyChain(db, encryption, { now: clock.now() });
        const { ok, lines, erased, unsealed, faultCount } = report;
        const detail = { ok, lines, faults: faultCount };
        await unit.record({ audit: [lineOf(administrator(request), 'audit.verified', { detail })] });
        return {
          ok,
          lines,
          erased,
          unsealed,
          head: { seq: report.head.seq, hash: report.head.hash.toString('hex') },
          fault_count: faultCount,
          faults: report.faults.map(({ kind, seq, id, detail: what }) => ({
            kind,
            seq: seq ?? null,
            id: id ?? null,
            detail: what,
          })),
        };
      } finally {
        isUnderWay = false;
      }
    },
  );
}
