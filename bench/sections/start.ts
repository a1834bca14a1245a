import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../test/run/free-port.ts';
import { cpuOf } from '../cost.ts';
import { ROOT, say } from '../ground.ts';
import { ask } from '../load.ts';
import { ourEnv, programOf } from '../processes.ts';
import { spreadOf } from '../rounds.ts';
import type { Row, Section } from '../section.ts';
import type { Stores } from '../stores.ts';

/** Milliseconds from the spawning of the process to the first 200 of /ready. */
interface Start {
  readonly ms: number;
  /** Milliseconds of CPU time until then, of all threads: it says more than `ms` where the machine is busy. */
  readonly cpu: number;
}

const ENGINES = ['PostgreSQL', 'embedded'] as const;
type Engine = (typeof ENGINES)[number];
const AT_MOST: Readonly<Record<Engine, number>> = { PostgreSQL: 700, embedded: 2000 };
const WITHIN = 60_000;
const LOOK = 2;

/** How long the server takes to be ready, with its data there and for the first time. */
export const start: Section = async ({ stores, isQuick, wants }) => {
  const engines = ENGINES.filter((engine) => wants(engine));
  const runs = isQuick ? 3 : 10;
  const firsts = isQuick ? 1 : 3;
  const first = new Map<Engine, Start[]>(engines.map((engine) => [engine, []]));
  const later = new Map<Engine, Start[]>(engines.map((engine) => [engine, []]));
  const places = new Map<Engine, Record<string, string>>();
  for (let run = 1; run <= firsts; run++) {
    for (const engine of engines) {
      const place = await newPlace(stores, engine, run);
      first.get(engine)?.push(await startOnce(stores, place));
      places.set(engine, place);
    }
  }
  for (let run = 1; run <= runs; run++) {
    for (const engine of engines) {
      const took = await startOnce(stores, places.get(engine) as Record<string, string>);
      later.get(engine)?.push(took);
      say(`start: run ${run} of ${runs}: ${engine} ${took.ms.toFixed(0)} ms, ${took.cpu.toFixed(0)} ms of CPU`);
    }
  }
  return {
    name: 'start',
    title: 'Start to ready',
    rows: engines.flatMap((engine) => rowsOf(engine, later.get(engine) ?? [], first.get(engine) ?? [])),
    notes: NOTES,
    lanes: {},
  };
};

const NOTES = [
  'From the spawning of the process to the first 200 of /ready, asked for every 2 ms; the packages, the bundle and its compiled code are there already.',
  'A first start makes the schema, and the embedded database itself.',
];

function rowsOf(engine: Engine, later: Start[], first: Start[]): Row[] {
  const ms = spreadOf(later.map((one) => one.ms));
  const atMost = AT_MOST[engine];
  return [
    { path: `Start, ${engine}`, unit: 'ms', ours: ms, target: { text: `${atMost} ms`, value: ms.median, atMost } },
    { path: `CPU time of a start, ${engine}`, unit: 'ms', ours: spreadOf(later.map((one) => one.cpu)) },
    { path: `First start ever, ${engine}`, unit: 'ms', ours: spreadOf(first.map((one) => one.ms)) },
  ];
}

/** Where nothing is yet. */
async function newPlace(stores: Stores, engine: Engine, run: number): Promise<Record<string, string>> {
  const settings = await ourEnv(stores, `start_${run}`);
  if (engine === 'PostgreSQL') return settings;
  const { DATABASE_URL: _, REDIS_URL: __, ...rest } = settings;
  return { ...rest, DATA_DIR: mkdtempSync(join(stores.scratch, 'embedded-')), EMBEDDED_ACCEPT_POWER_LOSS: 'true' };
}

async function startOnce(stores: Stores, env: Readonly<Record<string, string>>): Promise<Start> {
  const [PORT, METRICS_PORT] = [`${await freePort()}`, `${await freePort()}`];
  const url = `http://127.0.0.1:${PORT}`;
  const { PATH = '', HOME = '' } = process.env;
  const folder = mkdtempSync(join(stores.scratch, 'start-'));
  const args = ['--import', join(ROOT, 'runtime', 'follow.mjs'), await programOf(), 'serve'];
  const began = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH, HOME, PORT, METRICS_PORT, PUBLIC_URL: `http://localhost:${PORT}`, ...env },
    stdio: 'ignore',
  });
  try {
    while (!(await isReady(url))) {
      if (child.exitCode !== null || performance.now() - began > WITHIN) throw new Error('the server did not start');
      await sleep(LOOK);
    }
    return { ms: performance.now() - began, cpu: cpuOf(child.pid as number) / 1000 };
  } finally {
    if (child.exitCode === null) {
      const over = once(child, 'exit');
      child.kill('SIGTERM');
      await over;
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

function isReady(url: string): Promise<boolean> {
  return ask(url, { path: '/ready' }).then(
    ({ status }) => status === 200,
    () => false,
  );
}
