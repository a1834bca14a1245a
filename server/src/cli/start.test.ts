// engines: postgres
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { freePort } from '../../../test/run/free-port.ts';
import { atEnd } from '../../test/programs.ts';
import { newDatabase, place, SERVER } from './test-kit.ts';

test('a port that is taken ends the start with 69 and its number; so does a database that cannot be had', async () => {
  const here = await place();
  await occupy(here.port);
  const missingUrl = Object.assign(new URL(SERVER), { pathname: '/no_such_database' }).href;
  const [second, nowhere, missing] = await Promise.all([
    here.run(['serve'], { env: { DATABASE_URL: await newDatabase() } }),
    here.run(['users', 'list'], { env: { DATABASE_URL: `postgres://me:Hush9182@127.0.0.1:${await freePort()}/x` } }),
    here.run(['serve'], { env: { DATABASE_URL: missingUrl } }),
  ]);
  assert.equal(second.code, 69);
  assert.match(second.stderr, new RegExp(`Port ${here.port} is taken`));
  assert.equal(nowhere.code, 69);
  assert.match(nowhere.stderr, /Nothing answers at 127\.0\.0\.1:/);
  assert.equal(missing.code, 69);
  assert.match(missing.stderr, /The database does not exist/);
  for (const { stdout, stderr } of [second, nowhere, missing])
    assert.doesNotMatch(stdout + stderr, /Hush9182|\n {4}at /);
});

test('a password that the database refuses is told as that', async () => {
  const here = await place();
  const port = await refusingServer();
  const { code, stderr } = await here.run(['users', 'list'], {
    env: { DATABASE_URL: `postgres://me:Hush9182@127.0.0.1:${port}/x`, DB_SSL: 'false' },
  });
  assert.equal(code, 69);
  assert.match(stderr, /refuses the password/);
  assert.doesNotMatch(stderr, /Hush9182/);
});

/** Speaks just enough of PostgreSQL to say 28P01, whatever the machine's own pg_hba.conf allows. */
function refusingServer(): Promise<number> {
  const fields = Buffer.from('SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "me"\0\0');
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeUInt32BE(fields.length + 4, 1);
  const server = net.createServer((socket) =>
    socket.once('data', () => socket.end(Buffer.concat([head, fields]))).on('error', () => undefined),
  );
  atEnd(() => void server.close());
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as net.AddressInfo).port)));
}

function occupy(port: number): Promise<void> {
  const server = net.createServer();
  atEnd(() => void server.close());
  return new Promise((done) => server.listen(port, '127.0.0.1', () => done()));
}
