/**
 * `npm run test:deploy`: everything in deploy/, really run. As root on Debian; installs what it needs.
 *
 *     npm run test:deploy                        every area
 *     npm run test:deploy -- proxy release       the areas named
 *     npm run test:deploy -- --rounds 20 release repeats what repeats so often
 *     npm run test:deploy -- --keep              leaves the stack running for a look at it
 *     npm run test:deploy -- --list              what there is
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { say } from '../run/report.ts';
import { areas } from './areas.ts';
import { meet } from './needs.ts';
import { createReport } from './report.ts';
import type { Area } from './row.ts';
import { runRow } from './run-row.ts';
import { removeStack } from './stack.ts';

const root = join(import.meta.dirname, '../..');
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopped.abort());

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const unknown = positionals.filter((name) => !areas.some((area) => area.name === name));
if (unknown.length > 0 || !(rounds >= 1 && rounds <= 100)) {
  process.stderr.write(
    `${unknown.length > 0 ? `no such area: ${unknown.join(', ')}` : '--rounds takes 1 to 100'}\nareas: ${areas.map(({ name }) => name).join(' ')}\n`,
  );
  process.exit(64);
}

const report = createReport();
if (values.list) for (const area of areas) say(`${area.name.padEnd(20)} ${area.title}`);
else {
  for (const area of areas) {
    if (positionals.length > 0 && !positionals.includes(area.name)) continue;
    await runArea(area);
  }
  if (stopped.signal.aborted) report.failed('run', 'interrupted before its end', 0, []);
  if (!values.keep) await removeStack().catch((error: Error) => report.failed('stack', error.message, 0, []));
  process.exitCode = report.finish();
}
// What an area has left open does not keep a finished run waiting.
setTimeout(() => process.exit(), 1000).unref();

async function runArea(area: Area): Promise<void> {
  say(`\n${area.title}`);
  const reason = await whyNot(area).catch((error: Error) => error);
  for (const row of area.rows) {
    if (stopped.signal.aborted) return;
    const title = `${area.name}: ${row.name}`;
    if (reason instanceof Error) report.failed(title, `what it needs is not there: ${reason.message}`, 0, []);
    else {
      const skipped = reason ?? row.skipUnless?.() ?? null;
      if (skipped !== null) report.notRun(title, skipped);
      else await runRow(row, title, { root, rounds, signal: stopped.signal }, report);
    }
  }
}

async function whyNot(area: Area): Promise<string | null> {
  for (const need of area.needs ?? []) {
    const reason = await meet(need, root);
    if (reason !== null) return reason;
  }
  return null;
}
