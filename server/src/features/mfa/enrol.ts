import type { Config } from '../../config/config.ts';
import type { Unit } from '../../core/effects/index.ts';
import { afterEnrolment, showTotp, type TotpEnrolment } from '../../core/enrolment/index.ts';
import type { Factors } from '../../core/factors/index.ts';
import type { Outcome, SignIn } from '../../core/signin/index.ts';
import { findUser } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';

export interface EnrolDeps {
  config: Pick<Config, 'SERVICE_NAME' | 'PASSKEY_AS_FACTOR'>;
  unit: Unit;
  signIn: SignIn;
  factors: Factors;
}

/** A new secret for an account that may not go on without a factor. It counts for nothing until a code confirms it. */
export async function beginEnrolment(deps: EnrolDeps, token: string, origin: RequestOrigin): Promise<TotpEnrolment> {
  const { secret, email } = await deps.unit.change(async (tx) => {
    const pending = await deps.signIn.peek(tx, 'mfa-enrolment', token, origin.now);
    if (pending === null || pending.factors.length > 0) throw new Refusal('mfa_invalid');
    const fresh = await deps.factors.beginTotp(tx, pending.user.id, origin.now);
    if (fresh === null) throw new Refusal('factor_exists');
    return { secret: fresh, email: pending.user.email };
  });
  return showTotp(secret, email, deps.config.SERVICE_NAME);
}

/** The first code: the factor counts from here on, and the sign-in that waited for it is complete. */
export async function confirmEnrolment(
  deps: EnrolDeps,
  body: { mfa_token: string; code: string; session?: 'token' | 'cookie'; device_token?: string | undefined },
  origin: RequestOrigin,
): Promise<{ outcome: Outcome; recoveryCodes: string[] | null }> {
  const done = await deps.unit.change(async (tx, record) => {
    const pending = await deps.signIn.pending(tx, 'mfa-enrolment', body.mfa_token, origin.now);
    // It has got a factor elsewhere by now: that one is asked for at the next sign-in.
    if (pending === null || pending.factors.length > 0) return null;
    const { user } = pending;
    if (!(await deps.factors.confirmTotp(tx, user.id, body.code, origin.now))) {
      const actor = { type: 'anonymous' } as const;
      const line = { actor, subject: user.id, origin, reason: 'wrong', detail: { factor: 'totp' } };
      await record({ audit: [{ action: 'session.mfa_failed', outcome: 'failure', ...line }] });
      return null;
    }
    const proof = { method: 'otp', factor: 'totp' } as const;
    const how = { origin, mode: body.session, deviceToken: body.device_token };
    const withFactor = { ...pending, user: (await findUser(tx, user.id)) ?? user };
    const { outcome, effects } = await deps.signIn.resume(tx, withFactor, proof, how);
    const enrolled = await afterEnrolment(deps, tx, { user, factor: 'totp', codes: 'always', origin });
    await record(enrolled.effects);
    await record(effects);
    return { outcome, recoveryCodes: enrolled.recoveryCodes };
  });
  if (done === null) throw new Refusal('mfa_invalid');
  return done;
}
