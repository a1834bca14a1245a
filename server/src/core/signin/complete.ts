import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import type { Effects } from '../effects/index.ts';
import type { SessionOwner, StartedSession } from '../sessions/index.ts';
import { principalUser, touchLogin, type UserRow } from '../users/index.ts';
import type { Devices } from './devices.ts';
import type { Attempt, SignedIn, SignInDeps } from './index.ts';
import { completeAlone, type DeviceRow } from './store.ts';

export interface Decided {
  readonly amr: readonly string[];
  readonly device: DeviceRow | undefined;
  readonly due: number | null;
}

/** What was read of an account together with its password. */
export interface Seen {
  /** The account's own device that the sign-in names. */
  readonly device: DeviceRow | undefined;
  readonly hasDevices: boolean;
}

interface From {
  readonly id: string;
  readonly token: string;
  /** The account had others: a mail is worth it. */
  readonly isStrange: boolean;
}

export interface Completion {
  /** The session itself, for a sign-in in which everything is proven. */
  completeIn(tx: Tx, attempt: Attempt, decided: Decided): Promise<{ signedIn: SignedIn; effects: Effects }>;
  /** The same by one statement and no more. Null where the account is not any more what was decided about. */
  completeAlone(attempt: Attempt, amr: readonly string[], seen: Seen): Promise<SignedIn | null>;
}

export function createCompletion(
  { db, unit, sessions, guesses }: Pick<SignInDeps, 'db' | 'unit' | 'sessions' | 'guesses'>,
  devices: Devices,
): Completion {
  return {
    async completeIn(tx, attempt, { amr, device, due }) {
      const { origin, user } = attempt;
      if (!(await touchLogin(tx, user.id, attempt.verifiedHash ?? null, new Date(origin.now)))) {
        throw new Refusal('invalid_credentials');
      }
      const from = await devices.welcome(tx, device, { userId: user.id, token: attempt.deviceToken, origin });
      await guesses.succeeded(tx, user.email, from.isStrange ? null : from.id);
      // An address that nobody has proven is not written to without end.
      const isWelcome =
        from.isStrange &&
        (user.email_verified_at !== null || (await guesses.admitMail(tx, 'notice', user.email, origin.now)));
      const session = await sessions.start(tx, ownerOf(attempt, amr, from), origin);
      const signedIn = signedInAs(attempt, amr, from, session, due);
      return { signedIn, effects: { ...effectsOf(attempt, amr, from, session.id, isWelcome), changed: [user.id] } };
    },

    async completeAlone(attempt, amr, { device, hasDevices }) {
      const { origin, user } = attempt;
      const { from, hash, expiresAt } = devices.meet(device, hasDevices, attempt);
      const { row, started } = sessions.draft(ownerOf(attempt, amr, from), origin);
      const isDone = await unit.together(effectsOf(attempt, amr, from, started.id, from.isStrange), (effects) =>
        completeAlone(db, {
          userId: user.id,
          userVersion: user.version,
          verifiedHash: attempt.verifiedHash ?? null,
          identityId: attempt.identityId ?? null,
          device: { id: from.id, hash, expiresAt },
          guardKeys: guesses.keysOf(user.email, from.isStrange ? null : from.id),
          session: row,
          effects,
        }),
      );
      return isDone ? signedInAs(attempt, amr, from, started, null) : null;
    },
  };
}

function ownerOf({ user, mode }: Attempt, amr: readonly string[], from: From): SessionOwner {
  return { userId: user.id, kind: mode, amr, deviceId: from.id };
}

function signedInAs(
  { user, mode, origin }: Attempt,
  amr: readonly string[],
  from: From,
  session: StartedSession,
  due: number | null,
): SignedIn {
  const principal: Principal = {
    sessionId: session.id,
    kind: mode,
    deviceId: from.id,
    amr,
    authenticatedAt: origin.now,
    factorAt: amr.includes('mfa') ? origin.now : null,
    createdAt: origin.now,
    expiresAt: session.expiresAt,
    user: principalUser({ ...user, last_login_at: new Date(origin.now) }),
    impersonator: null,
  };
  return { principal, secret: session.secret, deviceToken: from.token, factorDueAt: due };
}

function effectsOf(
  { audit, user, origin }: Attempt,
  amr: readonly string[],
  from: From,
  session: string,
  isTold: boolean,
): Pick<Effects, 'audit' | 'mail'> {
  return {
    audit: [
      {
        action: audit?.action ?? 'session.login',
        outcome: 'success',
        actor: { type: 'user', id: user.id },
        subject: user.id,
        session,
        origin,
        detail: { ...audit?.detail, amr, new_device: from.isStrange },
      },
    ],
    mail: isTold ? [newDeviceMail(user, origin)] : [],
  };
}

function newDeviceMail(user: UserRow, origin: RequestOrigin): NonNullable<Effects['mail']>[number] {
  return {
    template: 'new-device',
    to: user.email,
    locale: user.locale,
    userId: user.id,
    data: {
      when: new Date(origin.now).toISOString(),
      device: origin.userAgent,
      address: origin.address,
      ...(user.name === null || user.email_verified_at === null ? {} : { name: user.name }),
    },
  };
}
