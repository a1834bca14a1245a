import assert from 'node:assert/strict';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyChain } from '../../src/core/audit/index.ts';
import type { Db, Sql } from '../../src/platform/db/index.ts';
import { createEncryption } from '../../src/platform/encryption.ts';
import { type Answer, PASSWORD, personOf, type ServerProcess, someEmail } from '../processes.ts';
import { scratchFolder } from '../programs.ts';

interface SignIn {
  refresh: string;
  access: string;
  /** Acknowledged rotations. */
  rotations: number;
  /** A rotation, or an end, was asked for and never answered. */
  isUncertain: boolean;
  ended: 'no' | 'yes' | 'unknown';
}

interface Account {
  id: string;
  email: string;
  name: string | null;
  /** A name that was sent and never acknowledged: it may have come to count, whole, or not. */
  sentName: string | null;
  sessions: SignIn[];
}

/** What the clients know for certain: every answer is on disk before the next request leaves. */
export interface Ledger {
  accounts: Account[];
  acknowledged: number;
  unanswered: number;
  /** Anything but the expected answer while the server was alive. */
  refused: string[];
  /** A 503 is an answer that says nothing about what was done; the client goes on with another account. */
  allows503: boolean;
}

export function newLedger(): Ledger & { journal: number } {
  return {
    accounts: [],
    acknowledged: 0,
    unanswered: 0,
    refused: [],
    allows503: false,
    journal: openSync(join(scratchFolder(), 'journal'), 'a'),
  };
}

type Book = ReturnType<typeof newLedger>;

export function closeLedger(book: Book): void {
  closeSync(book.journal);
}

/** One client that goes on until the server is gone: registrations, sign-ins, rotations, changes, sign-outs. */
export async function work(
  server: ServerProcess,
  book: Book,
  mine: Account | null,
  isOver: () => boolean,
): Promise<void> {
  let account = mine;
  for (let turn = 0; !isOver(); turn++) {
    const step = account === null || turn % 8 === 7 ? 'register' : ROUND[turn % ROUND.length];
    const go = step === 'register' || step === undefined ? null : STEPS[step];
    try {
      if (go === null || account === null) account = await signUp(server, book);
      else await go(server, book, account);
    } catch (error) {
      book.unanswered += 1;
      if (error !== UNKNOWN && !isOver() && !server.hasExited())
        book.refused.push(String((error as Error).cause ?? error));
      if (error !== UNKNOWN) return; // nothing is known of the last request
      account = null;
      await sleep(20);
    }
  }
}

const ROUND = [
  'rename',
  'refresh',
  'refresh',
  'rename',
  'logIn',
  'refresh',
  'rename',
  'refresh',
  'logOut',
  'refresh',
  'rename',
] as const;

const UNKNOWN = new Error('503');

function acknowledge(book: Book, answer: Answer, what: Record<string, unknown>): void {
  if (answer.status === 503 && book.allows503) throw UNKNOWN;
  if (answer.status >= 300) {
    book.refused.push(`${what.op}: ${answer.status} ${JSON.stringify(answer.body)}`);
    throw new Error('refused');
  }
  writeSync(book.journal, `${JSON.stringify(what)}\n`);
  fsyncSync(book.journal);
  book.acknowledged += 1;
}

async function signUp(server: ServerProcess, book: Book): Promise<Account> {
  const email = someEmail();
  const answer = await server.post('/auth/register', { email, password: PASSWORD });
  acknowledge(book, answer, { op: 'register', email });
  const account = { id: answer.body.user.id, email, name: null, sentName: null, sessions: [signIn(answer, email)] };
  book.accounts.push(account);
  return account;
}

function signIn(answer: Answer, email: string): SignIn {
  const { refresh, access } = personOf(answer, email);
  return { refresh, access, rotations: 0, isUncertain: false, ended: 'no' };
}

const usable = (account: Account): SignIn | undefined =>
  account.sessions.findLast((one) => one.ended === 'no' && !one.isUncertain);

const STEPS = {
  async rename(server: ServerProcess, book: Book, account: Account): Promise<void> {
    const session = usable(account);
    if (session === undefined) return STEPS.logIn(server, book, account);
    account.sentName = `Name ${book.acknowledged}`;
    const answer = await server.call('PATCH', '/api/v1/me', {
      bearer: session.access,
      body: { name: account.sentName },
    });
    acknowledge(book, answer, { op: 'rename', id: account.id, name: account.sentName });
    account.name = account.sentName;
    account.sentName = null;
  },
  async refresh(server: ServerProcess, book: Book, account: Account): Promise<void> {
    const session = usable(account);
    if (session === undefined) return STEPS.logIn(server, book, account);
    session.isUncertain = true;
    const answer = await server.post('/auth/refresh', { refresh_token: session.refresh });
    acknowledge(book, answer, { op: 'refresh', id: account.id, token: answer.body?.refresh_token });
    Object.assign(session, {
      refresh: answer.body.refresh_token,
      access: answer.body.access_token,
      isUncertain: false,
    });
    session.rotations += 1;
  },
  async logIn(server: ServerProcess, book: Book, account: Account): Promise<void> {
    const answer = await server.post('/auth/login', { email: account.email, password: PASSWORD });
    acknowledge(book, answer, { op: 'login', id: account.id });
    account.sessions.push(signIn(answer, account.email));
  },
  async logOut(server: ServerProcess, book: Book, account: Account): Promise<void> {
    const session = account.sessions.find((one) => one.ended === 'no' && !one.isUncertain);
    if (session === undefined) return STEPS.logIn(server, book, account);
    session.ended = 'unknown';
    const answer = await server.call('POST', '/api/v1/auth/logout', { bearer: session.access });
    acknowledge(book, answer, { op: 'logout', id: account.id });
    session.ended = 'yes';
  },
};

interface Row {
  id: string;
  name: string | null;
  has_password: boolean;
  rotations: string;
  ended: string;
  lines: string;
}

const STATE = `SELECT u.id, u.name, u.password_hash IS NOT NULL AS has_password,
    (SELECT coalesce(sum(s.generation), 0)::text FROM auth.sessions s WHERE s.user_id = u.id) AS rotations,
    (SELECT count(*)::text FROM auth.sessions s WHERE s.user_id = u.id AND s.ended_at IS NOT NULL) AS ended,
    (SELECT string_agg(action, ' ') FROM (SELECT action FROM audit.events WHERE subject_id = u.id
       UNION ALL SELECT action FROM audit.inbox WHERE subject_id = u.id) AS l) AS lines
  FROM auth.users u WHERE u.id = ANY($1::uuid[])`;

/** Everything acknowledged is there, nothing is there by half, and the audit chain holds. */
export async function checkState(db: Db, ledger: Ledger, encryptionKey: string): Promise<void> {
  const rows = await db.query<Row>(STATE, [ledger.accounts.map((one) => one.id)]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  for (const account of ledger.accounts) {
    const row = byId.get(account.id);
    assert.ok(row, `the account ${account.email} was acknowledged and is lost`);
    checkAccount(account, row);
  }
  await checkWholes(db);
  const encryption = createEncryption([Buffer.from(encryptionKey, 'base64')]);
  const report = await verifyChain(db, encryption, { now: Date.now() });
  const faults = report.faults.filter((fault) => fault.kind !== 'unsealed'); // the sealer is just at it
  assert.deepEqual(faults, []);
}

function checkAccount(account: Account, row: Row): void {
  assert.ok(row.has_password, 'an account without its password');
  const names = [account.name, ...(account.sentName === null ? [] : [account.sentName])];
  assert.ok(names.includes(row.name), `the name is ${row.name}, acknowledged was ${account.name}`);
  Object.assign(account, { name: row.name, sentName: null }); // now it is known
  const { sessions } = account;
  const rotations = sessions.reduce((sum, one) => sum + one.rotations, 0);
  const more = Number(row.rotations) - rotations;
  assert.ok(more >= 0 && more <= sessions.filter((one) => one.isUncertain).length, `rotations off by ${more}`);
  const ended = sessions.filter((one) => one.ended === 'yes').length;
  assert.ok(Number(row.ended) >= ended, 'a sign-out was acknowledged and is lost');
  assert.ok(
    Number(row.ended) <= ended + sessions.filter((one) => one.ended === 'unknown').length,
    'a session ended by itself',
  );
  // One line for each acknowledged event; what was never answered may have left one more.
  const lines = (row.lines ?? '').split(' ');
  const count = (action: string): number => lines.filter((line) => line === action).length;
  assert.equal(count('user.registered'), 1);
  assert.ok(count('session.logout') >= ended, 'a sign-out without its audit line');
}

/** Half-done work of any request, acknowledged or not. */
async function checkWholes(sql: Sql): Promise<void> {
  const one = async (text: string): Promise<number> => Number((await sql.query<{ n: string }>(text))[0]?.n);
  const lines =
    '(SELECT action, subject_id, session_id FROM audit.events UNION ALL SELECT action, subject_id, session_id FROM audit.inbox)';
  assert.equal(await one('SELECT count(*)::text AS n FROM auth.users WHERE password_hash IS NULL'), 0);
  assert.equal(
    await one(
      `SELECT count(*)::text AS n FROM auth.users u WHERE NOT EXISTS (SELECT 1 FROM auth.sessions s WHERE s.user_id = u.id)`,
    ),
    0,
  );
  assert.equal(
    await one(
      `SELECT count(*)::text AS n FROM auth.users u WHERE NOT EXISTS (SELECT 1 FROM ${lines} l WHERE l.subject_id = u.id AND l.action = 'user.registered')`,
    ),
    0,
  );
  assert.equal(
    await one(
      `SELECT count(*)::text AS n FROM auth.sessions s WHERE NOT EXISTS (SELECT 1 FROM ${lines} l WHERE l.session_id = s.id)`,
    ),
    0,
  );
  assert.equal(
    await one(
      `SELECT count(*)::text AS n FROM auth.sessions s WHERE s.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ${lines} l WHERE l.session_id = s.id AND l.action = 'session.logout')`,
    ),
    0,
  );
}

/** How many work at once; each goes on with one of the newest accounts after a restart. */
export const CLIENTS = 4;

/** The same through the door: the newest accounts sign in, their sessions go on, and what ended stays ended. */
export async function checkDoors(server: ServerProcess, ledger: Ledger): Promise<void> {
  // A sign-in that a kill cut off stays counted as a guess; one that succeeds clears the count.
  for (const account of ledger.accounts.slice(-CLIENTS)) {
    const login = await server.post('/auth/login', { email: account.email, password: PASSWORD });
    assert.equal(login.status, 200, JSON.stringify(login.body));
    const session = signIn(login, account.email);
    for (const one of account.sessions.filter((s) => s.ended !== 'unknown').slice(-3)) {
      const me = await server.get('/me', { bearer: one.access });
      const refresh = await server.post('/auth/refresh', { refresh_token: one.refresh });
      const expected = one.ended === 'yes' ? [401, 401] : [200, 200];
      assert.deepEqual([me.status, refresh.status], expected, `${JSON.stringify(one)} ${JSON.stringify(refresh.body)}`);
      if (one.ended === 'yes') assert.equal(refresh.body.code, 'session_revoked');
      else
        Object.assign(one, {
          refresh: refresh.body.refresh_token,
          access: refresh.body.access_token,
          rotations: one.rotations + 1,
          isUncertain: false,
        });
    }
    account.sessions.push(session);
  }
}
