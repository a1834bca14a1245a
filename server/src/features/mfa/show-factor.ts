import type { Config } from '../../config/config.ts';
import type { Unit } from '../../core/effects/index.ts';
import { endNeedlessReset } from '../../core/factor-reset/index.ts';
import { finishOneTime, peekOneTime } from '../../core/one-time/index.ts';
import { securityNotice } from '../../core/outbox/index.ts';
import type { SecondFactor, Shown } from '../../core/second-factor/index.ts';
import type { Outcome, Pending, SignIn } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db, Tx } from '../../platform/db/index.ts';

export interface ShowFactorDeps {
  db: Db;
  unit: Unit;
  signIn: SignIn;
  secondFactor: SecondFactor;
  guesses: Guesses;
  config: Pick<Config, 'MFA_RESET_DELAY'>;
}

export interface SecondStep {
  readonly token: string;
  readonly shown: Shown;
  readonly session?: 'token' | 'cookie' | undefined;
  readonly deviceToken?: string | undefined;
  readonly trustDevice?: boolean | undefined;
}

type Record = Parameters<Parameters<Unit['change']>[0]>[1];

/**
 * One more proof for a sign-in that waits. Every look is a try, five in all for this sign-in and few for the account;
 * what was wrong with it is one answer.
 */
export async function showFactor(deps: ShowFactorDeps, step: SecondStep, origin: RequestOrigin): Promise<Outcome> {
  const shown = step.shown.factor === 'password' ? await withPassword(deps, step, origin) : step.shown;
  const outcome = await deps.unit.change(async (tx, record) => {
    const pending = await deps.signIn.pending(tx, 'mfa', step.token, origin.now);
    if (pending === null) return null;
    return look(deps, tx, record, { ...step, shown }, pending, origin);
  });
  if (outcome === null) throw new Refusal('mfa_invalid');
  return outcome;
}

async function look(
  deps: ShowFactorDeps,
  tx: Tx,
  record: Record,
  step: SecondStep,
  pending: Pending,
  origin: RequestOrigin,
): Promise<Outcome | null> {
  const { user } = pending;
  const deviceToken = step.deviceToken ?? pending.attempt.deviceToken;
  const about = {
    user,
    flow: pending.id,
    deviceId: await deps.signIn.knownDevice(tx, deviceToken, user.id, origin.now),
    codeHash: pending.codeHash,
    codeFlow: pending.id,
  };
  const seen = pending.factors.includes(step.shown.factor)
    ? await deps.secondFactor.look(tx, step.shown, about, origin)
    : ({ isRight: false, reason: 'not_enrolled' } as const);
  if (!seen.isRight) {
    await refuse(deps, tx, record, pending, { factor: step.shown.factor, reason: seen.reason }, origin);
    return null;
  }
  const how = { origin, mode: step.session, deviceToken: step.deviceToken, trustDevice: step.trustDevice };
  // What the answer shows of the account is as of now.
  const left = user.recovery_codes_left - (seen.proof.method === 'recovery' ? 1 : 0);
  const now = { ...pending, user: { ...user, recovery_codes_left: left } };
  const { outcome, effects } = await deps.signIn.resume(tx, now, seen.proof, how);
  await record(seen.effects);
  await record(effects);
  if (deps.config.MFA_RESET_DELAY > 0 && seen.proof.method !== 'recovery')
    await record(await endNeedlessReset(tx, user, origin));
  return outcome;
}

/** Whoever gets this far knows the first factor: the owner hears of it once the tries are used up (MFA-12). */
async function refuse(
  { guesses }: ShowFactorDeps,
  tx: Tx,
  record: Record,
  { id, user, isLastTry }: Pending,
  what: { factor: string; reason: string },
  origin: RequestOrigin,
): Promise<void> {
  if (isLastTry) await finishOneTime(tx, id, origin.now); // else it would be told of as unfinished, too
  const isTold =
    (isLastTry || what.reason === 'locked') && (await guesses.admitMail(tx, 'factor-notice', user.email, origin.now));
  await record({
    audit: [
      {
        action: 'session.mfa_failed',
        outcome: 'failure',
        actor: { type: 'anonymous' },
        subject: user.id,
        reason: what.reason,
        origin,
        detail: { factor: what.factor },
      },
    ],
    mail: isTold ? [securityNotice(user, 'second_factor_failed', origin)] : [],
  });
}

async function withPassword(deps: ShowFactorDeps, { token, shown }: SecondStep, origin: RequestOrigin): Promise<Shown> {
  const row = await peekOneTime(deps.db, 'mfa', token, origin.now).catch(() => null);
  const userId = row?.user_id ?? null;
  if (userId === null) return shown;
  return { ...shown, verifiedHash: await deps.secondFactor.verifyPassword(userId, shown) };
}
