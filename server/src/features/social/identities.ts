import type { Unit } from '../../core/effects/index.ts';
import { deleteIdentity, type IdentityRow, listIdentities, requireAnotherWayIn } from '../../core/identities/index.ts';
import { endOneTime, useOneTime } from '../../core/one-time/index.ts';
import type { Profile, Providers } from '../../core/providers/index.ts';
import { lockOwner } from '../../core/sessions/index.ts';
import { isUuid } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { CookieNames } from '../../platform/http/cookies.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { flowOf } from './binding.ts';
import { identityLine, linkNotices } from './letters.ts';
import { Again, link } from './resolve-user.ts';

export interface IdentitiesDeps {
  unit: Unit;
  encryption: Encryption;
  cookies: CookieNames;
  providers: Providers;
}

export function identityView(row: IdentityRow) {
  return {
    id: row.id,
    provider: row.provider,
    email: row.email,
    has_token: row.has_tokens,
    created_at: row.created_at.toISOString(),
    last_used_at: row.last_used_at.toISOString(),
  };
}

interface Waiting {
  profile: Profile;
  providerName: string;
  tokensSealed: string | null;
}

/** The owner of the account has signed in to it, and takes the provider that `link_required` was about. */
export async function linkByToken(
  deps: IdentitiesDeps,
  principal: Principal,
  body: { link_token: string; code_verifier?: string },
  from: { cookie: string | undefined; origin: RequestOrigin },
): Promise<IdentityRow> {
  const { origin, cookie } = from;
  const flow = flowOf(deps.cookies, body.link_token, { cookie, verifier: body.code_verifier });
  if (flow === null) throw new Refusal('token_invalid');
  return deps.unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    const row = await useOneTime(tx, 'provider-link', body.link_token, origin.now, flow);
    // Another account than the one that it was made for: refused, and not used up.
    if (row.user_id !== user.id) throw new Refusal('token_invalid');
    const waiting = JSON.parse(deps.encryption.open('provider-link', row.data.identity as string)) as Waiting;
    deps.providers.byId(waiting.profile.provider);
    const id = await link(tx, record, { ...waiting, origin }, user, { automatic: false }).catch((error: unknown) => {
      throw error instanceof Again ? new Refusal('identity_taken') : error;
    });
    return (await listIdentities(tx, user.id)).find((one) => one.id === id) as IdentityRow;
  });
}

export async function unlink(
  deps: IdentitiesDeps,
  principal: Principal,
  id: string,
  origin: RequestOrigin,
): Promise<void> {
  if (!isUuid(id)) throw new Refusal('not_found');
  const { user } = principal;
  await deps.unit.change(async (tx, record) => {
    await lockOwner(tx, principal);
    if (!(await listIdentities(tx, user.id)).some((one) => one.id === id)) throw new Refusal('not_found');
    await requireAnotherWayIn(tx, user.id);
    const identity = await deleteIdentity(tx, user.id, id);
    if (identity === undefined) throw new Refusal('not_found');
    await endOneTime(tx, user.id, ['provider-code'], origin.now);
    const provider = deps.providers.list.find((one) => one.settings.id === identity.provider);
    // Whether the address there was ever proven is not known any more: only the owner's own is written to.
    const other = { email: identity.email, isVerified: false };
    await record({
      audit: [identityLine('identity.unlinked', user, identity, origin)],
      mail: linkNotices('identity_unlinked', user, other, provider?.settings.name ?? identity.provider, origin),
      changed: [user.id],
    });
  });
}
