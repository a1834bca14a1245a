import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeployReport } from './report.ts';
import type { Row } from './row.ts';
import { shell } from './shell.ts';

interface Place {
  readonly root: string;
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/** Runs one row, cleans up behind it whatever happened, and reports it. */
export async function runRow(row: Row, title: string, place: Place, report: DeployReport): Promise<void> {
  const started = performance.now();
  const figures: string[] = [];
  const cleanups: (() => unknown)[] = [];
  const scratch = mkdtempSync(join(tmpdir(), 'auth-api-deploy-'));
  cleanups.push(() => rmSync(scratch, { recursive: true, force: true }));
  const limit = new AbortController();
  const seconds = row.timeout ?? 120;
  const signal = AbortSignal.any([place.signal, limit.signal]);
  const timer = setTimeout(() => limit.abort(new Error(`took longer than ${seconds} s`)), seconds * 1000);
  const failures: string[] = [];
  try {
    await Promise.race([
      aborted(signal),
      row.run({
        ...place,
        signal,
        scratch,
        deploy: join(place.root, 'deploy'),
        sh: (command, options = {}) => shell(command, { cwd: scratch, signal, ...options }),
        figure: (name, value) => void figures.push(`${name} ${value}`),
        after: (act) => void cleanups.push(act),
      }),
    ]);
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    clearTimeout(timer);
    for (const act of cleanups.reverse()) {
      try {
        await act();
      } catch (error) {
        failures.push(`cleaning up: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  const took = (performance.now() - started) / 1000;
  if (failures.length === 0) report.passed(title, took, figures);
  else report.failed(title, failures.join('\n'), took, figures);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, fail) => {
    const give = (): void => fail(signal.reason instanceof Error ? signal.reason : new Error('interrupted'));
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
}
