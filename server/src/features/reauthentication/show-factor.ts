import type { Config } from '../../config/config.ts';
import type { Unit } from '../../core/effects/index.ts';
import { factorsOf } from '../../core/factors/index.ts';
import type { SecondFactor, Shown } from '../../core/second-factor/index.ts';
import { lockOwner, type Sessions } from '../../core/sessions/index.ts';
import type { Factor } from '../../core/signin/index.ts';
import { principalUser } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Principal, PrincipalUser } from '../../platform/http/principal.ts';

export interface ReauthenticateByFactorDeps {
  config: Pick<Config, 'PASSKEY_AS_FACTOR'>;
  unit: Unit;
  sessions: Sessions;
  secondFactor: SecondFactor;
}

/** What the session can be renewed by beside the password; a passkey also where it is not asked for at sign-in. */
export function renewingFactors(user: PrincipalUser, config: Pick<Config, 'PASSKEY_AS_FACTOR'>): Factor[] {
  const factors = factorsOf(user, config).filter((factor) => factor !== 'email');
  return user.passkeys > 0 && !factors.includes('passkey') ? ['passkey', ...factors] : factors;
}

/** Step-up within a session: it counts as authenticated by a second factor from here on. The new cookie value, or null. */
export async function reauthenticateByFactor(
  deps: ReauthenticateByFactorDeps,
  principal: Principal,
  shown: Shown,
  origin: RequestOrigin,
): Promise<string | null> {
  const done = await deps.unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    const about = {
      user,
      flow: principal.sessionId,
      deviceId: principal.deviceId,
      codeHash: null,
      codeFlow: principal.sessionId,
    };
    const isOffered = renewingFactors(principalUser(user), deps.config).includes(shown.factor);
    const seen = isOffered
      ? await deps.secondFactor.look(tx, shown, about, origin)
      : ({ isRight: false, reason: 'not_enrolled' } as const);
    const line = {
      action: 'session.reauthenticated',
      actor: { type: 'user', id: user.id },
      subject: user.id,
      session: principal.sessionId,
      origin,
      detail: { factor: shown.factor },
    } as const;
    if (!seen.isRight) {
      await record({ audit: [{ ...line, outcome: 'failure', reason: seen.reason }] });
      return null;
    }
    const cookie = await deps.sessions.reauthenticated(tx, principal, [seen.proof.method, 'mfa'], origin.now);
    await record(seen.effects);
    await record({ audit: [{ ...line, outcome: 'success' }], changed: [principal.sessionId] });
    return { cookie };
  });
  if (done === null) throw new Refusal('mfa_invalid');
  return done.cookie;
}
