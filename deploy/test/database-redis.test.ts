// engines: none
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const deploy = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(deploy, path), 'utf8');
const conf = read('redis.conf');
const start = read('redis/start.sh');

function setting(name: string): string | undefined {
  return new RegExp(`^${name} (.*)$`, 'm').exec(conf)?.[1];
}

test('nothing is evicted, and the container has room for a copy of half of what Redis may hold', () => {
  assert.equal(setting('maxmemory-policy'), 'noeviction');
  const limit = /REDIS_MEMORY:-(\d+)M/.exec(read('docker-compose.prod.yml'))?.[1];
  const most = /^(\d+)mb$/.exec(setting('maxmemory') ?? '')?.[1];
  assert.ok(Number(most) * 1.5 <= Number(limit), `${most} of ${limit}`);
});

test('what it keeps is on the volume, and what it says on the output', () => {
  assert.equal(setting('dir'), '/data');
  assert.equal(setting('appendonly'), 'yes');
  assert.equal(setting('logfile'), '""');
  assert.match(read('docker-compose.prod.yml'), /redis_data:\/data/);
});

test('there is no password in it, and no user but those of start.sh', () => {
  assert.doesNotMatch(conf, /^(requirepass|masterauth|user|rename-command)\b/m);
  const users = [...start.matchAll(/^user (\w+) (on|off)/gm)].map(([, name, state]) => `${name} ${state}`);
  assert.deepEqual(users, ['default off', 'auth on', 'monitor on']);
  assert.match(start, /^user default off resetpass /m);
  const others = start.replace(/^user default .*$/m, '');
  assert.doesNotMatch(others, /nopass|\+@all|allkeys|allchannels|~\*|&\*/);
});

test('the user auth may touch what the server calls its own, and no more', () => {
  const prefix = /const PREFIX = '([^']+)'/.exec(read('../server/src/platform/cache/redis.ts'))?.[1];
  const line = /^user auth .*$/m.exec(start)?.[0] ?? '';
  assert.ok(line.includes(` ~${prefix}* `) && line.includes(` &${prefix}* `), line);
});
