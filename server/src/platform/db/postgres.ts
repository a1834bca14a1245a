import { createHash } from 'node:crypto';
import pg from 'pg';
import type { PostgresConnection, PostgresDatabase } from '../../config/config.ts';
import type { Db, Sql, Tx } from './db.ts';
import { asRefusal, breaksConnection, isRetriable, isSilence, SILENT } from './errors.ts';
import { watchOutage } from './outage.ts';

// Together below the five seconds within which every request has its answer: one wait for a connection, one statement.
const CONNECT_TIMEOUT_MS = 1_500;
/** For what no request waits for: migrations, the change feed. */
export const PATIENT_CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 3_000;
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 300;
const LOCK_TIMEOUT_MS = 2_000;
const TRANSACTION_TRIES = 3;
const PREPARED_TEXTS_MAX = 500;

// int8 as number (ids and counts here stay below 2^53), date as text: as the embedded engine gives them.
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === 20) return Number;
    if (oid === 1082) return (text: string) => text;
    return pg.types.getTypeParser(oid, format as 'text');
  }) as pg.CustomTypesConfig['getTypeParser'],
};

export function clientConfig(connection: PostgresConnection, connectMs = CONNECT_TIMEOUT_MS): pg.ClientConfig {
  return {
    host: connection.host,
    port: connection.port,
    database: connection.database,
    user: connection.user,
    ...(connection.password === undefined ? {} : { password: connection.password }),
    // A copy: the pool hides the key in it, and the configuration is frozen. `host`: without it the certificate behind an
    // address would be compared with `localhost`.
    ssl:
      connection.tls === false
        ? false
        : ({ ...connection.tls, host: connection.host } as pg.ClientConfig['ssl'] & object),
    types,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'auth-api',
    connectionTimeoutMillis: connectMs,
  };
}

// Statement names are made of the text, so that two processes behind one pooler agree on what a name means.
const names = new Map<string, string>();
function nameOf(text: string): string | undefined {
  let name = names.get(text);
  if (name === undefined && names.size < PREPARED_TEXTS_MAX) {
    name = `s${createHash('sha256').update(text).digest('hex').slice(0, 20)}`;
    names.set(text, name);
  }
  return name;
}

function run(client: pg.ClientBase, text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
  const name = nameOf(text);
  return client.query(name === undefined ? { text, values: [...values] } : { name, text, values: values as unknown[] });
}

function sqlOf(client: pg.ClientBase): Tx {
  return {
    inTransaction: true,
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await run(client, text, values)).rows as Row[],
    execute: async (text, values = []) => (await run(client, text, values)).rowCount ?? 0,
  };
}

function openPool(settings: PostgresDatabase, onError: (error: Error) => void, connectMs?: number): pg.Pool {
  const pooled = settings.direct !== settings.connection;
  const pool = new pg.Pool({
    ...clientConfig(settings.connection, connectMs),
    min: settings.poolMin,
    max: settings.poolMax,
    idleTimeoutMillis: 30_000,
    query_timeout: ANSWER_TIMEOUT_MS,
    // A pooler refuses unknown start parameters: there the client's own time-out has to do.
    ...(pooled
      ? {}
      : {
          statement_timeout: STATEMENT_TIMEOUT_MS,
          lock_timeout: LOCK_TIMEOUT_MS,
          idle_in_transaction_session_timeout: 10_000,
          // Row limits are literals (`limitOf`), so the plan that knows no values is the right one, and is made once:
          // left to itself, PostgreSQL plans prefix searches of large tables anew each time. It must also stay right while a
          // table grows: with pages priced as on a turning disk, a few hundred rows are read from end to end for ten of them.
          options: '-c plan_cache_mode=force_generic_plan -c random_page_cost=1.1',
        }),
  });
  pool.on('error', onError);
  // A connection may also break while a transaction has it and asks nothing: without a listener that ends the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/**
 * PostgreSQL behind a pool. A connection that timed out or broke is never used again (a reply may still be under way).
 * A server that hangs costs only the first requests their time-out: the others are refused until a probe is answered.
 */
export function openPostgres(settings: PostgresDatabase, onError: (error: Error) => void, connectMs?: number): Db {
  let pool = openPool(settings, onError, connectMs);
  const outage = watchOutage({
    probe: () => askOnce(settings.connection),
    // What was idle during the outage may be dead without knowing it.
    onOver: () => {
      const former = pool;
      pool = openPool(settings, onError, connectMs);
      void former.end();
    },
  });

  const borrow = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    if (outage.isOn()) throw asRefusal(new Error(SILENT));
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      if (isSilence(error)) outage.begin();
      throw asRefusal(error);
    }
    let broken = false;
    try {
      return await work(client);
    } catch (error) {
      broken = breaksConnection(error) && !isOurs(error);
      if (isSilence(error)) outage.begin();
      throw isOurs(error) ? error : asRefusal(error);
    } finally {
      client.release(broken);
    }
  };

  const attempt = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
    borrow(async (client) => {
      await client.query('BEGIN');
      let result: T;
      try {
        result = await work(sqlOf(client));
      } catch (error) {
        if (isDatabaseError(error) && breaksConnection(error)) throw error;
        await client.query('ROLLBACK');
        throw isDatabaseError(error) ? error : new FromWork(error);
      }
      await client.query('COMMIT');
      return result;
    });

  const transaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt(work);
      } catch (error) {
        if (error instanceof FromWork) throw error.cause;
        const cause = (error as { cause?: unknown }).cause ?? error;
        if (tries >= TRANSACTION_TRIES || !isRetriable(cause)) throw error;
      }
    }
  };

  const sql: Sql = {
    query: (text, values = []) => borrow(async (client) => (await run(client, text, values)).rows) as Promise<never>,
    execute: (text, values = []) => borrow(async (client) => (await run(client, text, values)).rowCount ?? 0),
  };
  return {
    engine: 'postgres',
    ...sql,
    transaction,
    script: (text) => borrow(async (client) => void (await client.query(text))),
    stats: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    async close() {
      outage.stop();
      await pool.end();
    },
  };
}

async function askOnce(connection: PostgresConnection): Promise<void> {
  const client = new pg.Client({ ...clientConfig(connection), query_timeout: CONNECT_TIMEOUT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    void client.end().catch(() => undefined);
  }
}

/** Carries an error that the work itself threw past the connection handling: it says nothing about the connection. */
class FromWork extends Error {
  constructor(cause: unknown) {
    super('thrown inside a transaction', { cause });
  }
}

function isOurs(error: unknown): boolean {
  return error instanceof FromWork;
}

// pg throws DatabaseError for the server's answers and plain Errors for time-outs and broken sockets; both are its own.
function isDatabaseError(error: unknown): boolean {
  return (
    error instanceof pg.DatabaseError ||
    (error instanceof Error &&
      /^(Query read timeout|Connection terminated|Client has encountered)/.test(error.message)) ||
    ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNREFUSED'].includes((error as { code?: string }).code ?? '')
  );
}
