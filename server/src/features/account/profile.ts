import type { Unit } from '../../core/effects/index.ts';
import { principalUser, requireName, updateProfile } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Principal, PrincipalUser } from '../../platform/http/principal.ts';

export interface ProfileChange {
  name?: string | null;
  picture?: string | null;
  locale?: string | null;
}

export async function changeProfile(
  unit: Unit,
  principal: Principal,
  change: ProfileChange,
  origin: RequestOrigin,
): Promise<PrincipalUser> {
  const clean = {
    ...change,
    ...(typeof change.name === 'string' ? { name: requireName(change.name) } : {}),
    ...(typeof change.picture === 'string' ? { picture: requireUrl(change.picture) } : {}),
  };
  return unit.change(async (tx, record) => {
    const row = await updateProfile(tx, principal.user.id, clean, new Date(origin.now));
    if (row === undefined) throw new Refusal('session_revoked');
    await record({
      audit: [
        {
          action: 'user.updated',
          outcome: 'success',
          actor: { type: 'user', id: row.id },
          subject: row.id,
          session: principal.sessionId,
          origin,
          detail: { fields: Object.keys(change) },
        },
      ],
      changed: [row.id],
    });
    return principalUser(row);
  });
}

function requireUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new Refusal('validation_failed', {
      errors: [{ field: 'picture', code: 'url', message: 'is not an https address' }],
    });
  }
  return url.href;
}
