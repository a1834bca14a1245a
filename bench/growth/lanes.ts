import { setTimeout as sleep } from 'node:timers/promises';
import { auditRow } from '../../server/src/core/audit/index.ts';
import { createEncryption } from '../../server/src/platform/encryption.ts';
import { startMeter } from '../cost.ts';
import { field, PREFIX } from '../lanes/ours.ts';
import { type Answer, ask, CONNECTIONS, isOk, type LoadOptions, request, runLoad } from '../load.ts';
import { PASSWORD } from '../password.ts';
import type { Ours } from '../processes.ts';
import { type Figure, figureOf, type Lane } from '../rounds.ts';
import { query, type Stores } from '../stores.ts';
import * as people from './population.ts';

/** A server on a database of one size. */
export interface Side {
  readonly name: string;
  readonly server: Ours;
  readonly population: people.Population;
  readonly env: Readonly<Record<string, string>>;
  readonly stores: Stores;
  /** Of its administrator. */
  readonly admin: string;
  /** The latest refresh tokens of the sessions that were renewed. */
  readonly rotated: Map<number, string>;
  /** The access token of a session. */
  accessToken(session: number): string;
}

type Load = Omit<LoadOptions, 'seconds'>;
/** Everything before the load is not measured. */
type Prepare = (seconds: number) => Promise<Load>;
export type MakeLane = (side: Side) => (name: string) => Lane;

const loading =
  (prepare: (side: Side) => Prepare, part: 'subject' | 'main' = 'subject'): MakeLane =>
  (side) => {
    const { server, stores } = side;
    const prepareLoad = prepare(side);
    return (name) => ({
      name,
      async measure(seconds): Promise<Figure> {
        const load = await prepareLoad(seconds);
        const meter = startMeter({ subject: server.pid, stores });
        const result = await runLoad({ ...load, seconds });
        const spent = meter();
        return figureOf(result, { ...spent, subject: spent[part] });
      },
    });
  };

/** So few that nobody is turned away where the machine hashes slowly. */
const FEW = 4;

/** Hashing is done by other threads: what is left is what the login itself costs the server. */
const login = loading(({ server: { url }, population }) => {
  const next = people.shuffled(population.users, 1);
  return async () => ({
    url,
    connections: FEW,
    next() {
      const n = next();
      const body = { email: people.emailOf(n), password: PASSWORD, device_token: people.deviceToken(n) };
      return request(url, { method: 'POST', path: `${PREFIX}/auth/login`, body });
    },
  });
}, 'main');

const REMEMBERED = 1000;
/** All that the small database has. */
const COLD = 2000;

/** Sessions anywhere in the table, as many at every size, that have just been used. */
const refresh = loading((side) => {
  const rotation = rotating(side);
  const next = people.shuffled(people.sessionsOf(side.population), 2);
  const sessions = Array.from({ length: REMEMBERED }, next);
  const uses = sessions.map((n) => check(side, n));
  let turn = 0;
  return async () => {
    await rotation.open();
    await runLoad({ url: side.server.url, seconds: 60, next: eachOnce(uses) });
    return { url: side.server.url, ...rotation.load(() => sessions[turn++ % REMEMBERED] as number) };
  };
});

/** Each session once, and not remembered: as the sessions are of people who come back after a while. */
const coldRefresh = loading((side) => {
  const rotation = rotating(side);
  const next = people.shuffled(people.sessionsOf(side.population), 6);
  return async () => {
    await rotation.open();
    const sessions = Array.from({ length: COLD }, next);
    await forget(side, sessions);
    return { url: side.server.url, ...rotation.load(eachOnce(sessions)) };
  };
});

/** Renews sessions with the token that each got last, in whichever lane. */
function rotating({ server: { url }, population, env, rotated: latest }: Side) {
  const current = new Array<number>(CONNECTIONS).fill(0);
  const tokenOf = (n: number, generation: number): string =>
    people.refreshToken(population, n, generation, env.JWT_REFRESH_SECRET as string);
  return {
    async open(): Promise<void> {
      if (latest.size > 0) return;
      for (const [n, generation] of await rotated(population)) latest.set(n, tokenOf(n, generation));
    },
    load: (next: () => number | null): Pick<Load, 'next' | 'check'> => ({
      next(connection) {
        const n = next();
        if (n === null) return null;
        current[connection] = n;
        const body = { refresh_token: latest.get(n) ?? tokenOf(n, 0) };
        return request(url, { method: 'POST', path: `${PREFIX}/auth/refresh`, body });
      },
      check(answer, connection) {
        if (answer.status === 200) latest.set(current[connection] as number, field(answer, 'refresh_token'));
        return isOk(answer);
      },
    }),
  };
}

/** Of a kept database: the sessions that former runs have renewed. */
async function rotated({ url }: people.Population): Promise<[number, number][]> {
  const { rows } = await query(
    url,
    `SELECT made.n::int AS n, s.generation FROM bench.population, auth.sessions s,
        LATERAL (SELECT round(extract(epoch FROM s.created_at - base - interval '300 days') * 1000000 / (43200000000 / users))) AS made (n)
      WHERE s.generation > 0 AND made.n < 2 * users`,
  );
  return rows.map(({ n, generation }) => [n, generation]);
}

const WARM = 1000;
/** Longer than the server takes to learn what has changed. */
const LEARNT = 2000;

const warmCheck = loading((side) => {
  const next = people.shuffled(people.sessionsOf(side.population), 3);
  const requests = Array.from({ length: WARM }, () => check(side, next()));
  let turn = 0;
  return async () => {
    await runLoad({ url: side.server.url, seconds: 60, next: eachOnce(requests) });
    return { url: side.server.url, next: () => requests[turn++ % WARM] as Buffer };
  };
});

/** Each session once, after the server was told that it has changed: what it remembers of it does not count. */
const coldCheck = loading((side) => {
  const next = people.shuffled(people.sessionsOf(side.population), 4);
  return async () => {
    const sessions = Array.from({ length: COLD }, next);
    await forget(side, sessions);
    return { url: side.server.url, next: eachOnce(sessions.map((n) => check(side, n))) };
  };
});

async function forget({ population }: Side, sessions: readonly number[]): Promise<void> {
  const ids = sessions.map((n) => people.sessionId(population, n));
  await query(population.url, 'INSERT INTO auth.changes (subject) SELECT unnest($1::uuid[])', [ids]);
  await sleep(LEARNT);
}

function check({ server: { url }, accessToken }: Side, session: number): Buffer {
  const headers = { authorization: `Bearer ${accessToken(session)}` };
  return request(url, { path: `${PREFIX}/me`, headers });
}

function eachOnce<T>(all: readonly T[]): () => T | null {
  let turn = 0;
  return () => all[turn++] ?? null;
}

/** What an administrator asks; the numbers of people or lines are drawn from all there are. */
const asking = (size: (population: people.Population) => number, path: (n: number, side: Side) => string): MakeLane =>
  loading((side) => {
    const { url } = side.server;
    const next = people.shuffled(size(side.population), 5);
    const headers = { authorization: `Bearer ${side.admin}` };
    return async () => ({ url, next: () => request(url, { path: `${PREFIX}/admin${path(next(), side)}`, headers }) });
  });

const users = ({ users: size }: people.Population): number => size;
const lines = ({ lines: size }: people.Population): number => size;
const number = (n: number): string => String(n).padStart(7, '0');

/** Ten people begin like this, whatever the number of all. */
const byEmail = asking(users, (n) => `/users?query=u${number(n).slice(0, 6)}`);
const byName = asking(users, (n) => `/users?query=person%20${number(n).slice(0, 6)}`);
const byId = asking(users, (n, { population }) => `/users/${people.userId(population, n)}`);
const linesOfUser = asking(users, (n, { population }) => `/audit?user=${people.userId(population, n)}`);
const linesOfAction = asking(lines, (n) => `/audit?action=${n % 2 === 0 ? 'session.login' : 'user.disabled'}`);
const linesOfTime = asking(
  lines,
  (n, { population }) => `/audit?to=${encodeURIComponent(people.timeOf(population, n).toISOString())}`,
);

const SEALED = 5000;

/** New lines, as many servers would have left them; the account is closed when the last one is sealed. */
const seal: MakeLane =
  ({ server, population, env, stores }) =>
  (name) => ({
    name,
    async measure() {
      const encryption = createEncryption([Buffer.from(env.ENCRYPTION_KEY as string, 'base64')]);
      const now = Date.now();
      const rows = Array.from({ length: SEALED }, (_, n) => {
        const who = people.userId(population, (n * 7919) % population.users);
        const origin = { requestId: `seal-${n}`, address: '198.18.0.1', userAgent: 'Bench/1.0', now };
        const actor = { type: 'user', id: who } as const;
        return auditRow({ action: 'session.login', outcome: 'success', actor, subject: who, origin }, encryption);
      });
      const text = 'INSERT INTO audit.inbox SELECT * FROM jsonb_populate_recordset(null::audit.inbox, $1::jsonb)';
      await query(population.url, text, [JSON.stringify(rows)]);
      const meter = startMeter({ subject: server.pid, stores });
      const started = performance.now();
      while ((await query(population.url, 'SELECT 1 FROM audit.inbox LIMIT 1')).rowCount !== 0) await sleep(LOOK);
      const ms = performance.now() - started;
      return figureOf({ requests: SEALED, seconds: ms / 1000, p50: ms / SEALED, p99: ms / SEALED }, meter());
    },
  });

const LOOK = 200;

export interface GrowthPath {
  readonly title: string;
  readonly make: MakeLane;
}

export const PATHS: Readonly<Record<string, GrowthPath>> = {
  login: { title: 'Login, without its hash', make: login },
  refresh: { title: 'Refresh, remembered', make: refresh },
  'refresh-cold': { title: 'Refresh, not remembered', make: coldRefresh },
  'check-warm': { title: 'Session check, remembered', make: warmCheck },
  'check-cold': { title: 'Session check, not remembered', make: coldCheck },
  'users-email': { title: 'User search by e-mail', make: byEmail },
  'users-name': { title: 'User search by name', make: byName },
  'users-id': { title: 'User by id', make: byId },
  'audit-user': { title: 'Audit search by user', make: linesOfUser },
  'audit-action': { title: 'Audit search by action', make: linesOfAction },
  'audit-time': { title: 'Audit search by time', make: linesOfTime },
  seal: { title: 'Sealing of an audit line', make: seal },
};

/** Signs in one of the population. */
export async function signIn(url: string, n: number): Promise<Answer> {
  const body = { email: people.emailOf(n), password: PASSWORD, device_token: people.deviceToken(n) };
  const answer = await ask(url, { method: 'POST', path: `${PREFIX}/auth/login`, body });
  if (answer.status !== 200) throw new Error(`a sign-in answered ${answer.status}:\n${answer.body}`);
  return answer;
}
