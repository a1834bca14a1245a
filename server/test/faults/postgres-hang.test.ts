// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  figures,
  type Person,
  percentile,
  register,
  type ServerProcess,
  serviceEnv,
  startServer,
} from '../processes.ts';
import { type PrivatePostgres, startPostgres, until } from '../programs.ts';

let postgres: PrivatePostgres;
let server: ServerProcess;
let ada: Person;

before(async () => {
  postgres = await startPostgres();
  server = await startServer(serviceEnv({ DATABASE_URL: postgres.url }));
  ada = await register(server);
});

test('F-22: a database that hangs costs nobody more than five seconds, and the server is itself again after it', async (t) => {
  const me = () => server.get('/me', { bearer: ada.access });
  assert.equal((await me()).status, 200);
  postgres.signalAll('SIGSTOP');
  const stoppedAt = performance.now();
  const seen: { after: number; status: number; ms: number; retry: string | null }[] = [];
  const open: Record<string, number[]> = { health: [], jwks: [] };
  const asking: Promise<void>[] = [];
  const ask = async (work: () => ReturnType<typeof me>): Promise<void> => {
    const after = performance.now() - stoppedAt;
    const { status, ms, headers } = await work();
    seen.push({ after, status, ms, retry: headers.get('retry-after') });
  };
  while (performance.now() - stoppedAt < 7_000) {
    asking.push(ask(me));
    asking.push(ask(() => server.post('/auth/refresh', { refresh_token: ada.refresh })));
    asking.push(ask(() => server.post('/auth/login', { email: ada.email, password: 'wrong' })));
    const health = await server.call('GET', '/health');
    const jwks = await server.call('GET', '/.well-known/jwks.json');
    assert.deepEqual([health.status, jwks.status], [200, 200]);
    open.health?.push(health.ms);
    open.jwks?.push(jwks.ms);
    await sleep(200);
  }
  assert.equal((await server.call('GET', '/ready')).status, 503);
  await Promise.all(asking);
  postgres.signalAll('SIGCONT');
  const recovered = await until(async () => (await me()).status === 200, 10_000, 'recovery');

  // What was remembered is believed for one second after the feed fell silent, and not longer.
  const trusted = seen.filter((one) => one.status === 200);
  assert.ok(
    trusted.every((one) => one.after <= 1_000),
    `believed for ${Math.max(...trusted.map((one) => one.after))} ms`,
  );
  const refused = seen.filter((one) => one.status !== 200);
  assert.deepEqual([...new Set(refused.map((one) => one.status))], [503]);
  assert.ok(refused.every((one) => Number(one.retry) > 0));
  assert.ok(Math.max(...seen.map((one) => one.ms)) <= 5_000, 'slower than five seconds');
  assert.ok(recovered < 2_000);
  // Only the first ones wait; the others are told at once.
  assert.ok(
    percentile(
      refused.map((one) => one.ms),
      0.5,
    ) < 250,
  );
  assert.equal(server.hasExited(), false);
  const waits = refused.map((one) => one.ms);
  figures(t, {
    requests: seen.length,
    'refused p50 ms': percentile(waits, 0.5),
    'refused max ms': Math.max(...waits),
    'health max ms': Math.max(...(open.health ?? [])),
    'JWKS max ms': Math.max(...(open.jwks ?? [])),
    'recovered after ms': recovered,
  });
});

test('F-27: a lock on one account delays its own requests for two seconds, and nobody else', async (t) => {
  const bob = await register(server);
  const holder = await postgres.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT 1 FROM auth.users WHERE id = $1 FOR UPDATE', [ada.id]);
  const blocked = server.call('PATCH', '/api/v1/me', { bearer: ada.access, body: { name: 'Ada' } });
  const others = await Promise.all(
    Array.from({ length: 10 }, () => server.call('PATCH', '/api/v1/me', { bearer: bob.access, body: { name: 'Bob' } })),
  );
  assert.deepEqual([...new Set(others.map((one) => one.status))], [200]);
  const answer = await blocked;
  await holder.query('ROLLBACK');
  await holder.end();
  assert.equal(answer.status, 503);
  assert.ok(answer.ms > 1_500 && answer.ms < 5_000);
  assert.equal((await server.call('PATCH', '/api/v1/me', { bearer: ada.access, body: { name: 'Ada' } })).status, 200);
  figures(t, { 'blocked ms': answer.ms, 'others max ms': Math.max(...others.map((one) => one.ms)) });
});
