import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from './jobs.ts';
import { type Failure, type Result, say } from './report.ts';

export interface PoolOptions {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly isLong: boolean;
  readonly signal: AbortSignal;
  readonly report: (result: Result) => void;
}

const CONCURRENCY = Number(process.env.TEST_CONCURRENCY ?? 2);
const OUTPUT_KEPT = 200_000;
const SILENCE = 20_000;

/** One process per file and engine, a few at once; each result is reported as it comes. */
export async function runJobs(jobs: readonly Job[], options: PoolOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'auth-api-events-'));
  // Every file loads the whole server: what the first has compiled, the others find.
  const env = { ...options.env, NODE_COMPILE_CACHE: join(folder, 'compiled') };
  const waiting = jobs.map((job, index) => ({ job, events: join(folder, `${index}.ndjson`) }));
  const running = new Map<Job, number>();
  const idle = setInterval(() => say(`… ${stillRunning(running)}; ${waiting.length} files to go`), SILENCE);
  const worker = async () => {
    while (!options.signal.aborted) {
      const next = waiting.shift();
      if (!next) return;
      running.set(next.job, performance.now());
      const result = await runJob(next.job, next.events, { ...options, env });
      running.delete(next.job);
      idle.refresh();
      if (!options.signal.aborted) options.report(result);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  clearInterval(idle);
  rmSync(folder, { recursive: true, force: true });
}

export async function runJob(
  job: Job,
  events: string,
  { root, env, isLong, signal }: Omit<PoolOptions, 'report'>,
): Promise<Result> {
  const started = performance.now();
  const child = spawn(process.execPath, commandOf(job, events), {
    cwd: root,
    env: {
      ...process.env,
      ...env,
      NODE_ENV: 'test',
      FORCE_COLOR: '0',
      ...(job.engine ? { TEST_ENGINE: job.engine } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what the test has started ends with it.
    detached: true,
  });
  const stop = () => killGroup(child);
  signal.addEventListener('abort', stop, { once: true });
  const patience = (isLong ? 90 : 10) * 60_000;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, patience);
  const output = collect(child);
  const ending = await endOf(child);
  clearTimeout(timer);
  signal.removeEventListener('abort', stop);
  killGroup(child);
  const seconds = (performance.now() - started) / 1000;
  const outcome = judge(readEvents(events), isLate ? `stopped: it ran for ${patience / 60_000} minutes` : ending);
  return { title: job.engine ? `${job.file} (${job.engine})` : job.file, seconds, output: output(), ...outcome };
}

interface TestEvent {
  readonly name?: string;
  readonly line?: number;
  readonly failure?: string | null;
  readonly end?: true;
}

/** `ending` is what was wrong with how the process ended, or null. */
export function judge(events: readonly TestEvent[], ending: string | null): { passed: number; failures: Failure[] } {
  const tests = events.filter((event) => event.name !== undefined);
  const failures: Failure[] = tests
    .filter((test) => test.failure)
    .map((test) => ({
      name: test.line ? `${test.name} (line ${test.line})` : `${test.name}`,
      text: test.failure ?? '',
    }));
  const isWhole = events.some((event) => event.end);
  if (failures.length === 0 || !isWhole) {
    if (ending !== null) failures.push({ name: 'the file', text: ending });
    else if (tests.length === 0) failures.push({ name: 'the file', text: 'holds no test, or ended before the first' });
    else if (!isWhole) failures.push({ name: 'the file', text: 'ended before its tests did' });
  }
  return { passed: tests.filter((test) => !test.failure).length, failures };
}

function commandOf(job: Job, events: string): string[] {
  const reporter = ['--test-reporter=./test/run/events.mjs', `--test-reporter-destination=${events}`];
  // The embedded database is WebAssembly, and optimising it takes longer than what a file asks of it.
  return ['--liftoff-only', '--import', './runtime/follow.mjs', ...reporter, job.file];
}

function endOf(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(`could not be run: ${error.message}`));
    // Not 'close': what the test has left running may hold the pipes open.
    child.on('exit', (code, signal) =>
      resolve(code === 0 ? null : signal ? `killed by ${signal}` : `ended with exit code ${code}`),
    );
  });
}

function collect(child: ChildProcess): () => string {
  let text = '';
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-OUTPUT_KEPT);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => text;
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

function readEvents(path: string): TestEvent[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as TestEvent]));
  } catch {
    return [];
  }
}

function stillRunning(running: ReadonlyMap<Job, number>): string {
  return [...running]
    .map(([job, since]) => `${job.file} has run for ${Math.round((performance.now() - since) / 1000)} s`)
    .join(', ');
}
