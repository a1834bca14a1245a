import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { freePort, isOk, opened, redisServer, sleep, stopped, timed, until } from './test-kit.ts';

test('F-42: a stopped Redis costs one request 100 ms and the following ones nothing, and is taken up again', async () => {
  const own = await freePort();
  const server = await redisServer(own);
  const { cache, lines } = opened(own);
  await until('connected', isOk(cache));
  await cache.set('k', 'v', 60);
  server.kill('SIGSTOP');
  const first = await Promise.all(Array.from({ length: 50 }, () => timed(cache.get('k'))));
  assert.ok(
    first.every(([value, ms]) => value === null && ms < 200),
    JSON.stringify(first[0]),
  );
  const later: number[] = [];
  for (let n = 0; n < 100; n++) {
    const [value, ms] = await timed<unknown>(
      n % 2 ? cache.get('k') : cache.count('c', { add: 1, atLeast: n, ttlSeconds: 9 }),
    );
    assert.equal(value, null);
    later.push(ms);
    await sleep(15);
  }
  assert.ok(Math.max(...later) < 50, `${Math.max(...later)} ms`);
  assert.equal(cache.status().status, 'degraded');
  // A deletion that Redis missed is made up for before anything is read again.
  await cache.del('k');
  server.kill('SIGCONT');
  await until('ok again', isOk(cache));
  assert.equal(await cache.get('k'), null);
  assert.equal(lines().filter((line) => line.message?.includes('degraded')).length, 1);
});

test('F-42: a connection that falls silent for good is replaced by a new one', async () => {
  const own = await freePort();
  const hole = { isOpen: false, connections: 0 };
  const upstream = await redisServer(await freePort().then((p) => (hole.connections = p)));
  const target = hole.connections;
  const proxy = createServer((socket) => {
    const other = connect(target, '127.0.0.1');
    socket.on('error', () => other.destroy()).on('close', () => other.destroy());
    other.on('error', () => socket.destroy());
    const isBlack = () => hole.isOpen && (socket as { old?: boolean }).old === true;
    socket.on('data', (data) => isBlack() || other.write(data));
    other.on('data', (data) => isBlack() || socket.write(data));
    if (!hole.isOpen) (socket as { old?: boolean }).old = true;
  }).listen(own, '127.0.0.1');
  after(() => proxy.close());
  const { cache } = opened(own);
  await until('connected', isOk(cache));
  const heard: string[] = [];
  await cache.subscribe('c', (message) => void heard.push(message));
  hole.isOpen = true;
  assert.equal(await cache.get('k'), null);
  await until('a new connection', isOk(cache), 15_000);
  await until(
    'messages again',
    () => {
      cache.publish('c', 'x');
      return heard.length > 0;
    },
    15_000,
  );
  await stopped(upstream);
  await cache.close();
});

test('F-40, F-47: after kill -9 and an empty restart it serves again, counts from what is known, and hears messages', async () => {
  const own = await freePort();
  const server = await redisServer(own);
  const { cache, lines } = opened(own);
  await until('connected', isOk(cache));
  const heard: string[] = [];
  let gaps = 0;
  await cache.subscribe(
    'c',
    (message) => void heard.push(message),
    () => {
      gaps += 1;
    },
  );
  await until('heard', () => {
    cache.publish('c', 'before');
    return heard.length > 0;
  });
  assert.equal(await cache.count('n', { add: 5, atLeast: 0, ttlSeconds: 60 }), 5);
  await stopped(server);
  await until('degraded', () => cache.status().status === 'degraded');
  const [value, ms] = await timed(cache.get('n'));
  assert.ok(value === null && ms < 150);
  await cache.set('x', 'y', 5);
  await sleep(1500);
  await redisServer(own);
  await until('ok again', isOk(cache));
  assert.equal(await cache.count('n', { add: 1, atLeast: 7, ttlSeconds: 60 }), 8);
  await until('heard again', () => {
    cache.publish('c', 'after');
    return heard.includes('after');
  });
  await until('the gap is told', () => gaps > 0);
  assert.ok(lines().length < 12, JSON.stringify(lines().map((line) => line.message)));
});

test('F-41: after FLUSHALL a shared count goes on from what its caller knows', async () => {
  const own = await freePort();
  await redisServer(own);
  const { cache } = opened(own);
  await until('connected', isOk(cache));
  assert.equal(await cache.count('n', { add: 4, atLeast: 0, ttlSeconds: 60 }), 4);
  const admin = connect(own, '127.0.0.1');
  admin.write('FLUSHALL\r\n');
  await once(admin, 'data');
  admin.destroy();
  assert.equal(await cache.count('n', { add: 1, atLeast: 4, ttlSeconds: 60 }), 5);
});

test('F-46: a wrong password is degraded with one clear line, and the right one on the server mends it', async () => {
  const own = await freePort();
  await redisServer(own, '--requirepass', 'right');
  const { cache, lines } = opened(own, { password: 'wrong' });
  await sleep(2500);
  assert.equal(cache.status().status, 'degraded');
  assert.equal(await cache.get('k'), null);
  const clear = lines().filter((line) => line.message?.includes('check REDIS_PASSWORD'));
  assert.deepEqual(clear.map((line) => line.role).sort(), ['commands', 'messages']);
  assert.ok(lines().length <= 3, JSON.stringify(lines()));
  assert.doesNotMatch(JSON.stringify(lines()), /wrong"/);
  const admin = connect(own, '127.0.0.1');
  admin.write('AUTH right\r\nCONFIG SET requirepass wrong\r\n');
  await once(admin, 'data');
  await until('ok', isOk(cache));
  admin.destroy();
});

test('F-48: a Redis that is absent at the start costs nothing, and is taken up when it comes', async () => {
  const own = await freePort();
  const { cache, lines } = opened(own);
  const heard: string[] = [];
  const [, ms] = await timed(cache.subscribe('c', (message) => void heard.push(message)));
  const [value, waited] = await timed(cache.get('k'));
  assert.ok(value === null && ms < 150 && waited < 150);
  assert.equal(await cache.count('n', { add: 1, atLeast: 0, ttlSeconds: 9 }), null);
  await sleep(1500);
  assert.ok(lines().length <= 3, JSON.stringify(lines()));
  await redisServer(own);
  await until('ok', isOk(cache));
  await until('heard', () => {
    cache.publish('c', 'x');
    return heard.length > 0;
  });
});

test('F-43: an error answer (out of memory) is a miss and makes the cache degraded, but breaks nothing', async () => {
  const own = await freePort();
  await redisServer(own, '--maxmemory', '1', '--maxmemory-policy', 'noeviction');
  const { cache, lines } = opened(own);
  await until('connected', isOk(cache));
  for (let n = 0; n < 50; n++) await cache.set(`k${n}`, 'v', 60);
  assert.equal(await cache.get('k1'), null);
  assert.equal(await cache.count('n', { add: 1, atLeast: 0, ttlSeconds: 60 }), null);
  assert.equal(lines().filter((line) => line.level === 'warn').length, 1);
});

test('F-46: over TLS a certificate that nobody vouches for is refused, and said once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'auth-api-redis-'));
  after(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'ignore' },
  );
  const own = await freePort();
  await redisServer(
    await freePort(),
    '--tls-port',
    String(own),
    '--tls-cert-file',
    cert,
    '--tls-key-file',
    key,
    '--tls-ca-cert-file',
    cert,
    '--tls-auth-clients',
    'no',
  );
  const { cache, lines } = opened(own, { tls: true, host: 'localhost' });
  await until('refused', () => lines().some((line) => JSON.stringify(line).includes('DEPTH_ZERO_SELF_SIGNED_CERT')));
  await sleep(500);
  assert.equal(cache.status().status, 'degraded');
  assert.ok(lines().length <= 3, JSON.stringify(lines()));
});
