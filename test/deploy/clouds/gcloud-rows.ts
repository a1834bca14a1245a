import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Row, RowContext } from '../row.ts';
import { without } from './tools.ts';

const VARIABLES = {
  PROJECT: 'example-project',
  REGION: 'europe-west1',
  PUBLIC_URL: 'https://auth.example.com',
  EMAIL_FROM: 'no-reply@example.com',
  SMTP_HOST: 'smtp.example.com',
  SMTP_USER: 'auth-api',
  DB_INSTANCE: 'example-project:europe-west1:auth-db',
  REDIS_HOST: '10.0.0.5',
};

const CALLS = [
  'create-sql.sh',
  'create-redis.sh',
  'secrets.sh create',
  'secrets.sh rotate session-secret',
  'deploy.sh',
  'update-service.sh set LOG_LEVEL=debug',
  'update-service.sh secret SESSION_SECRET=auth-api-session-secret:2',
  'update-service.sh canary auth-api-00002-abc 10',
  'update-service.sh promote',
  'update-service.sh rollback auth-api-00001-abc',
];

/** What gcloud's own parser says to each command; an empty text where it has no objection. */
async function objections(t: RowContext, commands: readonly string[]): Promise<string[]> {
  const file = join(t.scratch, 'commands.json');
  writeFileSync(file, JSON.stringify(commands.map((command) => ({ command_string: command }))));
  const { stdout } = await t.sh(`gcloud meta lint-gcloud-commands --commands-file ${file}`, {
    env: { CLOUDSDK_CORE_DISABLE_PROMPTS: '1' },
    seconds: 110,
  });
  const answers = JSON.parse(stdout) as { success: boolean; error_message: string | null }[];
  assert.equal(answers.length, commands.length);
  return answers.map(({ success, error_message }) => (success ? '' : (error_message ?? 'no answer')));
}

/** Angle brackets and quotes mean something to the linter's own reading of a line: only the form is of interest. */
const plain = (command: string): string =>
  command
    .replaceAll(/\\(.)/g, '$1')
    .replaceAll(/[<>|'"]/g, '')
    .replaceAll('^^', '');

async function commandsOfScripts(t: RowContext): Promise<void> {
  const commands = new Set<string>();
  for (const call of CALLS) {
    const { stdout } = await t.sh(`${join(t.deploy, 'gcp')}/${call} --dry-run`, { env: VARIABLES });
    for (const line of stdout.split('\n')) {
      // One of each form is enough: the names of secrets differ, the options do not.
      if (line.startsWith('gcloud '))
        commands.add(plain(line).replaceAll(/auth-api-[a-z-]+-(?:secret|password|key)\b/g, 'auth-api-x'));
    }
  }
  const forms = new Map([...commands].map((command) => [command.replaceAll(/=\S+|\/tmp\/\S+/g, ''), command]));
  const wrong = 'gcloud run services update auth-api --region=x --set-secret=A=b:1';
  const found = await objections(t, [...forms.values(), wrong]);
  assert.match(found.pop() ?? '', /unrecognized/, wrong);
  assert.deepEqual(
    found.filter((text) => text !== ''),
    [],
  );
  t.figure('forms of commands', forms.size);
}

async function commandsOfBuild(t: RowContext): Promise<void> {
  const build = parse(readFileSync(join(t.deploy, 'gcp/cloudbuild.yaml'), 'utf8')) as {
    steps: { entrypoint?: string; args: string[] }[];
  };
  const steps = build.steps.filter(({ entrypoint }) => entrypoint === 'gcloud');
  const commands = steps.map(({ args }) => `gcloud ${args.join(' ')}`.replaceAll(/\$_?[A-Z_]+|\^\|\^/g, 'x'));
  assert.deepEqual(
    (await objections(t, commands)).filter((text) => text !== ''),
    [],
  );
  t.figure('steps', steps.length);
}

export const gcloudRows: readonly Row[] = [
  {
    name: "Google Cloud: gcloud's own parser takes every command of the scripts",
    skipUnless: without('gcloud'),
    timeout: 180,
    run: commandsOfScripts,
  },
  {
    name: "Google Cloud: gcloud's own parser takes the commands of the build",
    skipUnless: without('gcloud'),
    run: commandsOfBuild,
  },
];
