// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { figures, logIn, type Person, percentile, register } from '../processes.ts';
import { type Cluster, startCluster } from './cluster.ts';

let cluster: Cluster;
let admin: Person;
before(async () => {
  cluster = await startCluster({ PASSWORD_HASH: 'bcrypt', BCRYPT_SALT_ROUNDS: '10' });
  const { email, id } = await register(cluster.servers[0]);
  await cluster.postgres.sql("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'admin')", [id]);
  admin = await logIn(cluster.servers[0], email);
});

/** Sets the flag through one process while all of them are asked without a pause: milliseconds until each knows it. */
async function change(value: string): Promise<{ delays: number[]; statuses: Set<number> }> {
  const [first] = cluster.servers;
  const statuses = new Set<number>();
  let acknowledgedAt = Number.POSITIVE_INFINITY;
  const watching = cluster.servers.map(async (server) => {
    for (;;) {
      const askedAt = performance.now();
      const { status, body } = await server.get('/me/flags', { bearer: admin.access });
      statuses.add(status);
      if ((body.flags as unknown as Record<string, string>)?.['shop.theme'] === value)
        return Math.max(0, askedAt - acknowledgedAt);
      if (askedAt - acknowledgedAt > 5_000) throw new Error('set five seconds ago, and still not known');
      await sleep(3);
    }
  });
  const { headers } = await first.call('GET', '/api/v1/admin/flags', { bearer: admin.access });
  const { status } = await first.call('PUT', '/api/v1/admin/flags', {
    bearer: admin.access,
    headers: { 'if-match': headers.get('etag') as string },
    body: { flags: [{ key: 'shop.theme', default: value }] },
  });
  assert.equal(status, 200);
  acknowledgedAt = performance.now();
  return { delays: await Promise.all(watching), statuses };
}

for (const [name, fault, repair] of [
  ['F-87: a flag reaches all three processes within a second, under load and without an error', null, null],
  ['F-87: with Redis frozen as well', () => cluster.redis.signal('SIGSTOP'), () => cluster.redis.signal('SIGCONT')],
  ['F-87: without Redis as well', () => cluster.redis.kill(), () => cluster.redis.start()],
] as const) {
  test(name, async (t) => {
    await fault?.();
    const delays: number[] = [];
    for (let round = 0; round < 5; round++) {
      const found = await change(`${name} ${round}`);
      delays.push(...found.delays);
      assert.deepEqual([...found.statuses], [200]);
    }
    await repair?.();
    figures(t, { changes: 5, 'p50 ms': percentile(delays, 0.5), 'max ms': Math.max(...delays) });
    assert.ok(Math.max(...delays) < 1_000, delays.join(', '));
  });
}
