import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import type { Effects } from '../effects/index.ts';
import { principalUser, touchLogin, type UserRow } from '../users/index.ts';
import type { Devices } from './devices.ts';
import type { Attempt, SignedIn, SignInDeps } from './index.ts';
import type { DeviceRow } from './store.ts';

export interface Decided {
  readonly amr: readonly string[];
  readonly device: DeviceRow | undefined;
  readonly due: number | null;
}

/** The session itself, for a sign-in in which everything is proven. */
export function createCompletion(
  { sessions, guesses }: Pick<SignInDeps, 'sessions' | 'guesses'>,
  devices: Devices,
): (tx: Tx, attempt: Attempt, decided: Decided) => Promise<{ signedIn: SignedIn; effects: Effects }> {
  return async (tx, attempt, { amr, device, due }) => {
    const { origin, user } = attempt;
    if (!(await touchLogin(tx, user.id, attempt.verifiedHash ?? null, new Date(origin.now)))) {
      throw new Refusal('invalid_credentials');
    }
    const from = await devices.welcome(tx, device, { userId: user.id, token: attempt.deviceToken, origin });
    await guesses.succeeded(tx, user.email, from.isStrange ? null : from.id);
    // An address that nobody has proven is not written to without end.
    const isWelcome =
      !from.isStrange ||
      user.email_verified_at !== null ||
      (await guesses.admitMail(tx, 'notice', user.email, origin.now));
    const who = { userId: user.id, kind: attempt.mode, amr, deviceId: from.id };
    const session = await sessions.start(tx, who, origin);
    const principal: Principal = {
      sessionId: session.id,
      kind: attempt.mode,
      deviceId: from.id,
      amr,
      authenticatedAt: origin.now,
      factorAt: amr.includes('mfa') ? origin.now : null,
      createdAt: origin.now,
      expiresAt: session.expiresAt,
      user: principalUser({ ...user, last_login_at: new Date(origin.now) }),
      impersonator: null,
    };
    const effects: Effects = {
      audit: [
        {
          action: attempt.audit?.action ?? 'session.login',
          outcome: 'success',
          actor: { type: 'user', id: user.id },
          subject: user.id,
          session: session.id,
          origin,
          detail: { ...attempt.audit?.detail, amr, new_device: from.isStrange },
        },
      ],
      mail: from.isStrange && isWelcome ? [newDeviceMail(user, origin)] : [],
      changed: [user.id],
    };
    return { signedIn: { principal, secret: session.secret, deviceToken: from.token, factorDueAt: due }, effects };
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
