import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LocalServer, startServer } from '../local-server.ts';
import type { Done, RowContext } from '../row.ts';
import { CANARY, type Place, place, restorer } from './place.ts';
import { signIn, startWriters, statusOfMe } from './writers.ts';

const serve = (t: RowContext, here: Place, name: string, url: string): Promise<LocalServer> =>
  startServer(t, name, { ...here.settings, DATABASE_URL: url });

const auth = (t: RowContext): string => `node ${t.root}/server/bin/auth-api.mjs`;

/** The settings of the servers, in the tools. */
const asServer = (here: Place, url: string): Record<string, string> => ({
  ...here.settings,
  DATABASE_URL: url,
  DATA_DIR: join(here.folder, 'data'),
});

/** The whole promise in one: beside people at work a backup is made, restored elsewhere, compared, tried, and recorded. */
export async function wholeDrill(t: RowContext): Promise<void> {
  const here = await place(t);
  const server = await serve(t, here, 'live', here.url('auth_app'));
  const api = `${server.url}/api/v1`;
  const never = await backupVerify(t, here);
  assert.equal(never.status, 1);
  assert.match(never.stderr, /No restore was ever proven/);

  const writers = startWriters(api);
  await sleep(1500);
  const before = writers.done();
  const reports = join(here.folder, 'drills');
  const drill = await here.tools(
    t,
    `printf '%s\\n' '${CANARY.password}' > ${here.folder}/canary
     "$DEPLOY/restore-drill.sh" --canary ${CANARY.email} --canary-password-file ${here.folder}/canary`,
    {
      env: { ...asServer(here, here.urlWithin('auth_app', 'auth_db')), AUTH_API: auth(t), REPORT_DIR: reports },
    },
  );
  const during = writers.done() - before;
  await writers.stop();
  assert.match(drill.stdout, /0 differences, sign-in, keys and audit chain work/);
  const report = JSON.parse(readFileSync(join(reports, readdirSync(reports).at(-1) ?? ''), 'utf8'));
  assert.equal(report.ok, true);
  assert.deepEqual(
    report.proof.checks.map((one: { name: string; ok: boolean }) => [one.name, one.ok]),
    ['schema', 'rows', 'keys', 'passwords', 'audit', 'session', 'sign-in', 'canary'].map((name) => [name, true]),
  );
  assert.ok(during > 20, `only ${during} writes beside the drill`);
  assert.equal(await here.ask(t, 'postgres', "SELECT count(*) FROM pg_database WHERE datname LIKE '%drill%'"), '0');
  t.figure('writes meanwhile', during);
  for (const name of ['tables', 'rows', 'bytes'] as const) t.figure(name, report[name]);
  for (const name of ['backup', 'restore', 'prove'] as const) t.figure(`${name} s`, report.seconds[name]);
  t.figure('differences', 0);

  assert.equal((await backupVerify(t, here)).status, 0);
  const metrics = await (await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`)).text();
  const at = Number(/^auth_restore_proven_timestamp_seconds (\d+)$/m.exec(metrics)?.[1]);
  assert.ok(Math.abs(Date.now() / 1000 - at) < 120, `the metric says ${at}`);
  await server.stop();
}

const backupVerify = (t: RowContext, here: Place): Promise<Done> =>
  ask(t, here, 'backup verify', asServer(here, here.urlWithin('auth_app', 'auth_db')));

/** A command gives up soon (69) where a busy machine lets it wait: then it is asked again. */
async function ask(t: RowContext, here: Place, words: string, env: Record<string, string>): Promise<Done> {
  for (let tries = 1; ; tries++) {
    const done = await here.tools(t, `${auth(t)} ${words}`, { env, ok: false });
    if (done.status !== 69 || tries === 5) return done;
    await sleep(1000);
  }
}

async function patiently(t: RowContext, here: Place, words: string, env: Record<string, string>): Promise<Done> {
  const done = await ask(t, here, words, env);
  if (done.status !== 0) throw new Error(`${words}: ${done.status} ${done.stderr}`);
  return done;
}

/** Another server that has never heard of us: without roles it refuses, with them everything works as before. */
export async function anotherCluster(t: RowContext): Promise<void> {
  const here = await place(t);
  const env = restorer(here, { DB_HOST: 'elsewhere' });
  const bare = await here.tools(t, `"$DEPLOY/restore-db.sh" $BACKUP_DIR/latest`, { ok: false, env });
  assert.equal(bare.status, 69);
  assert.match(
    bare.stderr,
    /lacks the roles auth_app, auth_monitor, auth_owner, auth_readonly: run deploy\/init-db\.sql/,
  );
  await t.sh(
    `docker exec auth-api-test-backup-elsewhere psql --username=postgres --quiet --file=- < ${t.deploy}/init-db.sql`.replace(
      'docker exec',
      'docker exec --interactive',
    ),
  );
  const restored = await here.tools(t, `"$DEPLOY/restore-db.sh" $BACKUP_DIR/latest --swap`, { env });
  assert.equal(restored.stdout.trim(), 'auth_db');
  assert.match(restored.stderr, /0 differences/);
  // What a dump does not hold: who may connect, and what is set.
  const rights =
    "SELECT array_to_string(array(SELECT a::text FROM pg_database, unnest(datacl) AS a WHERE datname = 'auth_db' ORDER BY 1), ' ')";
  assert.equal(await here.ask(t, 'postgres', rights, 'elsewhere'), await here.ask(t, 'postgres', rights));

  const server = await serve(t, here, 'elsewhere', here.url('auth_app', 'auth_db', 'elsewhere'));
  const api = `${server.url}/api/v1`;
  const { status, token } = await signIn(api);
  assert.equal(status, 200);
  assert.equal(await statusOfMe(api, token), 200);
  const within = asServer(here, here.urlWithin('auth_app', 'auth_db', 'elsewhere'));
  // The feed begins anew in another cluster: what changes there is known within a second all the same.
  const kid = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
  await patiently(t, here, `keys rotate --now`, within);
  await patiently(t, here, `keys revoke ${kid}`, within);
  await sleep(1000);
  assert.equal(await statusOfMe(api, token), 401, 'a key that was revoked after the restore');
  assert.equal((await signIn(api)).status, 200);
  await sleep(1500);
  const chain = await patiently(t, here, 'audit verify', within);
  assert.match(chain.stdout, /The log is whole/);
  await server.stop();
}

/** Not under the feet of servers; and what was live is kept. */
export async function swapped(t: RowContext): Promise<void> {
  const here = await place(t);
  const server = await serve(t, here, 'swap', here.url('auth_app'));
  const backup = (await here.tools(t, '"$DEPLOY/backup-db.sh"')).stdout.trim();
  const { token } = await signIn(`${server.url}/api/v1`);
  const users = await here.ask(t, 'auth_db', 'SELECT count(*) FROM auth.sessions');
  const refused = await here.tools(t, `"$DEPLOY/restore-db.sh" ${backup} --into auth_db_restored_x --swap`, {
    ok: false,
    env: restorer(here),
  });
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /not swapped: \d+ sessions use auth_db\. Stop the servers first/);
  assert.equal(await statusOfMe(`${server.url}/api/v1`, token), 200, 'the live one goes on');
  await server.stop();

  const done = await here.tools(t, `"$DEPLOY/restore-db.sh" --take auth_db_restored_x`, {
    env: restorer(here),
  });
  const former = /kept as (auth_db_before_\w+)/.exec(done.stderr)?.[1] ?? '';
  assert.equal(await here.ask(t, former, 'SELECT count(*) FROM auth.sessions'), users, 'nothing of the former is lost');
  const again = await serve(t, here, 'swapped', here.url('auth_app'));
  const api = `${again.url}/api/v1`;
  assert.equal(await statusOfMe(api, token), 401, 'a session of after the backup is unknown');
  assert.equal((await signIn(api)).status, 200);
  await again.stop();
  assert.doesNotMatch(again.output.stdout, /audit\.broken|chain is broken/);
  await here.ask(t, 'postgres', `DROP DATABASE ${former}`);
}
