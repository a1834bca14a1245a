/**
 * The least that the server's own framework, driver and binding take: an answer; one prepared reading; one prepared
 * change; and the least that a login can be, which is a reading, a hash and a change in one process.
 */
import fastify from 'fastify';
import pg from 'pg';
import { createPool } from '../../server/src/core/passwords/pool.ts';
import { hashOnce } from '../password.ts';
import { sampleUser } from './sample-user.ts';
import { tell } from './tell.ts';

const ROWS = 1000;
const text = { type: 'string' };
const nullable = { type: ['string', 'null'] };
const answer = {
  type: 'object',
  properties: {
    id: text,
    email: text,
    email_verified: { type: 'boolean' },
    name: nullable,
    picture: nullable,
    locale: nullable,
    roles: { type: 'array', items: text },
    status: text,
    has_password: { type: 'boolean' },
    mfa: {
      type: 'object',
      properties: {
        totp: { type: 'boolean' },
        passkeys: { type: 'integer' },
        recovery_codes_left: { type: 'integer' },
      },
    },
    created_at: text,
    updated_at: text,
    last_login_at: text,
  },
};
const schema = { response: { 200: answer } };
const body = { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } };

const app = fastify();
const { DATABASE_URL, HASH_AT_ONCE } = process.env;
const hashes = createPool({ concurrency: Number(HASH_AT_ONCE) });
// As many connections as the server opens.
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });

async function prepare(): Promise<void> {
  await pool.query(
    'CREATE TABLE IF NOT EXISTS people (id integer PRIMARY KEY, about jsonb NOT NULL, generation integer NOT NULL, seen_at timestamptz NOT NULL) WITH (fillfactor = 75)',
  );
  await pool.query(
    'INSERT INTO people SELECT n, $1, 0, now() FROM generate_series(0, $2::integer - 1) n ON CONFLICT DO NOTHING',
    [sampleUser, ROWS],
  );
}

app.get('/answer', { schema }, async () => sampleUser);

const select = (id: number | string) =>
  pool.query({ name: 'select', text: 'SELECT about FROM people WHERE id = $1', values: [id] });

const update = (id: number) =>
  pool.query({
    name: 'update',
    text: 'UPDATE people SET generation = generation + 1, seen_at = $2 WHERE id = $1',
    values: [id, new Date()],
  });

app.get<{ Params: { id: string } }>('/select/:id', { schema }, async (request) => {
  const { rows } = await select(request.params.id);
  return rows[0].about;
});

app.post<{ Body: { id: number } }>('/update', { schema: { ...schema, body } }, async (request) => {
  await update(request.body.id);
  return sampleUser;
});

app.post<{ Body: { id: number } }>('/login', { schema: { ...schema, body } }, async (request) => {
  const { rows } = await select(request.body.id);
  await hashes.run(() => hashOnce());
  await update(request.body.id);
  return rows[0].about;
});

if (DATABASE_URL !== undefined) await prepare();
await app.listen({ host: '127.0.0.1', port: 0 });
tell(app.server);
