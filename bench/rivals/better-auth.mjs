/**
 * Better Auth on bare node:http and PostgreSQL, as its documentation sets it up: e-mail and password, bearer tokens by
 * its plug-in, no rate limit. RIVAL_HASH=argon2 gives it the server's hash binding and parameters instead of its scrypt.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { hash, verify } from '@node-rs/argon2';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { bearer } from 'better-auth/plugins';
import pg from 'pg';
import { ARGON2 } from '../password.ts';
import { tell } from '../subjects/tell.ts';

const { DATABASE_URL, RIVAL_HASH } = process.env;
const argon2 = {
  hash: (password) =>
    hash(password, {
      memoryCost: ARGON2.memory,
      timeCost: ARGON2.passes,
      parallelism: ARGON2.lanes,
      outputLen: ARGON2.length,
      salt: randomBytes(16),
    }),
  verify: ({ hash: stored, password }) => verify(stored, password),
};

let handle;
const server = createServer((request, response) => handle(request, response));
server.listen(0, '127.0.0.1', async () => {
  const options = {
    baseURL: `http://127.0.0.1:${server.address().port}`,
    secret: 'bench-only-9c1f4be27a0d4f6f8e35b1d2c7a64e90',
    database: new pg.Pool({ connectionString: DATABASE_URL, max: 10 }),
    emailAndPassword: { enabled: true, ...(RIVAL_HASH === 'argon2' ? { password: argon2 } : {}) },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [bearer()],
  };
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
  handle = toNodeHandler(betterAuth(options));
  tell(server);
});
