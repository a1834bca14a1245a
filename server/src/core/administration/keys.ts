import { Refusal } from '../../lib/refusal.ts';
import { EVERYONE } from '../changes/index.ts';
import type { Unit } from '../effects/index.ts';
import type { Keys } from '../keys/index.ts';
import { type Administrator, administer, lineOf } from '../roles/index.ts';

export interface KeyView {
  kid: string;
  alg: string;
  status: 'next' | 'active' | 'retired' | 'revoked';
  managed: boolean;
  created_at: string | null;
  active_from: string | null;
  retired_at: string | null;
  revoked_at: string | null;
}

/** Public facts only; where the keys are the operator's own, nothing but their names. */
export async function listKeyViews(keys: Keys, now: number): Promise<KeyView[]> {
  if (!keys.managed) {
    const unknown = { created_at: null, active_from: null, retired_at: null, revoked_at: null };
    const signer = keys.signer().kid;
    return keys.verifiers().map(({ kid, alg }) => {
      return { kid, alg, status: kid === signer ? 'active' : 'retired', managed: false, ...unknown };
    });
  }
  return (await keys.list()).map((row) => ({
    kid: row.kid,
    alg: row.alg,
    status: statusOf(row, now),
    managed: true,
    created_at: row.created_at.toISOString(),
    active_from: row.active_from.toISOString(),
    retired_at: row.retired_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  }));
}

function statusOf(
  row: { active_from: Date; retired_at: Date | null; revoked_at: Date | null },
  now: number,
): KeyView['status'] {
  if (row.revoked_at !== null) return 'revoked';
  if (row.retired_at !== null && row.retired_at.getTime() <= now) return 'retired';
  return row.active_from.getTime() > now ? 'next' : 'active';
}

/** A new key: in five minutes, when others have had time to fetch it, or at once where the present one is not trusted. */
export async function rotateKeys(unit: Unit, keys: Keys, by: Administrator, immediately: boolean): Promise<string> {
  requireManaged(keys);
  const kid = await administer(unit, by, 'keys:write', async (tx, record) => {
    const made = await keys.rotate(tx, { immediately });
    await record({ audit: [lineOf(by, 'key.rotated', { detail: { kid: made, immediately } })], changed: [EVERYONE] });
    return made;
  });
  await keys.reload();
  return kid;
}

export async function revokeKey(unit: Unit, keys: Keys, by: Administrator, kid: string): Promise<void> {
  requireManaged(keys);
  await administer(unit, by, 'keys:write', async (tx, record) => {
    if (!(await keys.revoke(tx, kid))) throw new Refusal('not_found');
    await record({ audit: [lineOf(by, 'key.revoked', { detail: { kid } })], changed: [EVERYONE] });
  });
  await keys.reload();
}

function requireManaged(keys: Keys): void {
  if (keys.managed) return;
  throw new Refusal('conflict', { detail: 'The keys are given by the configuration: change them there.' });
}
