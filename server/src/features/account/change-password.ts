import type { Unit } from '../../core/effects/index.ts';
import { endOneTime, SIGN_IN_PURPOSES } from '../../core/one-time/index.ts';
import type { OutgoingMail } from '../../core/outbox/index.ts';
import type { Passwords } from '../../core/passwords/index.ts';
import { endImpersonations, endSessions, type Sessions } from '../../core/sessions/index.ts';
import { forgetDevices } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { findPasswordHash, lockUser, setPassword } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';

export interface ChangePasswordDeps {
  db: Db;
  unit: Unit;
  passwords: Passwords;
  guesses: Guesses;
  sessions: Sessions;
}

/** Takes the current password; every other session and known device ends. A cookie session's new value, else null. */
export async function changePassword(
  deps: ChangePasswordDeps,
  principal: Principal,
  body: { current_password: string; new_password: string },
  origin: RequestOrigin,
): Promise<string | null> {
  const { id, email, emailVerified, name } = principal.user;
  const faults = await deps.passwords.check(body.new_password, { email, name });
  if (faults.length > 0) {
    throw new Refusal('password_rejected', { errors: faults.map((fault) => ({ ...fault, field: 'new_password' })) });
  }
  const verifiedHash = await verifyCurrent(deps, principal, body.current_password, origin);
  const hash = await deps.passwords.hash(body.new_password);
  const now = new Date(origin.now);

  return deps.unit.change(async (tx, record) => {
    await lockUser(tx, id);
    // Another change came first: what was proven is the password of then.
    if ((await findPasswordHash(tx, id)) !== verifiedHash) throw new Refusal('invalid_credentials');
    await setPassword(tx, id, hash, now);
    const ended = await endSessions(tx, { userId: id, except: principal.sessionId }, 'password_changed', now);
    const acting = await endImpersonations(tx, id, now);
    await forgetDevices(tx, id, principal.deviceId);
    const links = ['reset-password', 'choose-password', 'confirm-email', ...SIGN_IN_PURPOSES] as const;
    await endOneTime(tx, id, links, origin.now);
    await deps.guesses.succeeded(tx, email, principal.deviceId);
    const cookie = await deps.sessions.reauthenticated(tx, principal, ['pwd'], origin.now);
    // An address that was never proven may be a stranger's: it gets only so many mails an hour.
    const isTold = emailVerified || (await deps.guesses.admitMail(tx, 'notice', email, origin.now));
    const mail: OutgoingMail = {
      template: 'password-changed',
      to: email,
      locale: principal.user.locale,
      userId: id,
      data: { when: now.toISOString(), device: origin.userAgent, address: origin.address },
    };
    await record({
      audit: [
        {
          action: 'user.password_changed',
          outcome: 'success',
          actor: { type: 'user', id },
          subject: id,
          session: principal.sessionId,
          origin,
          detail: { sessions_ended: ended.length },
        },
      ],
      mail: isTold ? [mail] : [],
      changed: [id, ...acting],
    });
    return cookie;
  });
}

async function verifyCurrent(
  { db, unit, passwords, guesses }: ChangePasswordDeps,
  principal: Principal,
  password: string,
  origin: RequestOrigin,
): Promise<string> {
  const { id, email } = principal.user;
  const admission = await guesses.admit(db, email, principal.deviceId, origin.now);
  const hash = admission === undefined ? null : await findPasswordHash(db, id);
  const look = () => passwords.verify(password, hash);
  const { ok } = await guesses.spend(db, email, principal.deviceId, admission !== undefined, look);
  if (ok && hash !== null) return hash;
  await unit.record({
    audit: [
      {
        action: 'user.password_changed',
        outcome: 'failure',
        actor: { type: 'user', id },
        subject: id,
        session: principal.sessionId,
        reason: admission === undefined ? 'locked' : 'wrong',
        origin,
      },
    ],
  });
  throw new Refusal('invalid_credentials');
}
