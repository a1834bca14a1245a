import { setTimeout as sleep } from 'node:timers/promises';
import { memoryOf } from '../cost.ts';
import { say } from '../ground.ts';
import { signIn } from '../growth/lanes.ts';
import { deviceToken, emailOf } from '../growth/population.ts';
import { populate } from '../growth/seed.ts';
import { field, PREFIX } from '../lanes/ours.ts';
import { type Answer, CONNECTIONS, isOk, request, runLoad } from '../load.ts';
import { PASSWORD } from '../password.ts';
import { ourEnv, startOurs } from '../processes.ts';
import { spreadOf } from '../rounds.ts';
import type { Row, Section } from '../section.ts';

/** So many that every memory that has a bound has reached it; as many again show what still grows. */
const REQUESTS = 1_000_000;
const QUICK = 50_000;
/** Of each half. */
const POINTS = 20;
const USERS = 1000;
const IDLE_FOR = 5000;
const MB = 2 ** 20;
const AT_MOST_IDLE = 110;
const AT_MOST_SLOPE = 1;

interface Point {
  readonly requests: number;
  /** MB. */
  readonly resident: number;
}

/** What the process holds: at rest, and while requests of every kind pass through it. */
export const memory: Section = async ({ stores, isQuick }) => {
  const total = isQuick ? QUICK : REQUESTS;
  const env = await ourEnv(stores, 'memory');
  await populate(env.DATABASE_URL as string, { users: USERS, lines: USERS }, env);
  const server = await startOurs(stores, env);
  try {
    await sleep(IDLE_FOR);
    const idle = memoryOf(server.pid) / MB;
    say(`memory: ${idle.toFixed(1)} MB at rest`);
    const points = await passThrough(server.url, server.pid, 2 * total);
    return { name: 'memory', title: 'Resident memory', rows: rowsOf(idle, points, total), notes: NOTES, lanes: {} };
  } finally {
    await server.stop();
  }
};

const NOTES = [
  'With PostgreSQL and Redis. At rest: five seconds after the start, before the first request.',
  'Of a thousand requests one is a sign-in and a hundred are refreshes; the others ask GET /me. The growth is the slope of the straight line through the points (least squares).',
];

function rowsOf(idle: number, points: readonly Point[], total: number): Row[] {
  const second = points.slice(POINTS);
  const slope = slopeOf(second) * 100_000;
  const half = points[POINTS - 1]?.resident ?? Number.NaN;
  return [
    {
      path: 'At rest',
      unit: 'MB',
      ours: spreadOf([idle]),
      target: { text: `${AT_MOST_IDLE} MB`, value: idle, atMost: AT_MOST_IDLE },
    },
    { path: `After ${total} requests`, unit: 'MB', ours: spreadOf([half]) },
    { path: 'During as many again', unit: 'MB', ours: spreadOf(second.map(({ resident }) => resident)) },
    {
      path: 'Growth per 100,000 of these',
      unit: 'MB',
      ours: spreadOf([slope]),
      target: { text: `below ${AT_MOST_SLOPE} MB`, value: slope, atMost: AT_MOST_SLOPE },
    },
  ];
}

function slopeOf(points: readonly Point[]): number {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((point) => point.requests)), mean(points.map((point) => point.resident))];
  const products = points.map((point) => (point.requests - x) * (point.resident - y));
  const squares = points.map((point) => (point.requests - x) ** 2);
  return mean(products) / mean(squares);
}

async function passThrough(url: string, pid: number, total: number): Promise<Point[]> {
  const mixed = await mixedRequests(url);
  const points: Point[] = [];
  let sent = 0;
  await runLoad({
    url,
    seconds: Number.POSITIVE_INFINITY,
    next(connection) {
      if (sent === total) return null;
      sent += 1;
      if (sent % (total / (2 * POINTS)) === 0) {
        points.push({ requests: sent, resident: memoryOf(pid) / MB });
        say(`memory: ${points.at(-1)?.resident.toFixed(1)} MB after ${sent} requests`);
      }
      return mixed.next(connection, sent);
    },
    check: mixed.check,
  });
  return points;
}

interface Client {
  access: string;
  refresh: string;
}

/** Every connection is somebody who is signed in, and now and then somebody else who signs in. */
async function mixedRequests(url: string) {
  const clients: Client[] = [];
  for (let n = 0; n < CONNECTIONS; n++) clients.push(clientOf(await signIn(url, n)));
  const renews = new Array<boolean>(CONNECTIONS).fill(false);
  return {
    next(connection: number, sent: number): Buffer {
      const { access, refresh } = clients[connection] as Client;
      renews[connection] = sent % 10 === 3;
      if (sent % 1000 === 500) return login(url, CONNECTIONS + ((sent / 500) % (USERS - CONNECTIONS)));
      if (renews[connection] === true) {
        return request(url, { method: 'POST', path: `${PREFIX}/auth/refresh`, body: { refresh_token: refresh } });
      }
      return request(url, { path: `${PREFIX}/me`, headers: { authorization: `Bearer ${access}` } });
    },
    check(answer: Answer, connection: number): string | null {
      if (answer.status === 200 && renews[connection] === true) clients[connection] = clientOf(answer);
      return isOk(answer);
    },
  };
}

function clientOf(answer: Answer): Client {
  return { access: field(answer, 'access_token'), refresh: field(answer, 'refresh_token') };
}

function login(url: string, n: number): Buffer {
  const body = { email: emailOf(n), password: PASSWORD, device_token: deviceToken(n) };
  return request(url, { method: 'POST', path: `${PREFIX}/auth/login`, body });
}
