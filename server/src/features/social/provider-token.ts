import { findTokens, replaceTokens } from '../../core/identities/index.ts';
import type { Providers, ProviderTokens } from '../../core/providers/index.ts';
import { isUuid } from '../../lib/id.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { openTokens, sealTokens } from './tokens-at-rest.ts';

export interface ProviderTokenDeps {
  db: Db;
  clock: Clock;
  encryption: Encryption;
  providers: Providers;
}

const MARGIN_MS = 60_000;

/** The provider's access token, renewed where it is over. Of two that renew it at once, both get what one has stored. */
export async function readProviderToken(
  deps: ProviderTokenDeps,
  principal: Principal,
  id: string,
): Promise<ProviderTokens> {
  if (principal.impersonator !== null) throw new Refusal('forbidden', { detail: 'Not while acting as another user.' });
  const row = isUuid(id) ? await findTokens(deps.db, principal.user.id, id) : undefined;
  if (row === undefined) throw new Refusal('not_found');
  if (row.tokens_sealed === null) throw new Refusal('not_found', { detail: 'No token of this provider is kept.' });
  const tokens = openTokens(deps.encryption, row, row.tokens_sealed);
  if (tokens.expiresAt === null || tokens.expiresAt - MARGIN_MS > deps.clock.now()) return tokens;
  if (tokens.refreshToken === null) {
    throw new Refusal('provider_denied', {
      detail: 'The token is over, and there is none to renew it: sign in again.',
    });
  }
  const sealed = row.tokens_sealed;
  const stored = async (): Promise<ProviderTokens | null> => {
    const now = await findTokens(deps.db, principal.user.id, id);
    if (now === undefined || now.tokens_sealed === null || now.tokens_sealed === sealed) return null;
    return openTokens(deps.encryption, now, now.tokens_sealed);
  };
  let fresh: ProviderTokens;
  try {
    fresh = await deps.providers.byId(row.provider).refresh(tokens);
  } catch (error) {
    const others = await stored(); // a refresh token that turns is refused to whoever comes second
    if (others !== null) return others;
    throw error;
  }
  if (await replaceTokens(deps.db, id, sealed, sealTokens(deps.encryption, row, fresh))) return fresh;
  return (await stored()) ?? fresh;
}
