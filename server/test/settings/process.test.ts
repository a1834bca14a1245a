// engines: none
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../test/run/free-port.ts';
import { type PrivatePostgres, scratchFolder, startPostgres } from '../programs.ts';
import { answering, serve } from './tools.ts';

const secret = (): string => randomBytes(48).toString('base64url');
let postgres: PrivatePostgres;
before(async () => {
  postgres = await startPostgres({ fsync: 'off' });
});

const reaches = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

const folderOfFirst = scratchFolder();
const own = {
  JWT_REFRESH_SECRET: secret(),
  SESSION_SECRET: secret(),
  CSRF_SECRET: secret(),
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
};

function production(): Record<string, string> {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PUBLIC_URL: 'https://auth.example.test',
    EMAIL_SERVICE: 'smtp',
    EMAIL_FROM: 'house@sender.example.test',
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: '1',
    ENABLE_METRICS: 'false',
    ...own,
  };
}

test('a .env file is read, the environment wins over it, DATA_DIR holds what is kept, HOST and PORT are listened on', async () => {
  const folder = folderOfFirst;
  const [port, metrics] = [await freePort(), await freePort()];
  writeFileSync(
    join(folder, '.env'),
    `API_PREFIX=/from-file\nPORT=1\nMETRICS_PORT=${metrics}\nDATA_DIR=state\nHASH_QUEUE=5 # few\n`,
  );
  const program = serve({ HOST: '127.0.0.2', PORT: `${port}` }, folder);
  const url = `http://127.0.0.2:${port}`;
  await answering(program, `${url}/ready`);
  assert.equal((await fetch(`${url}/from-file/me`)).status, 401);
  assert.equal(await reaches(`http://127.0.0.1:${port}/ready`), false, 'HOST is the only address');
  assert.equal(statSync(join(folder, 'state', 'dev-secrets.json')).mode & 0o777, 0o600);
  assert.ok(existsSync(join(folder, 'state', 'pg')));

  const figures = await (await fetch(`http://127.0.0.2:${metrics}/metrics`)).text();
  assert.match(figures, /^http_requests_total\{/m);
  assert.equal((await fetch(`${url}/metrics`)).status, 404, 'nowhere but on METRICS_PORT');

  // Outside production: lines for people, a link for the first administrator, and the inbox.
  assert.match(program.out(), /Make the first administrator/);
  assert.equal((await fetch(`${url}/dev/inbox/messages`)).status, 200);
  assert.ok(
    !program
      .out()
      .split('\n')
      .some((line) => line.startsWith('{')),
    'LOG_FORMAT is pretty',
  );
  program.signal('SIGTERM');
  assert.equal((await program.exited).code, 0);
});

test('NODE_ENV=production prints no setup link, has no inbox and logs JSON; secrets come from NAME_FILE; LOG_FILE rotates', async () => {
  const folder = scratchFolder();
  const [port, metrics] = [await freePort(), await freePort()];
  const put = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const { SESSION_SECRET = '', ...env } = production();
  const logs = join(folder, 'logs', 'app.log');
  const program = serve({
    ...env,
    PORT: `${port}`,
    METRICS_PORT: `${metrics}`,
    SESSION_SECRET_FILE: put('session', `${SESSION_SECRET}\n`),
    DATABASE_URL_FILE: put('database', `${postgres.url}\n`),
    LOG_FILE: logs,
    LOG_MAX_SIZE: '3k',
    LOG_MAX_FILES: '2',
  });
  const url = `http://127.0.0.1:${port}`;
  await answering(program, `${url}/ready`);
  for (let n = 0; n < 40; n++) await fetch(`${url}/.well-known/jwks.json`);
  for (const path of ['/dev/inbox', '/dev/inbox/messages']) assert.equal((await fetch(url + path)).status, 404);
  assert.equal(await reaches(`http://127.0.0.1:${metrics}/metrics`), false, 'ENABLE_METRICS=false');
  program.signal('SIGTERM');
  assert.equal((await program.exited).code, 0);

  const lines = program
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.ok(
    lines.some((line) => line.message === 'request' && line.route === '/.well-known/jwks.json'),
    'LOG_LEVEL is info',
  );
  assert.ok(!lines.some((line) => line.route === '/ready' && line.status === 200), 'probes that find all well');
  assert.doesNotMatch(program.out() + program.err(), /administrator|setup/);
  assert.deepEqual(readdirSync(join(folder, 'logs')).sort(), ['app.log', 'app.log.1']);
  for (const name of ['app.log', 'app.log.1']) {
    const text = readFileSync(join(folder, 'logs', name), 'utf8');
    assert.ok(
      text.length <= 3 * 1024 &&
        text
          .split('\n')
          .slice(0, -1)
          .every((line) => JSON.parse(line)),
    );
  }
  for (const text of [SESSION_SECRET, env.ENCRYPTION_KEY as string]) assert.ok(!program.out().includes(text));
});

test('LOG_LEVEL and LOG_FORMAT say how much is logged, and how', async () => {
  const runs = await Promise.all(
    [{ LOG_LEVEL: 'warn' }, { LOG_LEVEL: 'debug', LOG_FORMAT: 'pretty' }].map(async (env) => {
      const port = await freePort();
      const program = serve({ ...production(), DATABASE_URL: postgres.url, PORT: `${port}`, ...env });
      await answering(program, `http://127.0.0.1:${port}/ready`);
      program.signal('SIGTERM');
      await program.exited;
      return program.out();
    }),
  );
  assert.doesNotMatch(runs[0] as string, /"level":"info"/);
  assert.match(runs[1] as string, /request.*route=\/ready/);
  assert.doesNotMatch(runs[1] as string, /^\{/m);
});

test('MIGRATE_ON_START=false leaves an empty database empty and does not serve on it', async () => {
  await postgres.sql('CREATE DATABASE untouched');
  const DATABASE_URL = postgres.url.replace(/\/postgres$/, '/untouched');
  const program = serve({ ...production(), DATABASE_URL, PORT: `${await freePort()}`, MIGRATE_ON_START: 'false' });
  const { code } = await program.exited;
  assert.equal(code, 69, program.err());
  assert.match(program.err(), /migrate/);
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  const { rows } = await client
    .query("SELECT 1 FROM pg_namespace WHERE nspname IN ('auth', 'audit')")
    .finally(() => client.end());
  assert.equal(rows.length, 0);
});

test('production takes the embedded database only with EMBEDDED_ACCEPT_POWER_LOSS=true', async () => {
  const port = await freePort();
  const refused = serve({ ...production(), PORT: `${port}` });
  assert.equal((await refused.exited).code, 78);
  assert.match(refused.err(), /EMBEDDED_ACCEPT_POWER_LOSS=true/);
  // On what the first test has left: making a database takes longer than opening one.
  const DATA_DIR = join(folderOfFirst, 'state');
  const made = JSON.parse(readFileSync(join(DATA_DIR, 'dev-secrets.json'), 'utf8'));
  const program = serve({ ...production(), ...made, DATA_DIR, PORT: `${port}`, EMBEDDED_ACCEPT_POWER_LOSS: 'true' });
  await answering(program, `http://127.0.0.1:${port}/ready`);
  program.signal('SIGTERM');
  assert.equal((await program.exited).code, 0);
});

test('after SIGTERM requests are served for SHUTDOWN_DELAY, and what hangs is waited for until SHUTDOWN_GRACE', async () => {
  const port = await freePort();
  const env = {
    ...production(),
    DATABASE_URL: postgres.url,
    PORT: `${port}`,
    SHUTDOWN_DELAY: '1s',
    SHUTDOWN_GRACE: '3s',
  };
  const program = serve(env);
  const url = `http://127.0.0.1:${port}`;
  await answering(program, `${url}/ready`);
  const hanging = connect(port, '127.0.0.1');
  hanging.on('error', () => undefined);
  hanging.write(
    'POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  );
  await sleep(100);
  const from = performance.now();
  program.signal('SIGTERM');
  await sleep(500);
  const ready = await fetch(`${url}/ready`);
  assert.deepEqual([ready.status, ((await ready.json()) as { status: string }).status], [503, 'draining']);
  assert.equal((await fetch(`${url}/api/v1/me`)).status, 401);
  await sleep(1_000);
  assert.equal(await reaches(`${url}/ready`), false);
  assert.equal((await program.exited).code, 0);
  const took = performance.now() - from;
  assert.ok(took > 2_500 && took < 8_000, `${took} ms`);
  hanging.destroy();
});
