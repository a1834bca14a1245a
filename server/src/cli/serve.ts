import type https from 'node:https';
import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type { App } from '../app.ts';
import type { Config } from '../config/config.ts';
import type { Db } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import { command } from './command.ts';
import { EXIT, explain } from './failure.ts';
import { note } from './output.ts';
import { readConfig } from './start.ts';

export const serve = command({
  summary: 'Run the server until it is told to stop (SIGTERM or SIGINT).',
  about:
    'SIGHUP reads the TLS certificate again and opens LOG_FILE anew; SIGUSR2 writes a heap snapshot into DATA_DIR.\nIt ends with 69 where the database, a port or DATA_DIR cannot be had, and with 78 where a setting is wrong.',
  examples: ['auth-api serve', 'PORT=8080 auth-api serve', 'DATABASE_URL=postgres://… auth-api serve'],
  args: {},
  run,
});

async function run(): Promise<void> {
  const { config, warnings } = await readConfig();
  const { createLog } = await import('../platform/log.ts');
  const logs = createLog({ config });
  for (const warning of warnings) logs.log.warn({ setting: true }, warning);
  let app: App;
  let db: Db | undefined;
  try {
    // The embedded database opens while the rest of the program is read. A server is asked afterwards: its answer would
    // wait behind the reading, and on a busy machine count as too late.
    const program = import('../app.ts');
    const read = program.catch(() => undefined); // where the database fails first, that is what is told
    if (config.database.kind === 'postgres') await read;
    db = await openMigrated(config, logs);
    const { createApp, VERSION } = await program;
    app = await createApp({ ...config, MIGRATE_ON_START: false }, { log: logs.log, db });
    app.metrics.addSources({ logLinesDropped: () => logs.dropped() });
    await followSignals(app, config, logs);
    const { url, metricsPort } = await app.listen();
    const { lowerPoolPriority } = await import('../platform/pool-priority.ts');
    await lowerPoolPriority().catch((error: unknown) => logs.log.debug({ err: error }, 'pool priority'));
    letYoungGenerationGrow();
    await announce(app, config, url, metricsPort);
    logs.log.info({ version: VERSION, engine: config.database.kind }, 'serving');
  } catch (error) {
    const { message, exit } = explain(error);
    // For the log; a person reads the line below. A bug is the developers' affair: they need to know where.
    if (exit === EXIT.internal) logs.log.fatal({ err: error }, message);
    else if (config.LOG_FORMAT === 'json') logs.log.fatal({ exit }, message);
    await logs.close();
    await Promise.race([db?.close().catch(() => undefined), new Promise((give) => setTimeout(give, 1000))]);
    note(`auth-api could not start: ${message}`);
    process.exit(exit);
  }
  await new Promise(() => undefined); // a signal ends it
}

/**
 * The database, with the schema of this program where it may bring it up to that. It may take seconds: who reads along
 * is told, and who collects the log finds a line there.
 */
async function openMigrated(config: Config, { log }: Log): Promise<Db> {
  const { migrate, openDatabase, pendingMigrations } = await import('../platform/db/index.ts');
  const { systemClock } = await import('../platform/clock.ts');
  const { existsSync } = await import('node:fs');
  const isFirst = config.database.kind === 'embedded' && !existsSync(config.database.directory);
  const progress = (text: string): void => (config.LOG_FORMAT === 'pretty' ? note(text) : undefined);
  if (isFirst) progress('Making the embedded database …');
  const db = await openDatabase(config, 'serve', (error) => log.warn({ err: error }, 'database connection lost'));
  try {
    const pending = config.MIGRATE_ON_START ? await pendingMigrations(db) : [];
    if (pending.length === 0) return db;
    progress(`Migrating the database (${pending.length === 1 ? 'one step' : `${pending.length} steps`}) …`);
    const done = await migrate(db, config.database.kind === 'postgres' ? config.database : null, systemClock);
    if (done.length > 0) log.info({ migrations: done.map((one) => one.version) }, 'schema migrated');
    return db;
  } catch (error) {
    await db.close().catch(() => undefined);
    throw error;
  }
}

/**
 * server/bin/auth-api.mjs held it small for the start. What was compiled so far is written first: V8 takes compiled code
 * only under the flags that it was written under.
 */
function letYoungGenerationGrow(): void {
  flushCompileCache();
  setFlagsFromString('--semi-space-growth-factor=2'); // V8's default
}

/** For people: where everything is. In production a link would be a secret in a log, so there is none. */
async function announce(app: App, config: Config, url: string, metricsPort: number | null): Promise<void> {
  if (config.NODE_ENV === 'production') return;
  const { db, clock } = app.house;
  const { issueSetupLink } = await import('../core/setup/index.ts');
  const setup = await db.transaction((tx) =>
    issueSetupLink(tx, config.PORT === 0 ? url : config.PUBLIC_URL, clock.now()),
  );
  const lines: [string, string][] = [
    ['API', `${url}${config.API_PREFIX}`],
    ['Documentation', `${url}/docs`],
    ...(config.mail.kind === 'inbox' ? ([['Development inbox', `${url}/dev/inbox`]] as [string, string][]) : []),
    ...(metricsPort === null ? [] : ([['Metrics', `http://localhost:${metricsPort}/metrics`]] as [string, string][])),
    ...(setup === null ? [] : ([['Make the first administrator (works once)', setup]] as [string, string][])),
  ];
  const width = Math.max(...lines.map(([label]) => label.length)) + 2;
  const text = lines.map(([label, value]) => `  ${`${label}:`.padEnd(width)} ${value}`).join('\n');
  const caution =
    config.database.kind === 'embedded'
      ? '\n\n  The embedded database survives a killed process, not a power cut. Use PostgreSQL in production.'
      : '';
  process.stdout.write(`\nauth-api is ready.\n\n${text}${caution}\n\n`);
}

async function followSignals(app: App, config: Config, logs: Log): Promise<void> {
  const { log } = logs;
  if (config.tls !== null) {
    const { watchTlsReload } = await import('../platform/tls.ts');
    const tls = watchTlsReload(app.http.server as unknown as https.Server, config.tls, log);
    process.on('SIGHUP', () => void tls.reload());
  }
  process.on('SIGHUP', () => logs.reopen());
  process.on('SIGUSR2', () => {
    void import('../platform/diagnostics.ts').then(({ writeHeapSnapshot }) => writeHeapSnapshot(config.DATA_DIR, log));
  });
  let isStopping = false;
  const stop = (signal: string, exit: number = EXIT.ok): void => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal }, 'stopping');
    // Whatever hangs, the process ends: what was acknowledged is in the database.
    setTimeout(() => process.exit(exit), config.SHUTDOWN_GRACE * 1000).unref();
    void app
      .close()
      .catch((error) => log.error({ err: error }, 'the stop was not clean'))
      .then(() => log.info('stopped'))
      .then(() => logs.close())
      .then(() => process.exit(exit));
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // One request's bug must not decide about the others silently: it is logged, and the process makes room for a new one.
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    stop('uncaughtException', EXIT.internal);
  });
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'));
}
