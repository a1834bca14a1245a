/**
 * `npm run check`: format, lint, types, import rules, house rules, dead code, generated files. All of them run, and every
 * fault is listed. `npm test` counts each as one test.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENERATED } from './generated.ts';
import { checkHouseRules } from './house-rules.ts';
import type { Failure } from './report.ts';

export interface CheckResult {
  readonly title: string;
  readonly failures: readonly Failure[];
  readonly seconds: number;
}

type Check = readonly [title: string, run: (root: string) => Promise<string | null>];

const CONCURRENCY = 2;

const CHECKS: readonly Check[] = [
  ['dead code (knip)', (root) => tool(root, ['knip/bin/knip.js', '--no-progress'])],
  ['import rules (dependency-cruiser)', (root) => tool(root, cruise)],
  ['types (tsc)', (root) => tool(root, ['typescript7/bin/tsc', '-p', 'tsconfig.json'])],
  [
    'format and lint (biome)',
    (root) => tool(root, ['@biomejs/biome/bin/biome', 'check', '--max-diagnostics=300', '--error-on-warnings']),
  ],
  ['house rules', async (root) => checkHouseRules(root).join('\n') || null],
  ...GENERATED.map(
    ([command, file]): Check => [`${file} is as generated`, (root) => checkGenerated(root, command, file)],
  ),
];

const cruise = [
  'dependency-cruiser/bin/dependency-cruiser.mjs',
  'server/src',
  'test',
  'deploy/test',
  '--config',
  '.dependency-cruiser.cjs',
  '--output-type',
  'err-long',
];

/** Each check's result, in the order of the list, as soon as it and those before it are there. */
export async function* checks(root: string): AsyncGenerator<CheckResult> {
  const waiting = [...CHECKS];
  const running: Promise<CheckResult>[] = [];
  const next = (): void => {
    const check = waiting.shift();
    if (!check) return;
    const result = runCheck(root, check);
    running.push(result);
    result.then(next);
  };
  for (let lane = 0; lane < CONCURRENCY; lane++) next();
  for (let index = 0; index < CHECKS.length; index++) yield (await running[index]) as CheckResult;
}

async function runCheck(root: string, [title, run]: Check): Promise<CheckResult> {
  const started = performance.now();
  const fault = await run(root).catch((error: Error) => `could not be run: ${error.message}`);
  const failures = fault === null ? [] : [{ name: title, text: fault }];
  return { title, failures, seconds: (performance.now() - started) / 1000 };
}

async function tool(root: string, [script = '', ...args]: readonly string[]): Promise<string | null> {
  const { status, output, errors } = await execute(root, [join('node_modules', script), ...args]);
  return status === 0 ? null : `${errors}${output}`.trim() || `ended with exit code ${status}`;
}

async function checkGenerated(root: string, command: readonly string[], file: string): Promise<string | null> {
  const { status, output, errors } = await execute(root, command);
  if (status !== 0) return `\`node ${command.join(' ')}\` failed:\n${errors}`;
  const kept = readFileSync(join(root, file), 'utf8');
  return kept === output ? null : `${file} is out of date. Write it anew: node ${command.join(' ')} > ${file}`;
}

function execute(
  root: string,
  args: readonly string[],
): Promise<{ status: number | null; output: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1' };
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { output: '', errors: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      texts.output += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      texts.errors += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...texts }));
  });
}

/** `npm run check` itself. */
async function main(): Promise<void> {
  let faulty = 0;
  for await (const { title, failures, seconds } of checks(process.cwd())) {
    process.stdout.write(`${failures.length === 0 ? '✓' : '✗'} ${title}  ${seconds.toFixed(1)} s\n`);
    for (const { text } of failures) process.stdout.write(`${text.replaceAll(/^/gm, '    ')}\n`);
    faulty += failures.length;
  }
  process.stdout.write(faulty === 0 ? 'All checks hold.\n' : `${faulty} of ${CHECKS.length} checks found faults.\n`);
  process.exitCode = faulty === 0 ? 0 : 1;
}

if (import.meta.main) await main();
