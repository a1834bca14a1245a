import { sha256 } from '../../lib/bytes.ts';
import { uuidv7 } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { randomToken } from '../../lib/random.ts';
import type { Db, Sql, Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import type { AuditEvent } from '../audit/index.ts';
import { type DeviceRow, findDevice, insertDevice, touchDevice, trustDevice } from './store.ts';

const DEVICE_DAYS = 180;

export interface Devices {
  byToken(token: string | undefined, now: number): Promise<DeviceRow | undefined>;
  ofUser(sql: Sql, token: string | undefined, userId: string, now: number): Promise<DeviceRow | undefined>;
  /** Known from now on; `isStrange` where the user had others, so that this one is worth a mail. */
  welcome(
    tx: Tx,
    known: DeviceRow | undefined,
    who: { userId: string; token: string | undefined; origin: RequestOrigin },
  ): Promise<{ id: string; token: string; isStrange: boolean }>;
  /** The same for a statement of the caller's own: a device that is met now comes with the hash of its new token. */
  meet(
    known: DeviceRow | undefined,
    hasOthers: boolean,
    who: { deviceToken: string | undefined; origin: RequestOrigin },
  ): { from: { id: string; token: string; isStrange: boolean }; hash: Buffer | null; expiresAt: Date };
  trust(tx: Tx, principal: Principal, origin: RequestOrigin, until: Date): Promise<AuditEvent>;
}

/** By what the database knows the device that a token names. */
export function deviceHashOf(token: string | undefined): Buffer | null {
  return token === undefined || token.length > 100 ? null : sha256(token);
}

/** Devices that have signed in before. One belongs to one user; another's token says nothing. */
export function createDevices(db: Db): Devices {
  const find = async (sql: Sql, token: string | undefined, now: number): Promise<DeviceRow | undefined> => {
    const hash = deviceHashOf(token);
    return hash === null ? undefined : findDevice(sql, hash, new Date(now));
  };
  const meet: Devices['meet'] = (known, hasOthers, { deviceToken, origin }) => {
    const expiresAt = new Date(origin.now + DEVICE_DAYS * 24 * 3600_000);
    if (known !== undefined) {
      return { from: { id: known.id, token: deviceToken as string, isStrange: false }, hash: null, expiresAt };
    }
    const token = randomToken('dt');
    return { from: { id: uuidv7(origin.now), token, isStrange: hasOthers }, hash: sha256(token), expiresAt };
  };
  return {
    byToken: (token, now) => find(db, token, now),
    async ofUser(sql, token, userId, now) {
      const device = await find(sql, token, now);
      return device?.user_id === userId ? device : undefined;
    },
    meet,
    async welcome(tx, known, { userId, token, origin }) {
      const now = new Date(origin.now);
      const { from, hash, expiresAt } = meet(known, false, { deviceToken: token, origin });
      if (hash === null) {
        await touchDevice(tx, from.id, origin.userAgent, now);
        return from;
      }
      const { userAgent } = origin;
      return { ...from, isStrange: await insertDevice(tx, { id: from.id, userId, hash, userAgent, now, expiresAt }) };
    },
    async trust(tx, principal, origin, until) {
      await trustDevice(tx, principal.deviceId as string, until);
      return {
        action: 'device.trusted',
        outcome: 'success',
        actor: { type: 'user', id: principal.user.id },
        subject: principal.user.id,
        session: principal.sessionId,
        origin,
        detail: { until: until.toISOString() },
      };
    },
  };
}
