import { setTimeout as sleep } from 'node:timers/promises';
import { auditRow } from '../../server/src/core/audit/index.ts';
import { createEncryption } from '../../server/src/platform/encryption.ts';
import { cpuOf, cpuOfMainThread, startMeter } from '../cost.ts';
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
  /** The access token of a session. */
  accessToken(session: number): string;
}

type Load = Omit<LoadOptions, 'seconds'>;
/** Everything before the load is not measured. */
type Prepare = (seconds: number) => Promise<Load>;
export type MakeLane = (side: Side) => (name: string) => Lane;

const loading =
  (prepare: (side: Side) => Prepare, cpu: (pid: number) => number = cpuOf): MakeLane =>
  (side) => {
    const { server, stores } = side;
    const prepareLoad = prepare(side);
    return (name) => ({
      name,
      async measure(seconds): Promise<Figure> {
        const load = await prepareLoad(seconds);
        const meter = startMeter({ subject: [], stores });
        const before = cpu(server.pid);
        const result = await runLoad({ ...load, seconds });
        return figureOf(result, { ...meter(), subject: cpu(server.pid) - before });
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
}, cpuOfMainThread);

/** Sessions anywhere in the table, each with the token that it got last. */
const refresh = loading(({ server: { url }, population, env }) => {
  const next = people.shuffled(people.sessionsOf(population), 2);
  const latest = new Map<number, string>();
  const current = new Array<number>(CONNECTIONS).fill(0);
  let isKnown = false;
  return async () => {
    if (!isKnown) for (const [n, generation] of await rotated(population)) latest.set(n, tokenOf(n, generation));
    isKnown = true;
    return {
      url,
      next(connection) {
        const n = next();
        current[connection] = n;
        const token = latest.get(n) ?? tokenOf(n, 0);
        return request(url, { method: 'POST', path: `${PREFIX}/auth/refresh`, body: `{"refresh_token":"${token}"}` });
      },
      check(answer: Answer, connection: number) {
        if (answer.status === 200) latest.set(current[connection] as number, field(answer, 'refresh_token'));
        return isOk(answer);
      },
    };
  };

  function tokenOf(n: number, generation: number): string {
    return people.refreshToken(population, n, generation, env.JWT_REFRESH_SECRET as string);
  }
});

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
const COLD = 2000;
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
    const ids = sessions.map((n) => people.sessionId(side.population, n));
    await query(side.population.url, 'INSERT INTO auth.changes (subject) SELECT unnest($1::uuid[])', [ids]);
    await sleep(LEARNT);
    return { url: side.server.url, next: eachOnce(sessions.map((n) => check(side, n))) };
  };
});

function check({ server: { url }, accessToken }: Side, session: number): Buffer {
  const headers = { authorization: `Bearer ${accessToken(session)}` };
  return request(url, { path: `${PREFIX}/me`, headers });
}

function eachOnce(requests: readonly Buffer[]): () => Buffer | null {
  let turn = 0;
  return () => requests[turn++] ?? null;
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
  refresh: { title: 'Refresh', make: refresh },
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
