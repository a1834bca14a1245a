import type { Config } from '../../config/config.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db, Sql, Tx } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { Principal } from '../../platform/http/principal.ts';
import type { AuditEvent } from '../audit/index.ts';
import type { Effects, Unit } from '../effects/index.ts';
import { factorsOf, isFactorWanted } from '../factors/index.ts';
import { finishOneTime, issueOneTime, peekOneTime, tryOneTime } from '../one-time/index.ts';
import type { Sessions } from '../sessions/index.ts';
import type { Guesses } from '../throttle/index.ts';
import { findUser, lockUser, principalUser, type UserRow } from '../users/index.ts';
import { createCompletion, type Seen } from './complete.ts';
import { createDevices } from './devices.ts';
import { type Factor, nextStep, type Proof } from './next-step.ts';
import { type Pending, readPending, type Waiting, writePending } from './pending.ts';
import { type DeviceRow, setFactorDue } from './store.ts';

export {
  type AnswerDeps,
  answerSignIn,
  deviceTokenOf,
  type HttpAnswer,
  replySignIn,
  SignedInView,
  SignInAnswer,
  SignInFields,
  type SignInRequest,
  sendSignIn,
} from './answer.ts';
export { deviceHashOf } from './devices.ts';
export type { Factor, Proof } from './next-step.ts';
export type { Pending, Waiting } from './pending.ts';
export { type DeviceRow, deleteExpiredDevices, distrustDevices, forgetDevices } from './store.ts';

/** A sign-in that is complete: the session that it started, and the device that it is known by from now on. */
export interface SignedIn {
  readonly principal: Principal;
  /** The refresh token, or the value of the session cookie. */
  readonly secret: string;
  readonly deviceToken: string;
  /** Until when policy lets this account in without a second factor, in milliseconds. */
  readonly factorDueAt: number | null;
}

/** What a method of signing in has come to know. */
export interface Attempt {
  readonly user: UserRow;
  readonly proofs: readonly Proof[];
  readonly mode: 'token' | 'cookie';
  readonly deviceToken: string | undefined;
  readonly origin: RequestOrigin;
  /** The hash that was verified: if it was replaced meanwhile, the sign-in is refused. */
  readonly verifiedHash?: string | null;
  /** The identity at a provider that was shown: it must still be the account's when the sign-in is written. */
  readonly identityId?: string;
  /** The action instead of `session.login`; the detail is added to what the line says anyway. */
  readonly audit?: Partial<Pick<AuditEvent, 'action' | 'detail'>>;
  /** Where to go afterwards: an address that was allowed when it was given. */
  readonly returnTo?: string;
}

export type Outcome =
  | { readonly status: 'complete'; readonly signedIn: SignedIn; readonly returnTo?: string }
  | { readonly status: 'mfa_required'; readonly token: string; readonly factors: readonly Factor[] }
  | { readonly status: 'mfa_enrollment_required'; readonly token: string };

export interface Happened<T> {
  readonly outcome: T;
  readonly effects: Effects;
}

/**
 * The one way to a session, for every method of signing in: what was proven goes in, and a session, the question for a
 * second factor, or the demand to enrol one comes out. Throws `email_not_verified`, and `invalid_credentials` for an
 * account that is not active or whose password changed meanwhile.
 */
export interface SignIn {
  /** `seen`: what was read of the account's devices with the account, which spares most sign-ins a transaction. */
  proceed(attempt: Attempt, seen?: Seen): Promise<Outcome>;
  /** The short way alone; null where it takes more than that, and nothing was done. */
  proceedAlone(attempt: Attempt, seen: Seen): Promise<Outcome | null>;
  /** The same inside a transaction that changes more; the caller records the effects. */
  proceedIn(tx: Tx, attempt: Attempt): Promise<Happened<Outcome>>;
  /** Takes one try at a sign-in that waits, and locks its user. Null: used, over, out of tries, or the account changed. */
  pending(tx: Tx, waiting: Waiting, token: string, now: number): Promise<Pending | null>;
  /** The same without a try: for what must be sent or shown before there can be one. */
  peek(tx: Tx, waiting: Waiting, token: string, now: number): Promise<Pending | null>;
  /** Ends the waiting with one more proof, which the caller has just seen; a second one beside it finds nothing. */
  resume(tx: Tx, pending: Pending, proof: Proof, how: Resumption): Promise<Happened<Outcome>>;
  /** The device that a token names, if it is known. */
  deviceOf(token: string | undefined, now: number): Promise<DeviceRow | undefined>;
  /** Its id, if it is this user's. */
  knownDevice(sql: Sql, token: string | undefined, userId: string, now: number): Promise<string | null>;
}

export interface Resumption {
  readonly origin: RequestOrigin;
  readonly mode?: 'token' | 'cookie' | undefined;
  readonly deviceToken?: string | undefined;
  /** Its owner wants to be spared the question on this device. */
  readonly trustDevice?: boolean | undefined;
}

export interface SignInDeps {
  db: Db;
  unit: Unit;
  sessions: Sessions;
  guesses: Guesses;
  encryption: Encryption;
  /** What an administrator asked for and is due: it takes the factors from the account. */
  applyDueReset(tx: Tx, user: UserRow, origin: RequestOrigin): Promise<Effects | null>;
  config: Pick<
    Config,
    'EMAIL_VERIFICATION' | 'PASSKEY_AS_FACTOR' | 'REQUIRE_MFA' | 'REQUIRE_MFA_GRACE' | 'TRUSTED_DEVICE_AGE'
  >;
}

export function createSignIn(deps: SignInDeps): SignIn {
  const { db, unit, config } = deps;
  const devices = createDevices(db);
  const { completeIn, completeAlone } = createCompletion(deps, devices);
  const policy = { requiresVerifiedEmail: config.EMAIL_VERIFICATION === 'required' };

  /** When the account must have a second factor; null where policy does not want one, or it has one. */
  const factorDue = async (tx: Tx, { user, origin }: Attempt): Promise<number | null> => {
    if (!isFactorWanted(user.roles, config) || factorsOf(principalUser(user), config).length > 0) return null;
    if (user.factor_due_at !== null) return user.factor_due_at.getTime();
    const due = origin.now + config.REQUIRE_MFA_GRACE * 1000;
    await setFactorDue(tx, user.id, new Date(due));
    return due;
  };

  const proceedIn: SignIn['proceedIn'] = async (tx, attempt) => {
    const { user, proofs, origin } = attempt;
    const device = await devices.ofUser(tx, attempt.deviceToken, user.id, origin.now);
    const due = await factorDue(tx, attempt);
    const next = nextStep(
      {
        isActive: user.status === 'active',
        isEmailVerified: user.email_verified_at !== null,
        factors: factorsOf(principalUser(user), config),
        hasPassword: user.has_password,
        isDeviceTrusted: device !== undefined && (device.trusted_until?.getTime() ?? 0) > origin.now,
        mustEnrol: due !== null && due <= origin.now,
      },
      proofs,
      policy,
    );
    if (next.step === 'verify_email') throw new Refusal('email_not_verified');
    if (next.step === 'refuse') throw new Refusal('invalid_credentials');
    if (next.step === 'complete') {
      const { signedIn, effects } = await completeIn(tx, attempt, { amr: next.amr, device, due });
      const { returnTo } = attempt;
      return { outcome: { status: 'complete', signedIn, ...(returnTo === undefined ? {} : { returnTo }) }, effects };
    }
    if (next.step === 'second_factor') {
      const reset = await deps.applyDueReset(tx, user, origin);
      const without = reset === null ? undefined : await findUser(tx, user.id);
      if (reset !== null && without !== undefined) {
        const happened = await proceedIn(tx, { ...attempt, user: without });
        return { outcome: happened.outcome, effects: both(reset, happened.effects) };
      }
    }
    const purpose = next.step === 'enrol' ? 'mfa-enrolment' : 'mfa';
    const data = writePending(attempt, device !== undefined, deps.encryption);
    const token = await issueOneTime(tx, purpose, { userId: user.id, data }, origin.now);
    const factors = next.step === 'enrol' ? [] : next.factors;
    const effects: Effects = {
      audit: [
        {
          action: next.step === 'enrol' ? 'session.mfa_enrolment_required' : 'session.mfa_required',
          outcome: 'success',
          actor: { type: 'user', id: user.id },
          subject: user.id,
          origin,
          detail: { ...attempt.audit?.detail, amr: proofs.map((proof) => proof.method), factors },
        },
      ],
    };
    if (next.step === 'enrol') return { outcome: { status: 'mfa_enrollment_required', token }, effects };
    return { outcome: { status: 'mfa_required', token, factors }, effects };
  };

  /**
   * The way that most sign-ins take: nothing but the first proof is asked of the account, so one statement does it all.
   * Null where more is to be decided, or the account changed since it was read.
   */
  const proceedAlone = async (attempt: Attempt, seen: Seen): Promise<Outcome | null> => {
    const { user } = attempt;
    const hasFactors = user.has_totp || user.has_mail_factor || user.passkeys > 0;
    const isWrittenToWithCare = seen.device === undefined && seen.hasDevices && user.email_verified_at === null;
    if (hasFactors || isWrittenToWithCare || isFactorWanted(user.roles, config)) return null;
    const who = {
      isActive: user.status === 'active',
      isEmailVerified: user.email_verified_at !== null,
      factors: [],
      hasPassword: user.has_password,
      isDeviceTrusted: false,
      mustEnrol: false,
    };
    const next = nextStep(who, attempt.proofs, policy);
    const signedIn = next.step === 'complete' ? await completeAlone(attempt, next.amr, seen) : null;
    return signedIn === null ? null : { status: 'complete', signedIn };
  };

  return {
    deviceOf: devices.byToken,
    knownDevice: async (sql, token, userId, now) => (await devices.ofUser(sql, token, userId, now))?.id ?? null,
    proceedIn,
    proceedAlone,
    async proceed(attempt, seen) {
      const outcome = seen === undefined ? null : await proceedAlone(attempt, seen);
      if (outcome !== null) return outcome;
      return unit.change(async (tx, record) => {
        const happened = await proceedIn(tx, attempt);
        await record(happened.effects);
        return happened.outcome;
      });
    },
    async pending(tx, waiting, token, now) {
      // First the user, then what hangs on it, as everything that ends sign-ins does: else they stand in each other's way.
      const found = await peekOneTime(tx, waiting, token, now).catch(() => null);
      if (found?.user_id == null || !(await lockUser(tx, found.user_id))) return null;
      const row = await tryOneTime(tx, waiting, token, null, now);
      return row === undefined ? null : readPending(tx, row, deps);
    },
    async peek(tx, waiting, token, now) {
      const row = await peekOneTime(tx, waiting, token, now).catch(() => null);
      if (row?.user_id == null || !(await lockUser(tx, row.user_id))) return null;
      return readPending(tx, { ...row, attempts: 0, isRight: false, secretHash: null }, deps);
    },
    async resume(tx, pending, proof, how) {
      if (!(await finishOneTime(tx, pending.id, how.origin.now))) throw new Refusal('mfa_invalid');
      const { attempt, user } = pending;
      const happened = await proceedIn(tx, {
        ...attempt,
        user,
        origin: how.origin,
        proofs: [...attempt.proofs, proof],
        mode: how.mode ?? attempt.mode,
        deviceToken: how.deviceToken ?? attempt.deviceToken,
      });
      const { outcome } = happened;
      if (how.trustDevice && config.TRUSTED_DEVICE_AGE > 0 && outcome.status === 'complete') {
        const until = how.origin.now + config.TRUSTED_DEVICE_AGE * 1000;
        const line = await devices.trust(tx, outcome.signedIn.principal, how.origin, new Date(until));
        return { outcome, effects: { ...happened.effects, audit: [...(happened.effects.audit ?? []), line] } };
      }
      return happened;
    },
  };
}

function both(a: Effects, b: Effects): Effects {
  return {
    audit: [...(a.audit ?? []), ...(b.audit ?? [])],
    mail: [...(a.mail ?? []), ...(b.mail ?? [])],
    changed: [...(a.changed ?? []), ...(b.changed ?? [])],
  };
}
