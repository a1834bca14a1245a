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
  trust(tx: Tx, principal: Principal, origin: RequestOrigin, until: Date): Promise<AuditEvent>;
}

/** Devices that have signed in before. One belongs to one user; another's token says nothing. */
export function createDevices(db: Db): Devices {
  const find = async (sql: Sql, token: string | undefined, now: number): Promise<DeviceRow | undefined> =>
    token === undefined || token.length > 100 ? undefined : findDevice(sql, sha256(token), new Date(now));
  return {
    byToken: (token, now) => find(db, token, now),
    async ofUser(sql, token, userId, now) {
      const device = await find(sql, token, now);
      return device?.user_id === userId ? device : undefined;
    },
    async welcome(tx, known, { userId, token, origin }) {
      const now = new Date(origin.now);
      if (known !== undefined) {
        await touchDevice(tx, known.id, origin.userAgent, now);
        return { id: known.id, token: token as string, isStrange: false };
      }
      const fresh = randomToken('dt');
      const id = uuidv7(origin.now);
      const hadAnother = await insertDevice(tx, {
        id,
        userId,
        hash: sha256(fresh),
        userAgent: origin.userAgent,
        now,
        expiresAt: new Date(origin.now + DEVICE_DAYS * 24 * 3600_000),
      });
      return { id, token: fresh, isStrange: hadAnother };
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
