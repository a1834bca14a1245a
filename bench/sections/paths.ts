import { bareFastify, bareHttp, hashLane, LIMITS, leastLogin, oneSelect, oneUpdate } from '../lanes/limits.ts';
import * as ours from '../lanes/ours.ts';
import { RIVALS, rivalSignIn, rivalSignUp, sessionByBearer, sessionByCookie } from '../lanes/rivals.ts';
import { SOCIAL, social } from '../lanes/social.ts';
import { ACCOUNTS, createPlace, type Place } from '../place.ts';
import { type Lane, ratioOf, runRounds, spreadOf, summarise } from '../rounds.ts';
import type { Bench, Figures, Row, Section } from '../section.ts';

type MakeLane = (place: Place) => Promise<Lane>;

const { OURS } = ours;

const LANES: Readonly<Record<string, MakeLane>> = {
  [LIMITS.http]: bareHttp,
  [LIMITS.fastify]: bareFastify,
  [LIMITS.select]: oneSelect,
  [LIMITS.update]: oneUpdate,
  [LIMITS.login]: leastLogin,
  [LIMITS.hash]: async (place) => hashLane(LIMITS.hash, await place.hash(), 'binding'),
  [OURS.me]: ours.me,
  [OURS.meByCookie]: ours.meByCookie,
  [OURS.refresh]: ours.refresh,
  [OURS.login]: ours.login,
  [OURS.loginNew]: ours.loginFromNewDevice,
  [OURS.register]: ours.register,
  [OURS.registerSent]: ours.registerSent,
  [SOCIAL]: social,
  [RIVALS.bearer]: sessionByBearer,
  [RIVALS.cookie]: sessionByCookie,
  [RIVALS.signIn('scrypt')]: (place) => rivalSignIn(place, 'scrypt'),
  [RIVALS.signIn('argon2')]: (place) => rivalSignIn(place, 'argon2'),
  [RIVALS.signUp('scrypt')]: (place) => rivalSignUp(place, 'scrypt'),
  [RIVALS.signUp('argon2')]: (place) => rivalSignUp(place, 'argon2'),
};

/** A path of ours, what it is held against, and what it may cost. */
interface Path {
  readonly id: string;
  readonly title: string;
  readonly lane: string;
  readonly limit?: string;
  /** Times the limit. */
  readonly atMost?: number;
  /** Microseconds, where no multiple is asked for. */
  readonly atMostCost?: number;
  /** As many times less than the first rival. */
  readonly rivalAtLeast?: number;
  /** Of the limit's throughput. */
  readonly rateAtLeast?: number;
  readonly rivals?: readonly string[];
  /** Another limit, to see where the first one comes from. */
  readonly beside?: string;
}

const PATHS: readonly Path[] = [
  {
    id: 'me',
    title: 'Session check by bearer token',
    lane: OURS.me,
    limit: LIMITS.fastify,
    atMost: 2,
    rivals: [RIVALS.bearer],
    rivalAtLeast: 15,
    beside: LIMITS.http,
  },
  {
    id: 'me-cookie',
    title: 'Session check by cookie',
    lane: OURS.meByCookie,
    limit: LIMITS.fastify,
    atMost: 2.5,
    rivals: [RIVALS.cookie],
  },
  { id: 'refresh', title: 'Refresh', lane: OURS.refresh, limit: LIMITS.update, atMost: 1.5, beside: LIMITS.select },
  {
    id: 'login',
    title: 'Login, known device',
    lane: OURS.login,
    limit: LIMITS.hash,
    atMost: 1.05,
    rateAtLeast: 0.95,
    beside: LIMITS.login,
    rivals: [RIVALS.signIn('scrypt'), RIVALS.signIn('argon2')],
  },
  { id: 'login-new', title: 'Login, new device, mail queued', lane: OURS.loginNew, limit: LIMITS.hash },
  {
    id: 'register',
    title: 'Register, mail queued',
    lane: OURS.register,
    limit: LIMITS.hash,
    atMost: 1.08,
    rivals: [RIVALS.signUp('scrypt'), RIVALS.signUp('argon2')],
  },
  { id: 'register-sent', title: 'Register, mail sent', lane: OURS.registerSent, limit: LIMITS.hash },
  { id: 'social', title: 'Social sign-in callback', lane: SOCIAL, limit: LIMITS.update, atMostCost: 600 },
];

/** Server CPU per request on the hot paths, beside the least that the same work costs and beside the rival. */
export const paths: Section = async (bench) => {
  const wanted = PATHS.filter(({ id }) => bench.wants(id));
  const names = new Set(
    wanted.flatMap(({ lane, limit, beside, rivals = [] }) =>
      [beside, limit, lane, ...rivals].filter((name) => name !== undefined),
    ),
  );
  const place = createPlace(bench.stores, { nodeArgs: profiling(bench), accounts: bench.isQuick ? 64 : ACCOUNTS });
  try {
    const lanes: Lane[] = [];
    for (const name of names) lanes.push(await (LANES[name] as MakeLane)(place));
    const figures: Figures = await runRounds(lanes, {
      section: 'paths',
      ...bench,
      whenWarm: bench.stores.refreshStatistics,
    });
    return {
      name: 'paths',
      title: 'Hot paths',
      rows: wanted.flatMap((path) => rowsOf(path, figures)),
      notes: NOTES,
      lanes: Object.fromEntries([...figures].map(([name, values]) => [name, summarise(values)])),
    };
  } finally {
    await place.stop();
  }
};

const NOTES = [
  'Cost is user and system CPU time of the server’s process, all threads, per request; the main thread’s part of it, PostgreSQL and Redis stand beside it.',
  'A server that hashes sleeps between its few other steps, with cold caches and woken by every statement: “Fastify, a select, a hash, an update” shows what that alone adds to the hash, in a process that does nothing else.',
  'A login sends the device token of that account’s last answer, as an application does that has signed in before; the row of a new device sends none, and a mail about it is queued.',
  'A registration is measured with a mail server that never answers, so that the mail is queued and stays so; and once more with one that takes it, until the last mail is gone.',
  'The callback is that of somebody who has been here before with this browser; the provider is a process of its own.',
];

function profiling({ profile }: Bench): string[] {
  return profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
}

function rowsOf(path: Path, figures: Figures): Row[] {
  const of = (name: string) => figures.get(name) ?? [];
  const costs = (name: string) => spreadOf(of(name).map(({ cost }) => cost));
  const { title, lane, limit, atMost, atMostCost, rivals = [] } = path;
  const ratio = limit === undefined ? undefined : ratioOf(of(lane), of(limit));
  const main: Row = {
    path: title,
    unit: 'µs',
    ours: costs(lane),
    ...(limit === undefined || ratio === undefined ? {} : { limit: { name: limit, value: costs(limit) }, ratio }),
    ...(atMost === undefined || ratio === undefined
      ? {}
      : { target: { text: `${atMost} × the limit`, value: ratio.median, atMost } }),
    ...(atMostCost === undefined
      ? {}
      : { target: { text: `${atMostCost} µs`, value: costs(lane).median, atMost: atMostCost } }),
    rivals: rivals.map((name) => ({ name, value: costs(name), ratio: ratioOf(of(name), of(lane)) })),
  };
  return [main, ...againstRival(path, figures), ...throughput(path, figures)];
}

function againstRival({ title, lane, rivals = [], rivalAtLeast }: Path, figures: Figures): Row[] {
  const [rival] = rivals;
  if (rival === undefined || rivalAtLeast === undefined) return [];
  const ratio = ratioOf(figures.get(rival) ?? [], figures.get(lane) ?? []);
  return [
    {
      path: `${title}: times less than Better Auth`,
      unit: '×',
      ours: ratio,
      target: { text: `at least ${rivalAtLeast} ×`, value: ratio.median, atLeast: rivalAtLeast },
    },
  ];
}

function throughput({ title, lane, limit, beside, rateAtLeast }: Path, figures: Figures): Row[] {
  if (limit === undefined || beside === undefined || rateAtLeast === undefined) return [];
  const own = figures.get(lane) ?? [];
  const ratio = ratioOf(own, figures.get(limit) ?? [], 'rate');
  return [
    { path: `${title}: cost by “${beside}”`, unit: '×', ours: ratioOf(own, figures.get(beside) ?? []) },
    {
      path: `${title}: throughput by that of the hash alone`,
      unit: '×',
      ours: ratio,
      target: { text: `at least ${rateAtLeast}`, value: ratio.median, atLeast: rateAtLeast },
    },
  ];
}
