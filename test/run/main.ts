/**
 * `npm test`: everything, or the files named. Ends in one line, `N passed, N failed`.
 *
 *     npm test                              the checks and every test
 *     npm test -- server/src/core/tokens    the tests whose path contains this
 *     npm test -- --engine=embedded         one database engine only
 *     npm run test:long                     the long forms: *.long.test.ts with TEST_LONG=1
 */
import { parseArgs } from 'node:util';
import { checks } from './check.ts';
import { type Engine, isEngine, type Job, listJobs } from './jobs.ts';
import { runJobs } from './pool.ts';
import { say, Tally } from './report.ts';
import { startServices } from './services/start.ts';

const root = process.cwd();
const stopped = new AbortController();
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  // Not once: a terminal and the bootstrap may both send it, and the second must not end the clean-up.
  process.on(signal, () => {
    process.exitCode = status;
    stopped.abort();
  });
}

await main();

async function main(): Promise<void> {
  const { paths, long, engine } = readArguments();
  const tally = new Tally();
  const jobs = listJobs(root, { paths, long, engine });
  if (paths.length > 0 && jobs.length === 0) tally.fail('files', `No test file matches ${paths.join(' ')}.`);
  if (paths.length === 0 && !long && engine === null) await runChecks(tally);
  else say('The checks are not part of this run: `npm run check` runs them.');
  if (jobs.length > 0 && !stopped.signal.aborted) await runTests(jobs, long, tally);
  if (stopped.signal.aborted) tally.fail('run', 'Interrupted before its end.');
  tally.finish();
  process.exit(process.exitCode ?? (tally.isGood ? 0 : 1));
}

async function runTests(jobs: Job[], long: boolean, tally: Tally): Promise<void> {
  const services = await startServices(jobs).catch((error: Error) => {
    tally.fail('services', error.message);
    return null;
  });
  if (services === null) return;
  try {
    const env = { ...services.env, ...(long ? { TEST_LONG: '1' } : {}) };
    await runJobs(jobs, { root, env, isLong: long, signal: stopped.signal, report: (result) => tally.add(result) });
  } finally {
    await services.stop();
  }
}

async function runChecks(tally: Tally): Promise<void> {
  say('Checks');
  for await (const result of checks(root)) tally.add({ ...result, passed: result.failures.length === 0 ? 1 : 0 });
}

function readArguments(): { paths: string[]; long: boolean; engine: Engine | null } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { long: { type: 'boolean', default: false }, engine: { type: 'string' } },
  });
  if (values.engine !== undefined && !isEngine(values.engine)) {
    process.stderr.write('--engine is postgres or embedded\n');
    process.exit(64);
  }
  return { paths: positionals, long: values.long, engine: values.engine ?? null };
}
