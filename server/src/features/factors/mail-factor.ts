import { afterEnrolment, afterRemoval } from '../../core/enrolment/index.ts';
import { setMailFactor } from '../../core/factors/index.ts';
import { issueOneTime, tryOneTime } from '../../core/one-time/index.ts';
import { lockOwner } from '../../core/sessions/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { digits, randomToken } from '../../lib/random.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { type OwnFactorsDeps, requireFactorLeft } from './totp.ts';

/**
 * A code by mail as second factor, for who has a password: beside a sign-in by mail it would be the same factor twice.
 * The first code shows that the mails arrive.
 */
export async function beginMailFactor(
  deps: OwnFactorsDeps,
  principal: Principal,
  origin: RequestOrigin,
): Promise<string> {
  if (!deps.config.MFA_EMAIL_CODE) {
    throw new Refusal('feature_disabled', { detail: 'Codes by mail are switched off as a second factor.' });
  }
  return deps.unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    if (user.has_mail_factor) throw new Refusal('factor_exists');
    if (!user.has_password || user.email_verified_at === null) {
      throw new Refusal('conflict', { detail: 'It takes a password and a verified address.' });
    }
    if (!(await deps.guesses.admitMail(tx, 'factor', user.email, origin.now))) {
      throw new Refusal('rate_limited', { policy: 'mail_code', retryAfter: 3600 });
    }
    const flow = randomToken('fm');
    const code = digits(6);
    const secretHash = deps.factors.codeHash(flow, code);
    const about = { userId: user.id, flow: principal.sessionId, secretHash, value: flow };
    await issueOneTime(tx, 'mail-factor', about, origin.now);
    const { locale } = user;
    await record({
      mail: [{ template: 'mail-code', to: user.email, locale, userId: user.id, data: { code, for: 'factor' } }],
    });
    return flow;
  });
}

/** Recovery codes come with it where the account has none. */
export async function confirmMailFactor(
  deps: OwnFactorsDeps,
  principal: Principal,
  body: { flow: string; code: string },
  origin: RequestOrigin,
): Promise<string[] | null> {
  const hash = deps.factors.codeHash(body.flow, body.code);
  const done = await deps.unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    const row = await tryOneTime(tx, 'mail-factor', body.flow, hash, origin.now);
    const isOwn = row?.user_id === user.id && row.flow === principal.sessionId;
    if (!isOwn || !row.isRight || !(await setMailFactor(tx, user.id, new Date(origin.now)))) return null;
    const { recoveryCodes, effects } = await afterEnrolment(deps, tx, {
      user,
      factor: 'email',
      codes: 'if-none',
      origin,
    });
    await record(effects);
    return { recoveryCodes };
  });
  if (done === null) throw new Refusal('mfa_invalid');
  return done.recoveryCodes;
}

export async function removeMailFactor(
  deps: OwnFactorsDeps,
  principal: Principal,
  origin: RequestOrigin,
): Promise<void> {
  await deps.unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    if (!(await setMailFactor(tx, user.id, null))) throw new Refusal('not_found');
    requireFactorLeft(deps, user, { mailFactor: false });
    await record(await afterRemoval(deps, tx, { user, factor: 'email', origin }));
  });
}
