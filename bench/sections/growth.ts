import { say } from '../ground.ts';
import { PATHS, type Side, signIn } from '../growth/lanes.ts';
import { accessTokens, type Population } from '../growth/population.ts';
import { populate, type Size } from '../growth/seed.ts';
import { field } from '../lanes/ours.ts';
import { ourEnv, startOurs } from '../processes.ts';
import { type Figure, type Lane, ratioOf, runRounds, spreadOf, summarise } from '../rounds.ts';
import type { Bench, Row, Section } from '../section.ts';

const SMALL: Size = { users: 1000, lines: 10_000 };
const LARGE: Size = { users: 1_000_000, lines: 10_000_000 };
/** `--quick` shows that it runs, and whether something grows as fast as the data do. */
const QUICK: Size = { users: 50_000, lines: 500_000 };
const AT_MOST = 1.2;

/** What the same requests cost on a small database and on a large one, in turn. */
export const growth: Section = async (bench) => {
  const large = bench.isQuick ? QUICK : LARGE;
  const wanted = Object.keys(PATHS).filter((path) => bench.wants(path));
  const sides: Side[] = [];
  try {
    for (const size of [SMALL, large]) sides.push(await openSide(bench, size));
    say('growth: reading both databases, so that neither is asked of the disk');
    await bench.stores.readPages();
    const lanes: Lane[] = [];
    for (const path of wanted) {
      for (const side of sides) {
        const lane = PATHS[path]?.make(side)(laneName(path, side));
        if (lane) lanes.push(lane);
      }
    }
    const figures = await runRounds(lanes, { section: 'growth', ...bench });
    const [small, big] = sides as [Side, Side];
    const of = (path: string, side: Side): Figure[] => totals(figures.get(laneName(path, side)) ?? []);
    return {
      name: 'growth',
      title: 'Cost as the data grow',
      rows: wanted.map((path) => rowOf(path, small.name, of(path, small), of(path, big))),
      notes: [...NOTES, `The large database has ${large.users} users and ${large.lines} audit lines.`],
      lanes: Object.fromEntries([...figures].map(([name, values]) => [name, summarise(values)])),
    };
  } finally {
    for (const side of sides) await side.server.stop();
  }
};

const NOTES = [
  'Cost is the CPU time of the server and of PostgreSQL together, per request; every account, session and line is as likely to be asked for as any other.',
  'Both databases were read once before: what is compared is memory that the kernel holds, not a disk. PostgreSQL has its default of 128 MB of its own.',
  'A login counts without its hash: the main thread of the server and PostgreSQL.',
  'A session that is not remembered was reported as changed before, so that the server reads it anew; a token of it is met for the first time.',
  'Sealing is counted per line, in batches of 1,000.',
];

const laneName = (path: string, side: Side): string => `${path}, ${side.name}`;

function rowOf(path: string, limit: string, small: Figure[], large: Figure[]): Row {
  const ratio = ratioOf(large, small);
  const costs = (figures: Figure[]) => spreadOf(figures.map(({ cost }) => cost));
  return {
    path: PATHS[path]?.title ?? path,
    unit: 'µs',
    ours: costs(large),
    limit: { name: limit, value: costs(small) },
    ratio,
    target: { text: `${AT_MOST} × the cost ${limit}`, value: ratio.median, atMost: AT_MOST },
  };
}

function totals(figures: readonly Figure[]): Figure[] {
  return figures.map((figure) => ({ ...figure, cost: figure.cost + figure.postgres }));
}

async function openSide({ stores }: Bench, size: Size): Promise<Side> {
  // Access tokens that outlive the section.
  const more = { JWT_EXPIRES_IN: '1d', JWT_REFRESH_EXPIRES_IN: '30d', AUDIT_RETENTION_DAYS: '3650' };
  const env = await ourEnv(stores, `growth_${size.users}`, more);
  const population: Population = await populate(env.DATABASE_URL as string, size, env);
  const server = await startOurs(stores, env);
  const admin = field(await signIn(server.url, 0), 'access_token');
  const accessToken = await accessTokens(population, env.ENCRYPTION_KEY as string, admin);
  return { name: `at ${size.users} users`, server, population, env, stores, admin, rotated: new Map(), accessToken };
}
