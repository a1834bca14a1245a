import type { Unit } from '../../core/effects/index.ts';
import { endOneTime, SIGN_IN_PURPOSES } from '../../core/one-time/index.ts';
import { endImpersonations, endSessions, findSession, type Sessions } from '../../core/sessions/index.ts';
import { distrustDevices } from '../../core/signin/index.ts';
import { lockUser } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';

export interface LogOutDeps {
  db: Db;
  unit: Unit;
  sessions: Sessions;
}

interface Ending {
  userId: string;
  only?: string;
  except?: string;
}

export async function logOut(deps: LogOutDeps, principal: Principal, origin: RequestOrigin): Promise<void> {
  await end(deps.unit, 'session.logout', { userId: principal.user.id, only: principal.sessionId }, origin);
}

/** By refresh token alone, of any generation: who holds one may end its session. A wrong one ends nothing. */
export async function logOutByToken(deps: LogOutDeps, token: string, origin: RequestOrigin): Promise<void> {
  const named = deps.sessions.ofRefreshToken(token);
  if (named === null) return;
  const row = await findSession(deps.db, named.sessionId);
  if (row === undefined || row.kind !== 'token' || !row.secret_hash.equals(named.nonceHash)) return;
  await end(deps.unit, 'session.logout', { userId: row.id, only: row.session_id }, origin);
}

export async function logOutAll(
  deps: LogOutDeps,
  principal: Principal,
  exceptCurrent: boolean,
  origin: RequestOrigin,
): Promise<void> {
  const scope = { userId: principal.user.id, ...(exceptCurrent ? { except: principal.sessionId } : {}) };
  await end(deps.unit, 'session.logout_all', scope, origin);
}

async function end(
  unit: Unit,
  action: 'session.logout' | 'session.logout_all',
  scope: Ending,
  origin: RequestOrigin,
): Promise<void> {
  await unit.change(async (tx, record) => {
    await lockUser(tx, scope.userId); // no session begins beside the end of all
    const ended = await endSessions(tx, scope, 'logout', new Date(origin.now));
    // What someone began in one of them must not outlive it: a change of address, and a sign-in that is under way.
    if (scope.only === undefined) {
      await endOneTime(tx, scope.userId, ['confirm-email', ...SIGN_IN_PURPOSES], origin.now);
      await distrustDevices(tx, scope.userId);
    }
    const acting = scope.only === undefined ? await endImpersonations(tx, scope.userId, new Date(origin.now)) : [];
    await record({
      audit: [
        {
          action,
          outcome: 'success',
          actor: { type: 'user', id: scope.userId },
          subject: scope.userId,
          ...(scope.only === undefined ? {} : { session: scope.only }),
          origin,
          detail: { ended: ended.length },
        },
      ],
      changed: scope.only === undefined ? [scope.userId, ...acting] : ended,
    });
  });
}
