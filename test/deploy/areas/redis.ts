import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, logIn, register, tour } from '../database/tour.ts';
import type { Area, RowContext } from '../row.ts';
import { ensureStores, type Stores } from '../stores.ts';

const FULL = 'services: { redis: { command: [redis-server, /etc/redis/redis.conf, --maxmemory, 12mb] } }\n';
const KEEP = `eval "for i = 1, 50 do redis.call('SET', KEYS[1] .. i, 'here', 'EX', 3600) end return 50" 1 auth:kept:`;
/** More than it may hold, in one script: Redis looks before a script, not within it. */
const FILL = `eval "for i = 1, 4000 do redis.call('SET', KEYS[1] .. i, string.rep('x', 4096)) end return 'all of it'" 1 auth:fill:`;
const REFUSED = [
  'flushall',
  'flushdb',
  'config get maxmemory',
  "keys '*'",
  'debug sleep 0',
  'acl list',
  'client list',
  'client kill id 1',
  'shutdown',
  'monitor',
  'scan 0',
  'save',
  'swapdb 0 1',
  'replicaof no one',
  'get other',
  'set other 1',
  'publish other x',
  'module list',
];

async function serverOn(t: RowContext): Promise<{ stores: Stores; url: string }> {
  const stores = await ensureStores(t.root);
  if ((await stores.servers()).length === 0) await stores.up('--scale app=1 app');
  return { stores, url: (await stores.servers())[0] ?? '' };
}

async function cacheStatus(url: string): Promise<unknown> {
  const { status, body } = await ask(url, '/ready');
  assert.equal(status, 200, 'ready with and without Redis');
  return (body.checks as { cache: { status: string } }).cache.status;
}

async function untilCacheIs(url: string, wanted: string): Promise<void> {
  const started = performance.now();
  while ((await cacheStatus(url)) !== wanted) {
    assert.ok(performance.now() - started < 15_000, `the cache is not ${wanted}`);
    await sleep(200);
  }
}

async function denied({ redis }: Stores): Promise<number> {
  const stats = await redis('monitor', 'info stats');
  const counts = [...stats.matchAll(/^acl_access_denied_(\w+):(\d+)/gm)];
  assert.equal(counts.length, 4, stats);
  return counts.reduce((sum, [, , count]) => sum + Number(count), 0);
}

export const redis: Area = {
  name: 'redis',
  title: 'Redis: its settings, its users, and the servers with it and without',
  needs: ['images:postgres', 'images:redis', 'app-image'],
  rows: [
    {
      name: 'a server does all its work as the user auth, and nothing it asks is refused',
      timeout: 180,
      async run(t) {
        const { stores, url } = await serverOn(t);
        await untilCacheIs(url, 'ok');
        assert.equal(await denied(stores), 0, 'refused while the server started');
        await tour(url, 'grace@example.com');
        assert.equal(await denied(stores), 0, await stores.redis('monitor', 'acl log'));
        assert.equal(await stores.redis('monitor', 'acl log'), '');
        const keys = Number(await stores.redis('monitor', 'dbsize'));
        assert.ok(keys > 0, 'limits are counted in it');
        t.figure('keys after one tour', keys);
        const used = await stores.redis('monitor', 'info commandstats');
        for (const name of ['eval', 'subscribe', 'publish', 'get', 'set'])
          assert.match(used, new RegExp(`cmdstat_${name}:`));
      },
    },
    {
      name: 'refuses what the server does not need, strangers, and the values to the exporter; keeps the password to itself',
      async run(t) {
        const stores = await ensureStores(t.root);
        const { redis: say, compose, folder } = stores;
        const answers = async (user: 'auth' | 'monitor', commands: readonly string[]): Promise<string[]> =>
          (await say(user, commands.join('\n'))).split('\n').filter((line) => line !== '');
        const refusals = await answers('auth', REFUSED);
        assert.equal(refusals.length, REFUSED.length, refusals.join('\n'));
        for (const line of refusals) assert.match(line, /^(NOPERM|ERR DEBUG command not allowed)/);
        const values = ['get auth:x', 'config set maxmemory 0', 'flushall', 'eval "return 1" 0'];
        for (const line of await answers('monitor', values)) assert.match(line, /^NOPERM/);
        assert.match(await say('monitor', 'config get maxmemory-policy'), /noeviction/);
        assert.match(await say('monitor', 'config get maxmemory'), /536870912/);
        const bare = await compose('exec -T redis redis-cli ping');
        assert.match(bare.stdout, /NOAUTH/);
        const guess = await compose('exec -T redis redis-cli --user default --pass guess ping', { ok: false });
        assert.match(guess.stdout + guess.stderr, /WRONGPASS/);
        const id = (await compose('ps -q redis')).stdout.trim();
        const { stdout: seen } = await t.sh(
          `docker inspect ${id}; docker top ${id}; docker exec ${id} sh -c 'tr "\\0" "\\n" < /proc/1/environ; cat /run/redis/users.acl'; docker logs ${id} 2>&1`,
        );
        for (const name of ['redis_password', 'redis_monitor_password']) {
          const { stdout: secret } = await t.sh(`cat ${folder}/secrets/${name}.txt`);
          assert.ok(!seen.includes(secret.trim()), `${name} can be seen`);
        }
        t.figure('refused', REFUSED.length);
      },
    },
    {
      name: 'full, it evicts nothing and refuses to write; the server goes on, and it all was kept over the restart',
      timeout: 240,
      async run(t) {
        const { stores, url } = await serverOn(t);
        const { redis: say, folder } = stores;
        await register(url, 'joan@example.com');
        assert.equal(await say('auth', KEEP), '50');
        await sleep(1100); // appendfsync everysec
        writeFileSync(join(folder, 'full.yml'), FULL);
        t.after(() => stores.up('redis'));
        await stores.up('redis', ['full.yml']);
        const kept = (): Promise<string> =>
          say('auth', `exists ${Array.from({ length: 50 }, (_, n) => `auth:kept:${n + 1}`).join(' ')}`);
        assert.equal(await kept(), '50', 'the append-only file brought them back');
        assert.equal(await say('auth', FILL), 'all of it');
        assert.match(await say('auth', 'set auth:more 1'), /OOM command not allowed/);
        assert.equal(await kept(), '50');
        assert.match(await say('monitor', 'info stats'), /evicted_keys:0\r?\n/);
        const { access, refresh } = await logIn(url, 'joan@example.com');
        assert.equal((await ask(url, '/api/v1/me', undefined, access)).status, 200);
        assert.equal((await ask(url, '/api/v1/auth/refresh', { refresh_token: refresh })).status, 200);
        await sleep(1200);
        assert.match(await stores.log('app'), /Redis answered with an error/);
        t.figure('evicted', 0);
        t.figure('while full', `cache ${await cacheStatus(url)}, sign-in and refresh 200`);
      },
    },
    {
      name: 'with a wrong password, and without Redis, the server says so and goes on',
      timeout: 180,
      async run(t) {
        const { stores, url } = await serverOn(t);
        await stores.compose('stop -t 5 redis');
        t.after(() => stores.up('redis'));
        await untilCacheIs(url, 'degraded');
        await tour(url, 'dorothy@example.com');
        assert.match(await stores.log('app'), /Redis cannot be reached; going on without it/);
        await stores.up('redis');
        await untilCacheIs(url, 'ok');
        const started = stores.compose(
          'run -d --no-deps -e REDIS_PASSWORD_FILE=/run/secrets/session_secret -e SESSION_SECRET_FILE=/run/secrets/csrf_secret -e CSRF_SECRET_FILE=/run/secrets/session_secret app',
        );
        const id = (await started).stdout.trim().split('\n').at(-1) ?? '';
        t.after(() => t.sh(`docker rm -f ${id}`, { ok: false }));
        await t.sh(`until docker exec ${id} node /app/server/bin/auth-api.mjs health --ready; do sleep 0.5; done`, {
          seconds: 60,
        });
        const { stdout } = await t.sh(`docker logs ${id} 2>&1`);
        assert.match(stdout, /Redis refuses the credentials: check REDIS_PASSWORD and REDIS_URL/);
        assert.ok((await denied(stores)) > 0, 'Redis counts who was refused');
      },
    },
  ],
};
