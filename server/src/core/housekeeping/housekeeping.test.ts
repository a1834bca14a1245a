import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { startServer, type TestServer } from '../../../test/kit.ts';
import { housekeeping } from './index.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

async function count(table: string): Promise<number> {
  const rows = await server.db.query<{ n: number }>(`SELECT count(*) AS n FROM auth.${table}`);
  return rows[0]?.n ?? -1;
}

test('what is over goes, what still counts stays', async () => {
  const ada = await server.user();
  await server.post('/auth/login', { email: 'nobody@example.com', password: 'whatever it is' });
  await server.post('/auth/password/forgot', { email: ada.email });
  await housekeeping(server.app.house).run();
  assert.equal(await count('sessions'), 1);
  assert.ok((await count('one_time_tokens')) > 0);

  server.clock.advance(100 * 24 * 3600);
  await housekeeping(server.app.house).run();
  assert.equal(await count('sessions'), 0);
  assert.equal(await count('one_time_tokens'), 0);
  assert.ok((await count('devices')) > 0, 'a device is known for 180 days');
  server.clock.advance(100 * 24 * 3600);
  await housekeeping(server.app.house).run();
  assert.equal(await count('devices'), 0);
  assert.equal(await count('guards'), 0);
  assert.equal(await count('users'), 1);
});
