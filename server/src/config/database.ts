import { join, resolve } from 'node:path';
import type { EmbeddedDatabase, PostgresConnection, PostgresDatabase } from './config.ts';
import { reconcile, splitUrl, type UrlParts } from './connection-url.ts';
import { readDatabaseTls } from './database-tls.ts';
import type { Reading } from './reading.ts';
import type { Name } from './table.ts';
import { isLoopbackHost } from './url-parsers.ts';

type UrlName = 'DATABASE_URL' | 'DATABASE_DIRECT_URL';

const PARTS = [
  'DB_PORT',
  'DB_NAME',
  'DB_USER',
  'DB_PASSWORD',
  'DB_SSL',
  'DB_SSL_CA_PATH',
  'DB_SSL_CERT_PATH',
  'DB_SSL_KEY_PATH',
] as const;
const KNOWN_PARAMETERS = new Set(['host', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'uselibpqcompat']);

export function readDatabase(reading: Reading): EmbeddedDatabase | PostgresDatabase {
  const { values, report, isGiven, isProduction } = reading;
  const { DB_POOL_MIN: poolMin, DB_POOL_MAX: poolMax } = values;
  if (poolMin > poolMax && !report.blames('DB_POOL_MIN', 'DB_POOL_MAX')) {
    report.fault(
      'DB_POOL_MIN',
      `is ${poolMin}, more than DB_POOL_MAX, which is ${poolMax}`,
      'DB_POOL_MIN at most DB_POOL_MAX',
    );
  }
  checkVerification(reading);
  if (!isGiven('DATABASE_URL') && !isGiven('DB_HOST')) return readEmbedded(reading);
  const connection = readConnection('DATABASE_URL', null, reading);
  const direct = values.DATABASE_DIRECT_URL ? readConnection('DATABASE_DIRECT_URL', connection, reading) : connection;
  for (const { host, tls } of direct === connection ? [connection] : [connection, direct]) {
    const isLocal = host.startsWith('/') || isLoopbackHost(host);
    if (isProduction && tls === false && !isLocal && host !== '')
      report.warn(`the connection to the database at ${host} is not encrypted (DB_SSL)`);
  }
  return { kind: 'postgres', connection, direct, poolMin, poolMax };
}

function readEmbedded(reading: Reading): EmbeddedDatabase {
  const { values, report, isGiven, isProduction } = reading;
  if (isGiven('DATABASE_DIRECT_URL')) {
    report.fault(
      'DATABASE_DIRECT_URL',
      'is set, but neither DATABASE_URL nor DB_HOST is',
      'DATABASE_URL or DB_HOST beside it',
    );
  }
  if (isProduction && !values.EMBEDDED_ACCEPT_POWER_LOSS) {
    report.fault(
      'DATABASE_URL',
      'is missing, and the embedded database does not survive a power cut',
      'a PostgreSQL database (DATABASE_URL or DB_HOST), or EMBEDDED_ACCEPT_POWER_LOSS=true',
    );
  }
  const ignored = PARTS.filter((name) => isGiven(name));
  if (ignored.length > 0)
    report.warn(`${ignored.join(', ')} set without DB_HOST or DATABASE_URL: the embedded database is used`);
  return { kind: 'embedded', directory: join(resolve(reading.cwd, values.DATA_DIR), 'pg') };
}

function checkVerification({ values, report, isProduction }: Reading): void {
  if (values.DB_SSL_REJECT_UNAUTHORIZED) return;
  const problem = 'is false: whoever stands between the server and its database could read and change everything';
  if (isProduction)
    report.fault('DB_SSL_REJECT_UNAUTHORIZED', problem, 'true, with DB_SSL_CA_PATH for a private authority');
  else report.warn(`DB_SSL_REJECT_UNAUTHORIZED ${problem}; production refuses that`);
}

/** `base` is the pooled connection, from which the direct one takes what its own URL leaves out. */
function readConnection(urlName: UrlName, base: PostgresConnection | null, reading: Reading): PostgresConnection {
  const { values, report } = reading;
  const url = values[urlName];
  const said: UrlParts = url ? splitUrl(url) : { query: new URLSearchParams() };
  for (const key of new Set(said.query.keys())) {
    if (!KNOWN_PARAMETERS.has(key))
      report.warn(`${urlName} has the parameter ${JSON.stringify(key.slice(0, 40))}, which has no effect`);
  }
  const tls = readDatabaseTls(urlName, said.query, base, reading);
  const fill = <T extends string | number>(fromUrl: T | undefined, part: Name, fromPart: T | null): T | null =>
    reconcile(fromUrl, fromPart, { url: urlName, part }, report.warn);
  const host = base ? (said.host ?? base.host) : fill(said.host, 'DB_HOST', values.DB_HOST);
  const database = base ? (said.path ?? base.database) : fill(said.path, 'DB_NAME', values.DB_NAME);
  const user = base ? (said.user ?? base.user) : fill(said.user, 'DB_USER', values.DB_USER);
  const password = base ? (said.password ?? base.password) : fill(said.password, 'DB_PASSWORD', values.DB_PASSWORD);
  const inherited = said.host === undefined ? base?.port : 5432;
  const port = (base ? (said.port ?? inherited) : fill(said.port, 'DB_PORT', values.DB_PORT)) ?? 5432;
  if (!report.blames(urlName)) {
    requirePart('DB_HOST', host, 'host', reading);
    requirePart('DB_NAME', database, 'name of a database', reading);
    requirePart('DB_USER', user, 'user', reading);
  }
  return {
    host: host ?? '',
    port,
    database: database ?? '',
    user: user ?? '',
    ...(password == null ? {} : { password }),
    tls,
  };
}

function requirePart(name: Name, value: string | null, what: string, { report, isGiven }: Reading): void {
  if (value !== null || report.blames(name)) return;
  report.fault(
    name,
    isGiven('DATABASE_URL') ? `is missing, and DATABASE_URL has no ${what} either` : 'is missing; DB_HOST needs it',
  );
}
