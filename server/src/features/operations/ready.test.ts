import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, type TestServer } from '../../../test/kit.ts';
import { type Db, readMigrations } from '../../platform/db/index.ts';
import { createReadiness } from './ready.ts';

let server: TestServer;
let asked = 0;

before(async () => {
  server = await startServer();
});

function counted(db: Db): Db {
  return {
    ...db,
    query: (text, values) => {
      asked++;
      return db.query(text, values);
    },
  };
}

test('all who ask within a second share one check, and whether it drains is answered anew', async () => {
  const readiness = createReadiness(counted(server.db), server.app.house.cache);
  const answers = await Promise.all(Array.from({ length: 50 }, () => readiness(true)));
  assert.ok(answers.every((answer) => answer.status === 'ok'));
  const once = asked;
  assert.ok(once <= 2, `${once} queries`);
  assert.equal((await readiness(false)).status, 'draining');
  assert.equal((await readiness(true)).status, 'ok');
  assert.equal(asked, once);
  await sleep(1_100);
  assert.equal((await readiness(true)).status, 'ok');
  assert.equal(asked, 2 * once, 'a second later it is checked again');
});

test('a check that fails is shared no longer than one that goes well', async () => {
  let isDown = true;
  const query: Db['query'] = async (text, values) => {
    if (isDown) throw new Error('connection refused');
    return server.db.query(text, values);
  };
  const readiness = createReadiness({ ...server.db, query }, server.app.house.cache);
  assert.equal((await readiness(true)).status, 'unavailable');
  isDown = false;
  assert.equal((await readiness(true)).status, 'unavailable');
  await sleep(1_100);
  assert.equal((await readiness(true)).status, 'ok');
});

test('the migrations are read once', () => {
  assert.equal(readMigrations(), readMigrations());
});
