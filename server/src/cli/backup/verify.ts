import { type RestoreProof, readProofs } from '../../core/backup/index.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { onGround } from '../ground.ts';
import { fieldsText, note, print, printJson } from '../output.ts';
import { requirePostgres } from './requirement.ts';

const DAY_MS = 24 * 3600_000;
const UNITS: Readonly<Record<string, number>> = { h: 3600_000, d: DAY_MS, w: 7 * DAY_MS };

export const verify = command({
  summary: 'Say when a restore was last proven, of which backup, with what result.',
  about: 'Exit code 1 where that was too long ago, or never: for monitoring.',
  examples: ['auth-api backup verify', 'auth-api backup verify --max-age=8d --json'],
  args: {
    'max-age': {
      type: 'string',
      description: 'How long ago it may be: 36h, 35d, 5w.',
      default: '35d',
      valueHint: 'time',
    },
    json,
  },
  run: ({ args }) => {
    const maxAge = durationOf(args['max-age']);
    return onGround({ command: 'backup verify' }, async (ground) => {
      requirePostgres(ground);
      const { proven, latest } = await readProofs(ground.db);
      const age = proven === null ? null : Math.max(0, ground.clock.now() - proven.at.getTime());
      const ok = age !== null && age <= maxAge;
      const failedSince = latest !== null && !latest.ok ? latest : null;
      if (args.json)
        printJson({
          ok,
          max_age_seconds: maxAge / 1000,
          age_seconds: secondsOf(age),
          proven,
          failed_since: failedSince,
        });
      else tell(proven, age, failedSince);
      if (ok) return;
      process.exitCode = EXIT.failed;
      if (!args.json)
        note(`${age === null ? 'No restore was ever proven' : 'That is too long ago'}: run deploy/restore-drill.sh.`);
    });
  },
});

function tell(proven: RestoreProof | null, age: number | null, failed: RestoreProof | null): void {
  if (proven !== null)
    print(
      fieldsText([
        ['proven', `${proven.at.toISOString()} (${((age ?? 0) / DAY_MS).toFixed(1)} days ago)`],
        ['backup', `${proven.backup}, as of ${proven.backup_as_of.toISOString()}`],
        ...proven.checks.map(({ name, detail }) => [name, detail] as const),
      ]),
    );
  if (failed === null) return;
  print(`The latest try failed: ${failed.at.toISOString()}, ${failed.backup}`);
  for (const { name, detail } of failed.checks.filter((one) => !one.ok)) print(`  ${name}: ${detail}`);
}

function secondsOf(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms / 1000);
}

function durationOf(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})([hdw])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined)
    throw new Failure(EXIT.usage, '--max-age takes hours, days or weeks: 36h, 35d, 5w.');
  return Number(count) * (UNITS[unit] as number);
}
