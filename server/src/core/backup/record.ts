import { uuidv7 } from '../../lib/id.ts';
import { randomToken } from '../../lib/random.ts';
import type { Db } from '../../platform/db/index.ts';
import type { AuditEvent } from '../audit/index.ts';
import type { Unit } from '../effects/index.ts';
import type { Check } from './check.ts';
import type { Manifest } from './manifest.ts';
import { insertProof, isLockedHere, lockHere, type RestoreProof } from './store.ts';

/** Keeps what came of a restore, also of one that failed, with a line of the audit log. */
export async function recordProof(
  unit: Unit,
  { manifest, checks, now }: { manifest: Manifest; checks: readonly Check[]; now: number },
  line: (event: Pick<AuditEvent, 'action'> & Partial<AuditEvent>) => AuditEvent,
): Promise<RestoreProof> {
  const proof: RestoreProof = {
    id: uuidv7(now),
    at: new Date(now),
    backup: manifest.name,
    backup_as_of: manifest.asOf,
    backup_sha256: manifest.sha256,
    ok: checks.every((one) => one.ok),
    checks,
  };
  const failed = checks.filter((one) => !one.ok).map((one) => one.name);
  await unit.change(async (tx, record) => {
    await insertProof(tx, proof);
    await record({
      audit: [
        line({
          action: 'backup.proven',
          outcome: proof.ok ? 'success' : 'failure',
          detail: { backup: proof.backup, ...(failed.length > 0 && { failed }) },
        }),
      ],
    });
  });
  return proof;
}

/** Whether two handles lead to one database, by whatever names. */
export function isSameDatabase(one: Db, other: Db): Promise<boolean> {
  const name = randomToken('same', 12);
  return one.transaction(async (tx) => {
    await lockHere(tx, name);
    return other.transaction((there) => isLockedHere(there, name));
  });
}
