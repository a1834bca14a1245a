import { cookiesOf, headerOf } from '../answers.ts';
import { type Answer, ask, CONNECTIONS, isOk, request } from '../load.ts';
import { PASSWORD } from '../password.ts';
import { ACCOUNTS, emailOf, type Place } from '../place.ts';
import type { Subject } from '../processes.ts';
import { type Lane, loadLane } from '../rounds.ts';
import { query, type Stores } from '../stores.ts';

type Hash = 'scrypt' | 'argon2';

const suffix = { scrypt: '', argon2: ' (our hash)' } as const;

export const RIVALS = {
  bearer: 'Better Auth: get-session by bearer token',
  cookie: 'Better Auth: get-session by cookie',
  signIn: (hash: Hash) => `Better Auth: sign-in${suffix[hash]}`,
  signUp: (hash: Hash) => `Better Auth: sign-up${suffix[hash]}`,
} as const;

const BASE = '/api/auth';
const seededRivals = new WeakSet<Subject>();

export async function sessionByBearer(place: Place): Promise<Lane> {
  const subject = await withAccounts(place, 'argon2');
  return sessionLane(place, RIVALS.bearer, subject, (answer) => ({
    authorization: `Bearer ${headerOf(answer.head, 'set-auth-token')}`,
  }));
}

export async function sessionByCookie(place: Place): Promise<Lane> {
  const subject = await withAccounts(place, 'argon2');
  return sessionLane(place, RIVALS.cookie, subject, (answer) => ({ cookie: cookiesOf(answer) }));
}

function sessionLane(
  { stores }: Place,
  name: string,
  { url, pid }: Subject,
  credential: (answer: Answer) => Record<string, string>,
): Lane {
  return loadLane(name, { subject: pid, stores }, async () => {
    const requests: Buffer[] = [];
    for (let account = 0; account < CONNECTIONS; account++) {
      const answer = await ask(url, signIn(account));
      requests.push(request(url, { path: `${BASE}/get-session`, headers: credential(answer) }));
    }
    return {
      url,
      next: (connection) => requests[connection] as Buffer,
      // Without a session it answers 200 and `null`.
      check: (answer) => isOk(answer) ?? (answer.body.startsWith('{"session"') ? null : 'no session'),
    };
  });
}

export async function rivalSignIn(place: Place, hash: Hash): Promise<Lane> {
  const { url, pid } = await withAccounts(place, hash);
  const requests = Array.from({ length: ACCOUNTS }, (_, account) => request(url, signIn(account)));
  let turn = 0;
  const next = (): Buffer => requests[turn++ % ACCOUNTS] as Buffer;
  return loadLane(RIVALS.signIn(hash), { subject: pid, stores: place.stores }, () => ({ url, next }));
}

let signedUp = 0;

export async function rivalSignUp(place: Place, hash: Hash): Promise<Lane> {
  const { url, pid } = await place.rival(hash);
  const next = (): Buffer => {
    signedUp += 1;
    return request(url, signUp(`new-${signedUp}@example.com`));
  };
  return loadLane(RIVALS.signUp(hash), { subject: pid, stores: place.stores }, () => ({ url, next }));
}

const signIn = (account: number) => ({
  method: 'POST',
  path: `${BASE}/sign-in/email`,
  body: { email: emailOf(account), password: PASSWORD },
});

const signUp = (email: string) => ({
  method: 'POST',
  path: `${BASE}/sign-up/email`,
  body: { email, password: PASSWORD, name: email },
});

/** As many accounts as ours has: one that signs up, and copies of its rows. */
async function withAccounts({ rival, stores }: Place, hash: Hash): Promise<Subject> {
  const subject = await rival(hash);
  if (seededRivals.has(subject)) return subject;
  seededRivals.add(subject);
  const answer = await ask(subject.url, signUp(emailOf(0)));
  if (answer.status !== 200) throw new Error(`the rival's sign-up answered ${answer.status}:\n${answer.body}`);
  await copyAccounts(stores, hash);
  return subject;
}

async function copyAccounts(stores: Stores, hash: Hash): Promise<void> {
  const url = await stores.databaseUrl(`better_auth_${hash}`);
  const copy = (table: string, where: string, changes: string): string =>
    `INSERT INTO ${table} SELECT (jsonb_populate_record(t, jsonb_build_object(${changes}))).*
     FROM ${table} t, generate_series(1, ${ACCOUNTS - 1}) n WHERE ${where}`;
  const email = `'person-' || lpad(n::text, 4, '0') || '@example.com'`;
  const first = `(SELECT id FROM "user" WHERE email = '${emailOf(0)}')`;
  await query(url, copy('"user"', `t.email = '${emailOf(0)}'`, `'id', 'user-' || n, 'email', ${email}`));
  const account = `'id', 'account-' || n, 'accountId', 'user-' || n, 'userId', 'user-' || n`;
  await query(url, copy('account', `t."userId" = ${first}`, account));
}
