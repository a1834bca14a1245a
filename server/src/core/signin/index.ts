import type { Config } from '../../config/config.ts';
import { sha256 } from '../../lib/bytes.ts';
import { uuidv7 } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { randomToken } from '../../lib/random.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import type { AuditEvent } from '../audit/index.ts';
import type { Effects, Unit } from '../effects/index.ts';
import type { Sessions } from '../sessions/index.ts';
import type { Guesses } from '../throttle/index.ts';
import { principalUser, touchLogin, type UserRow } from '../users/index.ts';
import { type DeviceRow, findDevice, insertDevice, touchDevice } from './store.ts';

export { answerSignedIn, SignedInView, SignInFields } from './answer.ts';
export { nextStep, type Proof, type SigningIn } from './next-step.ts';
export { deleteExpiredDevices, forgetDevices } from './store.ts';

/** A sign-in that is complete: the session that it started, and the device that it is known by from now on. */
export interface SignedIn {
  readonly principal: Principal;
  /** The refresh token, or the value of the session cookie. */
  readonly secret: string;
  readonly deviceToken: string;
}

export interface Completion {
  readonly user: UserRow;
  readonly amr: readonly string[];
  readonly mode: 'token' | 'cookie';
  readonly deviceToken: string | undefined;
  readonly origin: RequestOrigin;
  /** The hash that was verified: if it was replaced meanwhile, the sign-in is refused. */
  readonly verifiedHash?: string | null;
  readonly audit?: Pick<AuditEvent, 'action' | 'detail'>;
}

/** The one way to a session, for every method of signing in. */
export interface SignIn {
  complete(how: Completion): Promise<SignedIn>;
  /** The same inside a transaction that changes more; the caller records the effects. */
  completeIn(tx: Tx, how: Completion): Promise<{ signedIn: SignedIn; effects: Effects }>;
  /** The device that a token names, if it is this user's. */
  deviceOf(token: string | undefined, now: number): Promise<DeviceRow | undefined>;
}

const DEVICE_DAYS = 180;

interface Deps {
  db: Db;
  unit: Unit;
  sessions: Sessions;
  guesses: Guesses;
  config: Pick<Config, 'SESSION_MAX_AGE'>;
}

export function createSignIn({ db, unit, sessions, guesses }: Deps): SignIn {
  const deviceOf = async (token: string | undefined, now: number): Promise<DeviceRow | undefined> =>
    token === undefined || token.length > 100 ? undefined : findDevice(db, sha256(token), new Date(now));

  const device = async (tx: Tx, how: Completion): Promise<{ id: string; token: string; isStrange: boolean }> => {
    const { origin, user, deviceToken } = how;
    const now = new Date(origin.now);
    const known = deviceToken === undefined ? undefined : await findDevice(tx, sha256(deviceToken), now);
    if (known?.user_id === user.id) {
      await touchDevice(tx, known.id, origin.userAgent, now);
      return { id: known.id, token: deviceToken as string, isStrange: false };
    }
    const token = randomToken('dt');
    const id = uuidv7(origin.now);
    const expiresAt = new Date(origin.now + DEVICE_DAYS * 24 * 3600_000);
    const hadAnother = await insertDevice(tx, {
      id,
      userId: user.id,
      hash: sha256(token),
      userAgent: origin.userAgent,
      now,
      expiresAt,
    });
    return { id, token, isStrange: hadAnother };
  };

  const completeIn = async (tx: Tx, how: Completion): Promise<{ signedIn: SignedIn; effects: Effects }> => {
    const { origin, user } = how;
    if (!(await touchLogin(tx, user.id, how.verifiedHash ?? null, new Date(origin.now)))) {
      throw new Refusal('invalid_credentials');
    }
    const from = await device(tx, how);
    await guesses.succeeded(tx, user.email, from.isStrange ? null : from.id);
    // An address that nobody has proven is not written to without end.
    const isWelcome =
      !from.isStrange ||
      user.email_verified_at !== null ||
      (await guesses.admitMail(tx, 'notice', user.email, origin.now));
    const session = await sessions.start(
      tx,
      { userId: user.id, kind: how.mode, amr: how.amr, deviceId: from.id },
      origin,
    );
    const principal: Principal = {
      sessionId: session.id,
      kind: how.mode,
      deviceId: from.id,
      amr: how.amr,
      authenticatedAt: origin.now,
      createdAt: origin.now,
      expiresAt: session.expiresAt,
      user: principalUser({ ...user, last_login_at: new Date(origin.now) }),
      impersonator: null,
    };
    const effects: Effects = {
      audit: [
        {
          action: how.audit?.action ?? 'session.login',
          outcome: 'success',
          actor: { type: 'user', id: user.id },
          subject: user.id,
          session: session.id,
          origin,
          detail: { ...how.audit?.detail, amr: how.amr, new_device: from.isStrange },
        },
      ],
      mail: from.isStrange && isWelcome ? [newDeviceMail(user, origin)] : [],
      changed: [user.id],
    };
    return { signedIn: { principal, secret: session.secret, deviceToken: from.token }, effects };
  };

  return {
    deviceOf,
    completeIn,
    complete: (how) =>
      unit.change(async (tx, record) => {
        const { signedIn, effects } = await completeIn(tx, how);
        await record(effects);
        return signedIn;
      }),
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
