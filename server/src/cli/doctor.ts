import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/report.ts';
import { systemClock } from '../platform/clock.ts';
import { command, json } from './command.ts';
import { databaseFindings } from './doctor/database.ts';
import { type Finding, fail, ok, warn } from './doctor/finding.ts';
import { machineFindings, nodeFinding } from './doctor/machine.ts';
import { cacheFinding, mailFinding } from './doctor/services.ts';
import { EXIT, explain } from './failure.ts';
import { withDatabase } from './ground.ts';
import { print, printJson } from './output.ts';
import { readConfig } from './start.ts';

export const doctor = command({
  summary: 'Say what is wrong with this installation, and how to mend it.',
  about:
    'Looks at settings, database, cache, mail, proxy, clock, disk, permissions, certificate, keys, audit log and outbox.\nIt changes nothing and sends nothing. Exit code 1 where a check fails; a warning leaves it 0.',
  examples: ['auth-api doctor', 'auth-api doctor --json'],
  args: { json },
  async run({ args }) {
    const findings = await examine(args.json ? () => undefined : show);
    const failed = findings.filter((one) => one.status === 'fail').length;
    const warned = findings.filter((one) => one.status === 'warn').length;
    if (args.json) printJson({ ok: failed === 0, findings });
    else print(`\n${findings.length} checks, ${failed} failed, ${warned} with a warning.`);
    if (failed > 0) process.exitCode = EXIT.failed;
  },
});

async function examine(tell: (finding: Finding) => void): Promise<Finding[]> {
  const findings: Finding[] = [];
  const add = (...more: Finding[]): void => {
    findings.push(...more);
    more.forEach(tell);
  };
  const config = await settings(add);
  if (config === null) {
    add(nodeFinding());
    return findings;
  }
  add(...machineFindings(config, systemClock.now()), await cacheFinding(config));
  try {
    await withDatabase(config, async (db, isBorrowed) => {
      add(...(await databaseFindings(db, config, isBorrowed)), await mailFinding(config, db));
    });
  } catch (error) {
    add(fail('database', explain(error).message, 'Nothing works without it: mend this first.'));
  }
  return findings;
}

async function settings(add: (...findings: Finding[]) => void): Promise<Config | null> {
  try {
    const { config, warnings } = await readConfig();
    add(...warnings.map((text) => warn('settings', text, 'docs/reference/configuration.md explains every setting.')));
    if (warnings.length === 0) add(ok('settings', `in order, for ${config.NODE_ENV}`));
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    add(
      ...error.faults.map(({ name, problem, expected }) =>
        fail('settings', `${name} ${problem}`, `Expected: ${expected}.`),
      ),
    );
    return null;
  }
}

function show({ check, status, message, mend }: Finding): void {
  print(
    `${status.padEnd(4)}  ${check.padEnd(14)}  ${message}${mend === undefined ? '' : `\n${' '.repeat(22)}→ ${mend}`}`,
  );
}
