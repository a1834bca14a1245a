import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLog, type Log, type LogOptions } from './log.ts';

const folder = await mkdtemp(join(tmpdir(), 'auth-api-log-'));
after(() => rm(folder, { recursive: true }));

const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) };
const plain = {
  LOG_LEVEL: 'debug',
  LOG_FORMAT: 'json',
  LOG_FILE: null,
  LOG_MAX_SIZE: 10_485_760,
  LOG_MAX_FILES: 10,
} as const;

function started(settings: Partial<LogOptions['config']> = {}): Log & { output(): Promise<string> } {
  const stdout = new PassThrough();
  let shown = '';
  stdout.on('data', (data) => {
    shown += data;
  });
  const log = createLog({ config: { ...plain, ...settings }, clock, stdout });
  const output = async () => {
    await log.close();
    return shown;
  };
  return { ...log, output };
}

async function jsonOf(write: (log: Log['log']) => void): Promise<Record<string, unknown>> {
  const { log, output } = started();
  write(log);
  return JSON.parse(await output());
}

test('a line is JSON with an RFC 3339 timestamp, the level as text, the service and the message', async () => {
  const line = await jsonOf((log) => log.warn({ user: 'u1' }, 'hello'));
  assert.deepEqual(line, {
    level: 'warn',
    timestamp: '2026-01-02T03:04:05.678Z',
    service: 'auth-api',
    pid: process.pid,
    user: 'u1',
    message: 'hello',
  });
});

test('secrets are redacted by their names at any depth, in children and in lists', async () => {
  const line = await jsonOf((log) =>
    log.child({ Authorization: 'S3CRET', request: { headers: { 'set-cookie': ['S3CRET'] } } }).info(
      {
        password: 'S3CRET',
        refresh_token: 'S3CRET',
        code: 123456,
        tokens_removed: 3,
        deep: [{ a: { newPassword: 'S3CRET', client_secret: { x: 'S3CRET' }, kept: 'yes' } }],
      },
      'x',
    ),
  );
  const text = JSON.stringify(line);
  assert.doesNotMatch(text, /S3CRET|123456/);
  assert.equal(line.tokens_removed, 3);
  assert.match(text, /"kept":"yes"/);
});

test('secrets are redacted by their form wherever they stand, in messages and errors too', async () => {
  const token = `rt_${'aB3-_x'.repeat(8)}`;
  const jwt = `eyJhbGciOiJFZERTQSJ9.${'eyJzdWIiOiJ1MSJ9'}.c2lnbmF0dXJl`;
  const failure = new Error(`cannot open https://x.test/verify?token=abc123&x=1 with ${token}`);
  const line = await jsonOf((log) =>
    log.error({ err: failure, note: jwt }, `dialled postgres://app:hunter2@db/auth, Bearer abcdefgh1234`),
  );
  const text = JSON.stringify(line);
  for (const secret of [token, jwt, 'abc123', 'hunter2', 'abcdefgh1234']) assert.ok(!text.includes(secret), secret);
  assert.match(text, /x=1/);
  assert.match(text, /postgres:\/\/app:\[redacted\]@db/);
});

test('long names of constraints and identifiers are not mistaken for tokens', async () => {
  const name = 'users_email_canonical_tenant_unique_active_constraint_idx';
  const id = '0192f7a1-1111-7222-8333-444455556666';
  const line = await jsonOf((log) => log.info({ name, id }, 'x'));
  assert.equal(line.name, name);
  assert.equal(line.id, id);
});

test('an error of the database shows code, constraint and table, and none of its data', async () => {
  const failure = Object.assign(new Error('invalid input syntax for type uuid: "ann@example.test"'), {
    severity: 'ERROR',
    code: '22P02',
    table: 'users',
    constraint: 'users_email',
    detail: 'Key (email)=(ann@example.test)',
    where: 'ann@example.test',
    parameters: ['ann@example.test'],
  });
  const line = await jsonOf((log) => log.error({ err: new Error('outer', { cause: failure }) }, 'failed'));
  assert.doesNotMatch(JSON.stringify(line), /ann@example/);
  const { cause, stack } = line.err as { cause: Record<string, unknown>; stack: string };
  assert.deepEqual([cause.code, cause.constraint, cause.table], ['22P02', 'users_email', 'users']);
  assert.match(stack, /^at .*log\.test\.ts/);
});

test('LOG-02: line breaks, escape sequences and direction overrides stay inside one encoded line', async () => {
  const evil = 'a\r\nb\u001b[31mc\u009b2Jd\u2028e\u202ef","level":"fatal';
  const { log, output } = started();
  log.info({ agent: evil, [evil]: 1 }, evil);
  const text = await output();
  assert.equal(text.split('\n').length, 2);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  assert.doesNotMatch(text.trimEnd(), /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  const line = JSON.parse(text);
  assert.deepEqual([line.agent, line.message, line.level], [evil, evil, 'info']);
});

test('pretty lines are one line each, without colours off a terminal, and neutralised', async () => {
  const { log, output } = started({ LOG_FORMAT: 'pretty' });
  log.info({ route: '/login', name: 'x\r\n2026 FATAL y\u001b[2J' }, 'hi\nthere');
  log.error({ err: new Error('broke\nin two') }, 'failed');
  const [first, second, rest] = (await output()).split('\n');
  assert.equal(first, '03:04:05.678 INFO  hi⏎there route=/login name="x\\r\\n2026 FATAL y\\u001b[2J"');
  assert.match(second ?? '', /^03:04:05\.678 ERROR failed Error: broke⏎in two .*log\.test\.ts/);
  assert.equal(rest, '');
});

test('cycles, throwing getters, big values and bigints cannot break a log call', async () => {
  const cycle: Record<string, unknown> = { n: 1n };
  cycle.self = cycle;
  const line = await jsonOf((log) =>
    log.info(
      {
        cycle,
        long: 'x'.repeat(100_000),
        bytes: Buffer.alloc(3),
        many: Array.from({ length: 5000 }, () => ({ a: 1 })),
        get bad() {
          throw new Error('no');
        },
      },
      'x',
    ),
  );
  assert.equal(line.unloggable, true);
  assert.equal(line.bytes, '[3 bytes]');
  assert.ok(JSON.stringify(line).length < 40_000);
});

test('a request is logged by its path, never its query or headers', async () => {
  const line = await jsonOf((log) =>
    log.info(
      { req: { method: 'GET', url: '/verify?token=S3CRET', ip: '1.2.3.4', headers: { cookie: 'S3CRET' } } },
      'x',
    ),
  );
  assert.deepEqual(line.req, { method: 'GET', path: '/verify', address: '1.2.3.4' });
});

test('the file rotates by size, keeps the newest lines whole, and no more files than asked', async () => {
  const path = join(folder, 'rotate', 'app.log');
  const { log, close } = started({ LOG_FILE: path, LOG_MAX_SIZE: 2000, LOG_MAX_FILES: 4 });
  for (let n = 0; n < 100; n++) {
    log.info({ n }, 'a line');
    if (n % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await close();
  assert.deepEqual((await readdir(join(folder, 'rotate'))).sort(), ['app.log', 'app.log.1', 'app.log.2', 'app.log.3']);
  const numbers: number[] = [];
  for (const name of ['app.log.3', 'app.log.2', 'app.log.1', 'app.log']) {
    const file = join(folder, 'rotate', name);
    assert.ok((await stat(file)).size <= 2000);
    assert.equal((await stat(file)).mode & 0o777, 0o640 & ~process.umask());
    for (const line of (await readFile(file, 'utf8')).trim().split('\n')) numbers.push(JSON.parse(line).n);
  }
  assert.equal(numbers.at(-1), 99);
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => (numbers[0] ?? 0) + i),
  );
});

test('the file is appended to after a restart, is JSON under LOG_FORMAT=pretty, and reopens for logrotate', async () => {
  const path = join(folder, 'append.log');
  for (const text of ['one', 'two']) {
    const { log, close } = started({ LOG_FILE: path, LOG_FORMAT: 'pretty' });
    log.info(text);
    await close();
  }
  const { log, close, reopen } = started({ LOG_FILE: path });
  log.info('three');
  while (!(await readFile(path, 'utf8')).includes('three')) await new Promise((resolve) => setTimeout(resolve, 5));
  await rename(path, `${path}.moved`);
  reopen();
  log.info('four');
  await close();
  const messages = async (file: string) =>
    (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).message);
  assert.deepEqual(await messages(`${path}.moved`), ['one', 'two', 'three']);
  assert.deepEqual(await messages(path), ['four']);
});

test('F-84: a full disk costs lines, which are counted, and is told on stdout once; logging resumes with a notice', async () => {
  const path = join(folder, 'full.log');
  await symlink('/dev/full', path);
  const { log, output, reopen, dropped } = started({ LOG_FILE: path });
  const filler = 'x'.repeat(4000);
  for (let round = 0; round < 30; round++) {
    for (let n = 0; n < 100; n++) log.info(filler);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(dropped() > 500, `${dropped()} dropped`);
  await unlink(path);
  reopen();
  while (!(await readFile(path, 'utf8').catch(() => '')).includes('lines were dropped'))
    await new Promise((resolve) => setTimeout(resolve, 10));
  const shown = await output();
  assert.equal(shown.match(/LOG_FILE cannot be written/g)?.length, 1);
  const lines = (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(lines.find((line) => line.count !== undefined).count, dropped());
});

const child = join(folder, 'child.ts');
await writeFile(
  child,
  `
import { createLog } from ${JSON.stringify(fileURLToPath(new URL('./log.ts', import.meta.url)))};
const { log, close, dropped } = createLog({ config: ${JSON.stringify(plain)} });
let served = 0, worst = 0, last = performance.now();
const timer = setInterval(() => {
  worst = Math.max(worst, performance.now() - last); last = performance.now();
  for (let n = 0; n < 100; n++) { log.info('x'.repeat(2000)); served += 1; }
  if (served < 10_000) return;
  clearInterval(timer);
  const before = performance.now();
  void close().then(() => { console.error(JSON.stringify({ served, worst, dropped: dropped(), closing: performance.now() - before })); process.exit(0); });
}, 5);
`,
);

async function runChild(onStdout: (stdout: NodeJS.ReadableStream) => void): Promise<Record<string, number>> {
  const running = spawn(process.execPath, [child], { stdio: ['ignore', 'pipe', 'pipe'] });
  onStdout(running.stdout);
  let said = '';
  running.stderr.on('data', (data) => {
    said += data;
  });
  const [status] = await once(running, 'close');
  assert.equal(status, 0, said);
  return JSON.parse(said);
}

test('F-84: a reader of stdout that stopped neither blocks nor ends the process', async () => {
  const report = await runChild((stdout) => stdout.pause());
  assert.equal(report.served, 10_000);
  assert.ok((report.dropped ?? 0) > 1000, JSON.stringify(report));
  assert.ok((report.closing ?? 0) < 1500, JSON.stringify(report));
});

test('F-84: a log collector that died does not take the process with it', async () => {
  const report = await runChild((stdout) => (stdout as unknown as { destroy(): void }).destroy());
  assert.equal(report.served, 10_000);
});
