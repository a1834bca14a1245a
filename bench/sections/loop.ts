import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT, say } from '../ground.ts';
import { field, loggingIn, refreshing, signInAll } from '../lanes/ours.ts';
import { type LoadResult, runLoad } from '../load.ts';
import { createPlace } from '../place.ts';
import type { Ours } from '../processes.ts';
import { spreadOf } from '../rounds.ts';
import type { Bench, Section } from '../section.ts';

interface Delay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface Round {
  readonly idle: { readonly refresh: LoadResult; readonly delay: Delay };
  readonly busy: { readonly refresh: LoadResult; readonly delay: Delay; readonly logins: LoadResult };
}

/** Refreshes a second, of one session over one connection: a client that is there, and no load. */
const RATE = 20;
const ACCOUNTS = 64;

/** Whether a flood of logins holds up what costs nothing: how late the event loop is, and a refresh in front of it. */
export const loop: Section = async (bench) => {
  const monitor = join(ROOT, 'bench', 'subjects', 'loop-monitor.mjs');
  const place = createPlace(bench.stores, { nodeArgs: ['--import', monitor] });
  try {
    const server = await place.ours();
    const rounds = await measureRounds(server, bench);
    const of = (read: (round: Round) => number) => spreadOf(rounds.map(read));
    const delay = of(({ busy }) => busy.delay.p99);
    const ratio = of(({ idle, busy }) => busy.refresh.p99 / idle.refresh.p99);
    return {
      name: 'loop',
      title: 'The event loop under a flood of logins',
      rows: [
        {
          path: 'Event-loop delay p99',
          unit: 'ms',
          ours: delay,
          limit: { name: 'idle', value: of(({ idle }) => idle.delay.p99) },
          target: { text: '20 ms', value: delay.median, atMost: 20 },
        },
        {
          path: 'Refresh p99',
          unit: 'ms',
          ours: of(({ busy }) => busy.refresh.p99),
          limit: { name: 'idle', value: of(({ idle }) => idle.refresh.p99) },
          ratio,
          target: { text: '2 × idle', value: ratio.median, atMost: 2 },
        },
        { path: 'Refresh p50', unit: 'ms', ours: of(({ busy }) => busy.refresh.p50) },
        {
          path: 'Logins a second meanwhile',
          unit: '',
          ours: of(({ busy }) => busy.logins.requests / busy.logins.seconds),
        },
      ],
      notes: [
        `16 connections log in without a pause while one client renews its tokens ${RATE} times a second; the same client alone is "idle".`,
        'The delay is taken every millisecond within the server (`monitorEventLoopDelay`); the millisecond itself is not counted.',
        'The logins, PostgreSQL and the load share the cores with the event loop: on few cores part of the delay is the scheduler’s.',
      ],
      lanes: {},
    };
  } finally {
    await place.stop();
  }
};

async function measureRounds(server: Ours, { stores, rounds, seconds, warmUp }: Bench): Promise<Round[]> {
  const devices = new Map<number, string>();
  const [answer] = await signInAll(server.url, {});
  const renewing = refreshing(server.url, answer === undefined ? [] : [field(answer, 'refresh_token')]);
  const renew = (): Promise<LoadResult> =>
    runLoad({ url: server.url, connections: 1, rate: RATE, seconds: seconds * 2, ...renewing });
  const logIn = (time: number): Promise<LoadResult> =>
    runLoad({ url: server.url, seconds: time, ...loggingIn(server.url, devices, ACCOUNTS) });
  say('loop: warming up');
  await Promise.all([logIn(warmUp), renew()]);
  await stores.refreshStatistics();
  const results: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    await sleep(1500);
    const idle = await watching(server, renew);
    // The flood begins before and ends after what is measured.
    const flood = logIn(seconds * 2 + 1);
    await sleep(500);
    const busy = await watching(server, renew);
    results.push({ idle, busy: { ...busy, logins: await flood } });
    say(
      `loop: round ${round} of ${rounds}: delay p99 ${idle.delay.p99.toFixed(1)} ms idle, ${busy.delay.p99.toFixed(1)} ms busy; refresh p99 ${idle.refresh.p99.toFixed(1)} and ${busy.refresh.p99.toFixed(1)} ms`,
    );
  }
  return results;
}

async function watching({ process }: Ours, work: () => Promise<LoadResult>) {
  process.send('delay: begin');
  const refresh = await work();
  const told = once(process, 'message');
  process.send('delay: tell');
  const [delay] = (await told) as [Delay];
  return { refresh, delay };
}
