// engines: postgres
import { before, test } from 'node:test';
import { startServer, type TestServer } from '../../kit.ts';
import { startHub } from './hub.ts';
import { races, run, USES } from './race-kinds.ts';

const ROUNDS = 3;

let servers: TestServer[];
before(async () => {
  const env = { EMAIL_VERIFICATION: 'optional', ...(await startHub()) };
  const one = await startServer({ env });
  // The embedded database has one process; PostgreSQL serves three.
  const others = one.config.database.kind === 'postgres' ? [0, 1] : [];
  servers = [one, ...(await Promise.all(others.map(() => startServer({ env, on: one }))))];
});

for (const name of Object.keys(races)) {
  test(`${name}, used ${USES} times at once on three servers, works once (${ROUNDS} rounds)`, async () => {
    for (let round = 0; round < ROUNDS; round++) await run(name, servers);
  });
}
