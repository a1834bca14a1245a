import { boolean, host, path, port, text, wholeNumber } from '../parsers.ts';
import { credential } from '../secret-parsers.ts';
import { optional, setting } from '../setting.ts';
import { connectionUrl } from '../url-parsers.ts';

const databaseUrl = connectionUrl(
  'a URL such as postgresql://user:password@db.example.com:5432/auth_db',
  'postgres:',
  'postgresql:',
);
const redisUrl = connectionUrl(
  'a URL such as redis://:password@redis.example.com:6379/0, or rediss:// for TLS',
  'redis:',
  'rediss:',
);
const name = text('a name of at most 63 characters', /^[^\s/]{1,63}$/);

export const database = {
  DATABASE_URL: optional(databaseUrl, {
    isSecret: true,
    defaultNote: 'none; without it and `DB_HOST` the embedded database in `DATA_DIR/pg`',
    description:
      'The PostgreSQL database (14 or newer). It wins over the `DB_*` parts, which fill its gaps. `sslmode` is understood: `disable`; `require`, `verify-ca` and `verify-full`, which all verify the certificate and the name; `no-verify` (not in production). So are `sslrootcert`, `sslcert` and `sslkey`.',
    example: 'postgresql://auth_user:PASSWORD@db.example.com:5432/auth_db?sslmode=verify-full',
  }),
  DATABASE_DIRECT_URL: optional(databaseUrl, {
    isSecret: true,
    defaultNote: '`DATABASE_URL`',
    description:
      'The same database past a pooler such as PgBouncer: for migrations and for listening. Its gaps are filled from the other connection.',
    example: 'postgresql://auth_user:PASSWORD@db-primary.example.com:5432/auth_db',
  }),
  DB_HOST: optional(
    text('a host name, an IP address, or the directory of a Unix socket', /^(\/[^\s]*|[^\s/:@]+|[0-9a-f:.]+)$/i),
    {
      description: 'The host of the database.',
      example: 'db.example.com',
    },
  ),
  DB_PORT: optional(port(1), { defaultNote: '`5432`', description: 'The port of the database.', example: '5432' }),
  DB_NAME: optional(name, { description: 'The name of the database. Required with `DB_HOST`.', example: 'auth_db' }),
  DB_USER: optional(name, {
    description: 'The role that the server signs in as. Required with `DB_HOST`.',
    example: 'auth_user',
  }),
  DB_PASSWORD: optional(credential, { isSecret: true, description: 'The password of `DB_USER`.', example: 'PASSWORD' }),
  DB_SSL: optional(boolean, {
    defaultNote: '`false`; `true` where `DB_SSL_CA_PATH` is set',
    description: "Encrypts the connection to the database and verifies the server's certificate and name.",
    example: 'true',
  }),
  DB_SSL_CA_PATH: optional(path, {
    description: 'The certificate authority (PEM) that the database is verified with, instead of the public ones.',
    example: '/app/ssl/db-ca.crt',
  }),
  DB_SSL_CERT_PATH: optional(path, {
    description: 'The client certificate (PEM) for the database.',
    example: '/app/ssl/db-client.crt',
  }),
  DB_SSL_KEY_PATH: optional(path, {
    description: 'The private key (PEM) of `DB_SSL_CERT_PATH`.',
    example: '/app/ssl/db-client.key',
  }),
  DB_SSL_REJECT_UNAUTHORIZED: setting(boolean, {
    default: 'true',
    description:
      '`false` takes any certificate of the database: whoever stands between may read and change everything. Refused in production.',
    example: 'true',
  }),
  DB_POOL_MIN: setting(wholeNumber(0, 500), {
    default: '0',
    description: 'How many connections each process keeps open.',
    example: '5',
  }),
  DB_POOL_MAX: setting(wholeNumber(1, 500), {
    default: '10',
    description:
      "How many connections each process opens at most. Times the number of processes it must stay under the database's `max_connections`.",
    example: '20',
  }),
  MIGRATE_ON_START: setting(boolean, {
    default: 'true',
    description: 'Brings the schema up to date at start; `false` where `auth-api migrate` does it.',
    example: 'true',
  }),
};

export const redis = {
  REDIS_URL: optional(redisUrl, {
    isSecret: true,
    defaultNote: 'none; without it and `REDIS_HOST` the cache is in the process',
    description: 'The Redis or Valkey server. It wins over the `REDIS_*` parts, which fill its gaps.',
    example: 'rediss://:PASSWORD@redis.example.com:6379/0',
  }),
  REDIS_HOST: optional(host, { description: 'The host of Redis.', example: 'redis.example.com' }),
  REDIS_PORT: optional(port(1), { defaultNote: '`6379`', description: 'The port of Redis.', example: '6379' }),
  REDIS_USERNAME: optional(credential, { description: 'The user (ACL) of Redis.', example: 'auth' }),
  REDIS_PASSWORD: optional(credential, { isSecret: true, description: 'The password of Redis.', example: 'PASSWORD' }),
  REDIS_DB: optional(wholeNumber(0, 65_535), {
    defaultNote: '`0`',
    description: 'The number of the database in Redis.',
    example: '0',
  }),
  REDIS_TLS: optional(boolean, {
    defaultNote: '`false`; `true` with `rediss://`',
    description:
      'Encrypts the connection to Redis and verifies its certificate. `true` also lifts a `redis://` URL to TLS.',
    example: 'true',
  }),
  REDIS_TLS_CA_PATH: optional(path, {
    description: 'The certificate authority (PEM) that Redis is verified with, instead of the public ones.',
    example: '/app/ssl/redis-ca.crt',
  }),
};
