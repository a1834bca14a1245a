import type { Config } from '../../config/config.ts';
import type { Unit } from '../../core/effects/index.ts';
import { afterEnrolment, afterRemoval, codesLine, showTotp, type TotpEnrolment } from '../../core/enrolment/index.ts';
import { type Factors, factorsOf, isFactorWanted } from '../../core/factors/index.ts';
import { securityNotice } from '../../core/outbox/index.ts';
import { lockOwner, type Sessions } from '../../core/sessions/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { principalUser, type UserRow } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Principal } from '../../platform/http/principal.ts';

export interface OwnFactorsDeps {
  config: Pick<Config, 'SERVICE_NAME' | 'PASSKEY_AS_FACTOR' | 'MFA_EMAIL_CODE' | 'REQUIRE_MFA'>;
  unit: Unit;
  factors: Factors;
  sessions: Sessions;
  guesses: Guesses;
}

export async function beginTotp(
  { unit, factors, config }: OwnFactorsDeps,
  principal: Principal,
  origin: RequestOrigin,
): Promise<TotpEnrolment> {
  const secret = await unit.change(async (tx) => {
    await lockOwner(tx, principal);
    return factors.beginTotp(tx, principal.user.id, origin.now);
  });
  if (secret === null) throw new Refusal('factor_exists');
  return showTotp(secret, principal.user.email, config.SERVICE_NAME);
}

/** The first code makes it count. The session has shown a second factor by it, and a cookie session gets a new value. */
export async function confirmTotp(
  deps: OwnFactorsDeps,
  principal: Principal,
  code: string,
  origin: RequestOrigin,
): Promise<{ recoveryCodes: string[]; cookie: string | null }> {
  const done = await deps.unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    if ((await deps.guesses.admitFactor(tx, user.id, principal.deviceId, origin.now)) === undefined) return null;
    if (!(await deps.factors.confirmTotp(tx, user.id, code, origin.now))) return null;
    await deps.guesses.factorSucceeded(tx, user.id, principal.deviceId);
    const { recoveryCodes, effects } = await afterEnrolment(deps, tx, {
      user,
      factor: 'totp',
      codes: 'always',
      origin,
    });
    const cookie = await deps.sessions.reauthenticated(tx, principal, ['otp', 'mfa'], origin.now);
    await record({ ...effects, changed: [user.id, principal.sessionId] });
    return { recoveryCodes: recoveryCodes as string[], cookie };
  });
  if (done === null) throw new Refusal('mfa_invalid');
  return done;
}

export async function removeTotp(deps: OwnFactorsDeps, principal: Principal, origin: RequestOrigin): Promise<void> {
  await deps.unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    if (!(await deps.factors.removeTotp(tx, user.id))) throw new Refusal('not_found');
    if (!user.has_totp) return; // an enrolment that was never confirmed
    requireFactorLeft(deps, user, { totp: false });
    await record(await afterRemoval(deps, tx, { user, factor: 'totp', origin }));
  });
}

/** Where policy wants a factor, the last one is replaced rather than removed. */
export function requireFactorLeft(
  { config }: Pick<OwnFactorsDeps, 'config'>,
  user: UserRow,
  without: { totp?: false; mailFactor?: false },
): void {
  if (isFactorWanted(user.roles, config) && factorsOf({ ...principalUser(user), ...without }, config).length === 0) {
    throw new Refusal('conflict', { detail: 'This account needs a second factor: add another one first.' });
  }
}

/** A new set; the former is void at once (REC-02). */
export async function newRecoveryCodes(
  { unit, factors, config }: OwnFactorsDeps,
  principal: Principal,
  origin: RequestOrigin,
): Promise<string[]> {
  return unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    if (factorsOf(principalUser(user), config).length === 0) {
      throw new Refusal('conflict', { detail: 'Recovery codes stand in for a second factor: enrol one first.' });
    }
    const codes = await factors.newRecoveryCodes(tx, user.id, origin.now);
    await record({
      audit: [codesLine(user.id, origin)],
      mail: [securityNotice(user, 'recovery_codes_created', origin)],
      changed: [user.id],
    });
    return codes;
  });
}
