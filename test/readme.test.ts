// engines: none
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from './run/free-port.ts';

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'auth-api-tour-'));
let server: ReturnType<typeof spawn>;
let port: number;

before(async () => {
  port = await freePort();
  server = spawn(process.execPath, [join(root, 'server/src/cli/main.ts'), 'serve'], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: String(port), METRICS_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((ready, fail) => {
    let text = '';
    server.stdout?.on('data', (chunk) => {
      text += chunk;
      if (text.includes('auth-api is ready.')) ready();
    });
    server.once('exit', (code) => fail(new Error(`the server ended with ${code}: ${text}`)));
  });
});

after(async () => {
  const ended = new Promise((done) => server.once('exit', done));
  server.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

test("the README's tour works as pasted", async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, tour] = /```sh\n([\s\S]*?)```/.exec(readme) ?? [];
  assert.ok(tour, 'the README has a tour');
  const script = `set -e\n${tour.replaceAll('localhost:3000', `127.0.0.1:${port}`)}`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { timeout: 60_000 });
  assert.match(stdout, /"status":"verification_sent"/);
  assert.match(stdout, /"status":"verified"/);
  assert.match(stdout, /"name":"Ada"/);
  assert.match(stdout, /"refresh_token":"rt_/);
  assert.match(stdout, /"current":true/);
  assert.match(stdout, /session\.login/);
  assert.match(stdout, /\n204\n/);
  assert.match(stdout, /"code":"session_revoked"/);
});
