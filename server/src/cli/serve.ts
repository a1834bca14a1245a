import type https from 'node:https';
import { defineCommand } from 'citty';
import type { App } from '../app.ts';
import type { Config } from '../config/config.ts';
import { issueSetupLink } from '../core/setup/index.ts';
import type { Log } from '../platform/log.ts';
import { EXIT, explain, readConfig } from './start.ts';

export const serve = defineCommand({
  meta: { name: 'serve', description: 'Run the server until it is told to stop (SIGTERM or SIGINT).' },
  run,
});

async function run(): Promise<void> {
  const { config, warnings } = await readConfig();
  const [{ createApp, VERSION }, { createLog }] = await Promise.all([import('../app.ts'), import('../platform/log.ts')]);
  const logs = createLog({ config });
  for (const warning of warnings) logs.log.warn({ setting: true }, warning);
  let app: App;
  try {
    app = await createApp(config, { log: logs.log });
    const { url, metricsPort } = await app.listen();
    await announce(app, config, url, metricsPort);
    logs.log.info({ version: VERSION, pid: process.pid, engine: config.database.kind }, 'serving');
  } catch (error) {
    await logs.close();
    process.stderr.write(`${explain(error)}\n`);
    process.exit(EXIT.unavailable);
  }
  await followSignals(app, config, logs);
}

/** For people: where everything is. In production a link would be a secret in a log, so there is none. */
async function announce(app: App, config: Config, url: string, metricsPort: number | null): Promise<void> {
  if (config.NODE_ENV === 'production') return;
  const { db, clock } = app.house;
  const setup = await db.transaction((tx) => issueSetupLink(tx, url, clock.now()));
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
  const stop = (signal: string): void => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal }, 'stopping');
    // Whatever hangs, the process ends: what was acknowledged is in the database.
    setTimeout(() => process.exit(EXIT.ok), config.SHUTDOWN_GRACE * 1000).unref();
    void app
      .close()
      .catch((error) => log.error({ err: error }, 'the stop was not clean'))
      .then(() => log.info('stopped'))
      .then(() => logs.close())
      .then(() => process.exit(EXIT.ok));
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // One request's bug must not decide about the others silently: it is logged, and the process makes room for a new one.
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    process.exitCode = EXIT.internal;
    stop('uncaughtException');
  });
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'));
}
