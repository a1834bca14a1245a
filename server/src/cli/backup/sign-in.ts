import { randomBytes } from 'node:crypto';
import { type App, createApp } from '../../app.ts';
import type { Config, PostgresDatabase } from '../../config/config.ts';
import { type Check, check, newestSession } from '../../core/backup/index.ts';
import { insertUser } from '../../core/users/index.ts';
import { uuidv7 } from '../../lib/id.ts';
import { Refusal } from '../../lib/refusal.ts';
import { createLog } from '../../platform/log.ts';

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** The server, and where its API is. */
type Place = Pick<App, 'house'> & { readonly url: string };

/**
 * A whole server over the restored database, on a port of this machine's own: what it answers there is what it would
 * answer in its place. None of its work in the background is started: no mail of the backup is sent, no line is sealed.
 */
export async function signInChecks(
  config: Config,
  restored: PostgresDatabase,
  canary: Credentials | null,
): Promise<Check[]> {
  const settings: Config = {
    ...config,
    database: restored,
    MIGRATE_ON_START: false,
    // Nothing of it may reach what the live servers share.
    redis: null,
    mail: { kind: 'inbox' },
    PASSWORD_BREACH_CHECK: false,
    tls: null,
    SHUTDOWN_DELAY: 0,
    LOG_LEVEL: 'silent',
    LOG_FILE: null,
  };
  const logs = createLog({ config: settings });
  const app = await createApp(settings, { log: logs.log });
  try {
    await app.house.keys.start();
    await app.house.changes.start();
    const at: Place = { ...app, url: (await app.http.listen({ host: '127.0.0.1', port: 0 })) + config.API_PREFIX };
    return [
      await check('session', () => oldSessionStands(at)),
      await check('sign-in', () => newAccountSignsIn(at)),
      ...(canary === null ? [] : [await check('canary', () => signsIn(at, canary))]),
    ];
  } finally {
    await app.close();
    await logs.close();
  }
}

/** A session of the backup and a key of the backup give a token that the server takes. */
async function oldSessionStands({ house, url }: Place): Promise<string> {
  const session = await newestSession(house.db, new Date(house.clock.now()));
  if (session === null) return 'none of the backup is still valid';
  const principal = await house.sessions.byId(session.id, session.user_id);
  await expect(200, 'GET', `${url}/me`, { bearer: house.tokens.issue(principal).token });
  return 'the newest of the backup is accepted';
}

async function newAccountSignsIn(at: Place): Promise<string> {
  const { db, clock, passwords } = at.house;
  const now = clock.now();
  const id = uuidv7(now);
  const credentials = { email: `restore-${id}@example.invalid`, password: randomBytes(24).toString('base64url') };
  const passwordHash = await passwords.hash(credentials.password);
  const createdAt = new Date(now);
  await db.transaction((tx) =>
    insertUser(tx, {
      id,
      email: credentials.email,
      name: null,
      passwordHash,
      verifiedAt: createdAt,
      createdAt,
      locale: null,
    }),
  );
  return signsIn(at, credentials);
}

async function signsIn({ url }: Place, body: Credentials): Promise<string> {
  const signedIn = await expect(200, 'POST', `${url}/auth/login`, { body });
  await expect(200, 'GET', `${url}/me`, { bearer: signedIn.access_token });
  const refreshed = await expect(200, 'POST', `${url}/auth/refresh`, {
    body: { refresh_token: signedIn.refresh_token },
  });
  await expect(204, 'POST', `${url}/auth/logout`, { bearer: refreshed.access_token });
  return 'signed in, read its account, refreshed, signed out';
}

async function expect(
  status: number,
  method: 'GET' | 'POST',
  url: string,
  { body, bearer }: { body?: object; bearer?: string | undefined },
): Promise<Record<string, string>> {
  const answer = await fetch(url, {
    method,
    headers: {
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const said = (await answer.json().catch(() => ({}))) as Record<string, string>;
  if (answer.status === 503) throw new Refusal('unavailable');
  if (answer.status !== status)
    throw new Error(`${method} ${new URL(url).pathname} answers ${answer.status} (${said.code ?? 'without a code'})`);
  return said;
}
