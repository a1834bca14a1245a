import { cpus } from 'node:os';
import { freePort } from '../../test/run/free-port.ts';
import { cpuOf, startMeter } from '../cost.ts';
import { say } from '../ground.ts';
import { signIn } from '../growth/lanes.ts';
import { deviceToken, emailOf } from '../growth/population.ts';
import { populate } from '../growth/seed.ts';
import { field, PREFIX, refreshing } from '../lanes/ours.ts';
import { type Answer, CONNECTIONS, type LoadOptions, request, runLoad } from '../load.ts';
import { hasNginx, type Nginx, startNginx } from '../nginx.ts';
import { PASSWORD } from '../password.ts';
import { type Ours, ourEnv, startOurs } from '../processes.ts';
import { type Figure, figureOf, type Lane, ratioOf, runRounds, type Spread, summarise } from '../rounds.ts';
import type { Row, Section } from '../section.ts';
import type { Stores } from '../stores.ts';

const AT_LEAST = 1.8;
const USERS = 1000;
/** Two servers, PostgreSQL twice, nginx and the load: with fewer they take each other's time. */
const CORES = 6;

type Load = Omit<LoadOptions, 'seconds'>;

/** One path, through nginx at `url`. */
const PATHS: Readonly<Record<string, (url: string) => Promise<Load>>> = {
  me: async (url) => {
    const requests = (await signInAll(url)).map((answer) =>
      request(url, { path: `${PREFIX}/me`, headers: { authorization: `Bearer ${field(answer, 'access_token')}` } }),
    );
    return { url, next: (connection) => requests[connection] as Buffer };
  },
  refresh: async (url) => ({
    url,
    ...refreshing(
      url,
      (await signInAll(url)).map((answer) => field(answer, 'refresh_token')),
    ),
  }),
  login: async (url) => {
    let turn = 0;
    return {
      url,
      connections: CONNECTIONS / 2,
      next() {
        const n = ++turn % USERS;
        const body = { email: emailOf(n), password: PASSWORD, device_token: deviceToken(n) };
        return request(url, { method: 'POST', path: `${PREFIX}/auth/login`, body });
      },
    };
  },
};

const TITLES: Readonly<Record<string, string>> = { me: 'Session check', refresh: 'Refresh', login: 'Login' };

/** What a second process behind nginx adds. */
export const processes: Section = async ({ stores, wants, ...run }) => {
  const title = 'Two processes behind nginx';
  if (!hasNginx()) {
    return {
      name: 'processes',
      title,
      rows: [],
      notes: ['nginx is not installed here: nothing was measured.'],
      lanes: {},
    };
  }
  const wanted = Object.keys(PATHS).filter((path) => wants(path));
  const house = await openHouse(stores);
  try {
    const lanes = wanted.flatMap((path) => [1, 2].map((count) => laneOf(house, path, count as 1 | 2)));
    const figures = await runRounds(lanes, { section: 'processes', ...run });
    const of = (path: string, count: number): Figure[] => figures.get(laneName(path, count)) ?? [];
    return {
      name: 'processes',
      title,
      rows: wanted.flatMap((path) => rowsOf(TITLES[path] ?? path, of(path, 1), of(path, 2))),
      notes: NOTES,
      lanes: Object.fromEntries([...figures].map(([name, values]) => [name, summarise(values)])),
    };
  } finally {
    await house.stop();
  }
};

const NOTES = [
  'One and two processes behind one worker of nginx, on one PostgreSQL and one Redis, from one load. `cost` is the CPU time of the server’s processes together, per request.',
  'Where all of them share the cores, throughput cannot show what a second process is worth. What a request costs the two together, by what it costs one alone, can: nothing but that and what they share (PostgreSQL, nginx) stands between two processes with cores of their own and twice the throughput.',
];

interface House {
  readonly stores: Stores;
  readonly servers: readonly [Ours, Ours];
  readonly nginx: Nginx;
  /** Where nginx listens for one server, and for both. */
  readonly urls: { readonly 1: string; readonly 2: string };
  stop(): Promise<void>;
}

async function openHouse(stores: Stores): Promise<House> {
  const [one, both] = [await freePort(), await freePort()];
  const PUBLIC_URL = `http://localhost:${both}`;
  const env = await ourEnv(stores, 'processes', { PUBLIC_URL, TRUSTED_PROXIES: '127.0.0.1' });
  await populate(env.DATABASE_URL as string, { users: USERS, lines: USERS }, env);
  const first = await startOurs(stores, env);
  const second = await startOurs(stores, env);
  const nginx = await startNginx(stores.scratch, [
    { port: one, servers: [first.url] },
    { port: both, servers: [first.url, second.url] },
  ]);
  return {
    stores,
    servers: [first, second],
    nginx,
    urls: { 1: `http://127.0.0.1:${one}`, 2: `http://127.0.0.1:${both}` },
    async stop() {
      await nginx.stop();
      await Promise.all([first.stop(), second.stop()]);
    },
  };
}

const laneName = (path: string, count: number): string => `${path}, ${count === 1 ? 'one process' : 'two processes'}`;

function laneOf({ stores, servers, nginx, urls }: House, path: string, count: 1 | 2): Lane {
  const name = laneName(path, count);
  let prepared: Promise<Load> | undefined;
  return {
    name,
    async measure(seconds) {
      prepared ??= (PATHS[path] as (url: string) => Promise<Load>)(urls[count]);
      const load = await prepared;
      const own = process.cpuUsage();
      const before = cpuOf(nginx.pids());
      const meter = startMeter({ subject: servers.map(({ pid }) => pid), stores });
      const result = await runLoad({ ...load, seconds });
      const spent = meter();
      const { user, system } = process.cpuUsage(own);
      const shares = {
        servers: spent.subject,
        PostgreSQL: spent.postgres,
        nginx: cpuOf(nginx.pids()) - before,
        load: user + system,
      };
      const usage = Object.entries(shares).map(([who, cpu]) => `${who} ${(cpu / result.seconds / 1e6).toFixed(2)}`);
      say(`processes: ${name}: cores used: ${usage.join(', ')}`);
      return figureOf(result, spent);
    },
  };
}

function rowsOf(title: string, one: Figure[], two: Figure[]): Row[] {
  const rate = ratioOf(two, one, 'rate');
  const cost = ratioOf(two, one);
  const cores = cpus().length;
  const notShown = `this machine has ${cores} cores for two servers, PostgreSQL, nginx and the load`;
  return [
    {
      path: `${title}: throughput of two by that of one`,
      unit: '×',
      ours: rate,
      target: {
        text: `at least ${AT_LEAST} ×`,
        value: rate.median,
        atLeast: AT_LEAST,
        ...(cores < CORES ? { notShown } : {}),
      },
    },
    { path: `${title}: CPU per request of two by that of one`, unit: '×', ours: cost },
    { path: `${title}: what that would allow with cores for all`, unit: '×', ours: twiceBy(cost) },
  ];
}

function twiceBy({ median, min, max }: Spread): Spread {
  return { median: 2 / median, min: 2 / max, max: 2 / min };
}

/** One after the other: a crowd would be turned away where the machine hashes slowly. */
async function signInAll(url: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let n = 0; n < CONNECTIONS; n++) answers.push(await signIn(url, n));
  return answers;
}
