import type { Config } from '../../config/config.ts';
import { hmac, sha256 } from '../../lib/bytes.ts';
import { gatherer } from '../../lib/gather.ts';
import { uuidv7 } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Cache } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import type { Changes } from '../changes/index.ts';
import { createCookieReader, hashCookieSecret, newCookieSecret, writeCookieValue } from './cookie-value.ts';
import { createPrincipals, principalOf, type Remembered } from './principals.ts';
import { newNonce, type RefreshToken, readRefreshToken, writeRefreshToken } from './refresh-token.ts';
import {
  findSession,
  insertSession,
  type KnownRotation,
  type NewSession,
  renew,
  rotate,
  rotateKnown,
  type SessionRow,
  touch,
} from './store.ts';

export { lockOwner } from './owner.ts';
export {
  deleteOldSessions,
  type EndScope,
  endImpersonations,
  endSessions,
  findSession,
  listSessions,
  type NewSession,
  type SessionListRow,
  type SessionRow,
} from './store.ts';
export { SessionFields, sessionView } from './view.ts';

export interface StartedSession {
  readonly id: string;
  /** The refresh token, or the value of the cookie. */
  readonly secret: string;
  readonly expiresAt: number;
}

export type RefreshOutcome =
  | { readonly kind: 'rotated'; readonly principal: Principal; readonly refreshToken: string }
  /** An old token came back: the session must end, and someone must be told. */
  | { readonly kind: 'reused'; readonly row: SessionRow };

export interface SessionOwner {
  userId: string;
  kind: 'token' | 'cookie';
  amr: readonly string[];
  deviceId: string | null;
  impersonatorId?: string;
  /** Less than SESSION_MAX_AGE. */
  lifetimeSeconds?: number;
}

export interface Sessions {
  start(tx: Tx, who: SessionOwner, origin: RequestOrigin): Promise<StartedSession>;
  /** A session and its row, which the caller writes by a statement of its own: only then it is one. */
  draft(who: SessionOwner, origin: RequestOrigin): { row: NewSession; started: StartedSession };
  /** One use of a refresh token; throws the 401 that fits, or says that it was reused. */
  refresh(token: string): Promise<RefreshOutcome>;
  /** The session that a refresh token names, whatever its generation; null for a forgery. */
  ofRefreshToken(token: string): { sessionId: string; nonceHash: Buffer } | null;
  byCookie(value: string): Principal | Promise<Principal>;
  /** The session behind a verified access token. */
  byId(sessionId: string, userId: string): Principal | Promise<Principal>;
  /** Fresh from PostgreSQL: what an answer shows after a change. */
  reload(sessionId: string): Promise<Principal>;
  /** Renews `auth_time`; `methods` with `mfa` say that a second factor was among them. A cookie session's new value, else null. */
  reauthenticated(tx: Tx, principal: Principal, methods: readonly string[], now: number): Promise<string | null>;
  csrfTokens(sessionId: string): string[];
  idleSince(now: number): Date;
}

interface Deps {
  db: Db;
  cache: Cache;
  changes: Changes;
  clock: Clock;
  metrics: { cacheHit(): void; cacheMiss(): void };
  config: Pick<
    Config,
    | 'JWT_REFRESH_SECRET'
    | 'SESSION_SECRET'
    | 'CSRF_SECRET'
    | 'JWT_REFRESH_EXPIRES_IN'
    | 'SESSION_MAX_AGE'
    | 'REFRESH_GRACE_SECONDS'
  >;
}

// A cookie session's row is written at most this often; its idle lifetime is days.
const TOUCH_MS = 60_000;

export function createSessions({ db, cache, changes, clock, metrics, config }: Deps): Sessions {
  const principals = createPrincipals({ db, cache, changes, clock, metrics, secrets: config.SESSION_SECRET });
  const cookies = createCookieReader(config.SESSION_SECRET);
  const idleMs = config.JWT_REFRESH_EXPIRES_IN * 1000;
  const idleSince = (now: number): Date => new Date(now - idleMs);

  const standing = (found: Remembered | undefined, userId: string | null): Principal => {
    if (found === undefined || (userId !== null && found.principal.user.id !== userId))
      throw new Refusal('session_revoked');
    const { principal } = found;
    if (found.endReason !== null || principal.user.status !== 'active') throw new Refusal('session_revoked');
    if (principal.expiresAt <= clock.now()) throw new Refusal('session_expired');
    return principal;
  };

  const draft: Sessions['draft'] = (who, origin) => {
    const id = uuidv7(origin.now);
    const isToken = who.kind === 'token';
    const nonce = isToken ? newNonce() : newCookieSecret();
    const expiresAt = origin.now + Math.min(who.lifetimeSeconds ?? Infinity, config.SESSION_MAX_AGE) * 1000;
    const row: NewSession = {
      id,
      userId: who.userId,
      deviceId: who.deviceId,
      kind: who.kind,
      secretHash: isToken ? sha256(nonce) : hashCookieSecret(nonce, config.SESSION_SECRET),
      amr: who.amr,
      address: origin.address,
      userAgent: origin.userAgent,
      now: new Date(origin.now),
      expiresAt: new Date(expiresAt),
      impersonatorId: who.impersonatorId ?? null,
    };
    const secret = isToken
      ? writeRefreshToken({ sessionId: id, generation: 0, nonce }, config.JWT_REFRESH_SECRET)
      : writeCookieValue({ sessionId: id, secret: nonce }, config.SESSION_SECRET);
    return { row, started: { id, secret, expiresAt } };
  };

  // Who limits requests by the session that a token names asks for the same one a moment before.
  let lastRead: { text: string; token: RefreshToken | null } | undefined;
  const readToken = (text: string): RefreshToken | null => {
    if (lastRead?.text !== text) lastRead = { text, token: readRefreshToken(text, config.JWT_REFRESH_SECRET) };
    return lastRead.token;
  };

  const rotateTogether = gatherer<KnownRotation, boolean>(
    (asked) => rotateKnown(db, asked, new Date(clock.now()), idleSince(clock.now())),
    { lanes: 2, most: 64 },
  );
  const rotating = new Set<string>();

  /** The principal, if the session was remembered, still is what is remembered, and this use of its token won. */
  const rotateRemembered = async (token: RefreshToken, secretHash: Buffer): Promise<Principal | null> => {
    const { sessionId: id, generation } = token;
    const principal = rotating.has(id) ? undefined : principals.peek(id)?.principal;
    if (principal === undefined) return null;
    rotating.add(id);
    try {
      const { authenticatedAt, user } = principal;
      const asked = { id, generation, secretHash, authenticatedAt, userVersion: user.version, roles: user.roles };
      return (await rotateTogether(asked)) ? principal : null;
    } finally {
      rotating.delete(id);
    }
  };

  const successor = (token: RefreshToken, principal: Principal): RefreshOutcome => ({
    kind: 'rotated',
    principal,
    refreshToken: writeRefreshToken({ ...token, generation: token.generation + 1 }, config.JWT_REFRESH_SECRET),
  });

  return {
    idleSince,
    draft,
    async start(tx, who, origin) {
      const { row, started } = draft(who, origin);
      await insertSession(tx, row);
      return started;
    },

    async refresh(text) {
      const token = readToken(text);
      if (token === null) throw new Refusal('refresh_token_invalid');
      const now = clock.now();
      const hash = sha256(token.nonce);
      const known = await rotateRemembered(token, hash);
      if (known !== null) return successor(token, known);
      const rotated = await principals.load(token.sessionId, () =>
        rotate(db, token.sessionId, token.generation, hash, new Date(now), idleSince(now)),
      );
      if (rotated !== undefined) return successor(token, rotated.principal);

      const row = await findSession(db, token.sessionId);
      if (row === undefined || row.kind !== 'token' || !row.secret_hash.equals(hash))
        throw new Refusal('refresh_token_invalid');
      if (row.ended_at !== null || row.status !== 'active') throw new Refusal('session_revoked');
      if (row.expires_at.getTime() <= now || row.rotated_at.getTime() <= now - idleMs)
        throw new Refusal('session_expired');
      const isPredecessor = row.generation === token.generation + 1;
      const withinGrace = now - row.rotated_at.getTime() <= config.REFRESH_GRACE_SECONDS * 1000;
      if (isPredecessor && withinGrace) return successor(token, principalOf(row));
      if (row.generation > token.generation) return { kind: 'reused', row };
      throw new Refusal('refresh_token_invalid'); // from the future: a database restored from a backup
    },

    ofRefreshToken(text) {
      const token = readToken(text);
      return token === null ? null : { sessionId: token.sessionId, nonceHash: sha256(token.nonce) };
    },

    byCookie(text) {
      const cookie = cookies.read(text);
      if (cookie === null) throw new Refusal('unauthenticated');
      const check = (found: Remembered | undefined): Principal => {
        if (found?.principal.kind !== 'cookie' || !cookies.belongs(cookie, found.secretHash))
          throw new Refusal('unauthenticated');
        return standing(found, null);
      };
      const use = (found: Remembered | undefined): Principal | Promise<Principal> => {
        const principal = check(found);
        const idle = clock.now() - (found as Remembered).rotatedAt;
        return idle < TOUCH_MS ? principal : seen(cookie.sessionId, check);
      };
      const found = principals.get(cookie.sessionId);
      return found instanceof Promise ? found.then(use) : use(found);
    },

    byId(sessionId, userId) {
      const found = principals.get(sessionId);
      return found instanceof Promise ? found.then((f) => standing(f, userId)) : standing(found, userId);
    },

    async reload(sessionId) {
      return standing(await principals.load(sessionId), null);
    },

    async reauthenticated(tx, principal, methods, now) {
      const secret = principal.kind === 'cookie' ? newCookieSecret() : null;
      const hash = secret === null ? null : hashCookieSecret(secret, config.SESSION_SECRET);
      const proof = { amr: [...new Set([...principal.amr, ...methods])], hasFactor: methods.includes('mfa') };
      if (!(await renew(tx, principal.sessionId, proof, new Date(now), hash))) throw new Refusal('session_revoked');
      if (secret === null) return null;
      return writeCookieValue({ sessionId: principal.sessionId, secret }, config.SESSION_SECRET);
    },

    csrfTokens: (sessionId) => config.CSRF_SECRET.map((key) => hmac(key, `csrf:${sessionId}`).toString('base64url')),
  };

  // What is remembered may be older than the session's last use: PostgreSQL decides whether it was idle for too long.
  async function seen(sessionId: string, check: (found: Remembered | undefined) => Principal): Promise<Principal> {
    const now = clock.now();
    const fresh = await principals.load(sessionId);
    const principal = check(fresh);
    if (now - (fresh as Remembered).rotatedAt >= idleMs) throw new Refusal('session_expired');
    if (now - (fresh as Remembered).rotatedAt >= TOUCH_MS) {
      await touch(db, sessionId, new Date(now));
      await principals.load(sessionId);
    }
    return principal;
  }
}
