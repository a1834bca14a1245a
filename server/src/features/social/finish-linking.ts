import type { Unit } from '../../core/effects/index.ts';
import { findSession } from '../../core/sessions/index.ts';
import { lockUser } from '../../core/users/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { Back, Reply } from './come-back.ts';
import { Again, link } from './resolve-user.ts';
import { withQuery } from './return-to.ts';
import { sealTokens } from './tokens-at-rest.ts';

/** The signed-in user who asked to add a provider has come back: the session that asked must still stand. */
export async function finishLinking(
  { unit, encryption }: { unit: Unit; encryption: Encryption },
  { provider, kept, row, profile, tokens, origin }: Back,
): Promise<Reply> {
  const tokensSealed = tokens === null ? null : sealTokens(encryption, profile, tokens);
  await unit.change(async (tx, record) => {
    const userId = row.user_id as string;
    const isThere = await lockUser(tx, userId);
    const session = isThere ? await findSession(tx, kept.linking_session as string) : undefined;
    // A session's row holds its user's, whose id it is.
    const stands =
      session !== undefined &&
      session.id === userId &&
      session.status === 'active' &&
      session.ended_at === null &&
      session.expires_at.getTime() > origin.now;
    if (!stands) throw new Refusal('state_invalid');
    const arrival = { profile, providerName: provider.settings.name, tokensSealed, origin };
    await link(tx, record, arrival, session, { automatic: false }).catch((error: unknown) => {
      throw error instanceof Again ? new Refusal('identity_taken') : error;
    });
  });
  return {
    location: withQuery(kept.return_to as string, { linked: provider.settings.id }),
    cookies: [],
    outcome: 'linked',
  };
}
