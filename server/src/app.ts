import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config/config.ts';
import { countUnsealed, createSealer } from './core/audit/index.ts';
import { lastProvenAt } from './core/backup/index.ts';
import { createChanges } from './core/changes/index.ts';
import { createUnit } from './core/effects/index.ts';
import { applyDueReset } from './core/factor-reset/index.ts';
import { createFactors, factorsOf, lacksFactor } from './core/factors/index.ts';
import { createFlags } from './core/flags/index.ts';
import { housekeeping } from './core/housekeeping/index.ts';
import { createIdempotency } from './core/idempotency/index.ts';
import { createKeys } from './core/keys/index.ts';
import { createOutboxWorker, outboxDepth } from './core/outbox/index.ts';
import { createPasskeys } from './core/passkeys/index.ts';
import { createPasswords } from './core/passwords/index.ts';
import { createProviders } from './core/providers/index.ts';
import { createSecondFactor } from './core/second-factor/index.ts';
import { createSessions } from './core/sessions/index.ts';
import { createSignIn } from './core/signin/index.ts';
import { createGuesses, createRequestCounts, exceededLines } from './core/throttle/index.ts';
import { createBearer, createTokens } from './core/tokens/index.ts';
import { account } from './features/account/index.ts';
import { admin } from './features/admin/index.ts';
import { emailVerification } from './features/email-verification/index.ts';
import { factorReset } from './features/factor-reset/index.ts';
import { factors } from './features/factors/index.ts';
import type { Feature, House } from './features/feature.ts';
import { flags } from './features/flags/index.ts';
import { inbox } from './features/inbox/index.ts';
import { login } from './features/login/index.ts';
import { logout } from './features/logout/index.ts';
import { magicLink } from './features/magic-link/index.ts';
import { mailCode } from './features/mail-code/index.ts';
import { mfa } from './features/mfa/index.ts';
import { operations } from './features/operations/index.ts';
import { ownSessions } from './features/own-sessions/index.ts';
import { pages } from './features/pages/index.ts';
import { passkeys } from './features/passkeys/index.ts';
import { passwordReset } from './features/password-reset/index.ts';
import { reauthentication } from './features/reauthentication/index.ts';
import { refresh } from './features/refresh/index.ts';
import { register } from './features/register/index.ts';
import { setup } from './features/setup/index.ts';
import { social } from './features/social/index.ts';
import { type Cache, openCache } from './platform/cache/index.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { type Db, migrate, openBeside, openDatabase } from './platform/db/index.ts';
import { createEncryption } from './platform/encryption.ts';
import { cookieNames } from './platform/http/cookies.ts';
import { createHttp } from './platform/http/server.ts';
import { stopListening } from './platform/http/stop-listening.ts';
import { createJobs } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import { openMailTransport } from './platform/mail/open.ts';
import { createMetrics, type Metrics, type MetricsServer, serveMetrics } from './platform/metrics.ts';
import { loadTls } from './platform/tls.ts';

export const VERSION = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** The table of contents: what people can do here. */
function features(house: House): Feature[] {
  return [
    operations(house),
    register(house),
    emailVerification(house),
    login(house),
    magicLink(house),
    mailCode(house),
    mfa(house),
    refresh(house),
    logout(house),
    reauthentication(house),
    passwordReset(house),
    passkeys(house),
    account(house),
    factors(house),
    factorReset(house),
    ownSessions(house),
    flags(house),
    admin(house),
    social(house),
    setup(house),
    pages(house),
    inbox(house),
  ];
}

export interface App {
  readonly house: House;
  readonly http: FastifyInstance;
  readonly metrics: Metrics;
  /** Takes requests, and starts the work behind them. */
  listen(): Promise<{ url: string; metricsPort: number | null }>;
  /** Reports not ready, finishes what is under way, then closes everything; at most SHUTDOWN_GRACE. */
  close(): Promise<void>;
  /** Sends the mails that are due and seals the lines that wait: for tests and for the end. */
  settle(): Promise<void>;
}

export interface AppParts {
  log: Logger;
  clock?: Clock;
  db?: Db;
}

/** Opens the platform and builds the house on it. */
export async function createApp(config: Config, { log, clock = systemClock, ...parts }: AppParts): Promise<App> {
  const onLost = (error: Error): void => log.warn({ err: error }, 'database connection lost');
  const db = parts.db ?? (await openDatabase(config, 'serve', onLost));
  if (config.MIGRATE_ON_START) {
    const done = await migrate(db, config.database.kind === 'postgres' ? config.database : null, clock);
    if (done.length > 0) log.info({ migrations: done.map((one) => one.version) }, 'schema migrated');
  }
  const cache = openCache(config.redis, { clock, log });
  const feed = openBeside(db, config, onLost);
  try {
    return await assemble(config, { db, cache, feed, clock, log });
  } catch (error) {
    // What stays open keeps the process alive.
    for (const part of parts.db === undefined ? [cache, feed, db] : [cache, feed]) await part.close();
    throw error;
  }
}

interface Ground {
  db: Db;
  cache: Cache;
  /** The change feed's own connection. */
  feed: Db;
  clock: Clock;
  log: Logger;
}

/** The composition root: lists the features, and knows in which order all of it starts and ends. */
async function assemble(config: Config, { db, cache, feed, clock, log }: Ground): Promise<App> {
  const metrics = createMetrics({ version: VERSION });
  const encryption = createEncryption(config.ENCRYPTION_KEY);
  const cookies = cookieNames(config.PUBLIC_URL);
  const onError = (error: unknown): void => log.warn({ err: error }, 'background work failed; it is tried again');
  const changes = createChanges({ db: feed, cache, clock, onError, onLearned: metrics.revocationLatency });
  const transport = openMailTransport(config, { db, clock });
  const outbox = createOutboxWorker({ db, encryption, transport, config, clock, log, metrics });
  const unit = createUnit({
    db,
    encryption,
    clock,
    changes,
    mailWaiting: () => outbox.poke(),
    onAudited: metrics.audited,
  });
  const featureFlags = createFlags({ db, changes, clock, onEvaluated: metrics.flagEvaluated });
  const keys = createKeys({ db, encryption, clock, changes, config });
  const tokens = createTokens({ keys, clock, config });
  const bearers = createBearer({ keys, tokens, changes });
  const sessions = createSessions({ db, cache, changes, clock, metrics, config });
  const passwords = createPasswords({ config, metrics: metrics.passwords });
  const guesses = createGuesses(encryption);
  const counts = createRequestCounts({
    cache,
    db,
    clock,
    onError,
    onExceeded: (policy, key) => {
      unit.record({ audit: exceededLines(policy, key, clock.now()) }).catch(onError);
    },
  });
  const factorSecrets = createFactors(encryption);
  const passkeys = createPasskeys({ config, unit, guesses });
  const secondFactor = createSecondFactor({ db, factors: factorSecrets, passkeys, passwords, guesses });
  const signIn = createSignIn({
    db,
    unit,
    sessions,
    guesses,
    encryption,
    config,
    applyDueReset: (tx, user, origin) => applyDueReset(factorSecrets, tx, user, origin),
  });
  const onAway = (provider: string, err: Error): void => log.warn({ provider, err }, 'a sign-in provider is away');
  const providers = createProviders({ config, clock, onAway });
  const idempotency = createIdempotency({ db, clock, encryption });
  const sealer = createSealer({
    db,
    encryption,
    clock,
    log,
    metrics: { broken: { inc: () => metrics.auditChainBroken() } },
  });
  metrics.addSources({
    db: () => db.stats(),
    hashPool: () => passwords.stats(),
    mailPending: async () => (await outboxDepth(db)).waiting,
    auditUnsealed: () => countUnsealed(db),
    cacheStatus: () => cache.status().status,
    feedLagSeconds: () => changes.lagMs() / 1000,
    // Backups of the embedded database are copies of a folder, which nobody proves.
    ...(db.engine === 'postgres' && { restoreProvenAt: () => lastProvenAt(db) }),
  });

  let serving = true;
  const { app, routes } = createHttp({
    config,
    clock,
    log,
    cookies,
    tls: config.tls === null ? null : loadTls(config.tls),
    isServing: () => serving,
    authenticate({ bearer, cookie }) {
      if (cookie !== undefined) return sessions.byCookie(cookie);
      const claims = bearers.verify(bearer ?? '');
      return claims instanceof Promise
        ? claims.then((c) => sessions.byId(c.sid, c.sub))
        : sessions.byId(claims.sid, claims.sub);
    },
    csrfTokens: sessions.csrfTokens,
    factorsOf: (user) => factorsOf(user, config),
    lacksFactor: (user) => lacksFactor(user, config, clock.now()),
    count: counts.count,
    countNow: counts.countNow,
    onResponse: metrics.request,
    onLimited: metrics.rateLimited,
  });
  const house: House = {
    config,
    clock,
    log,
    metrics,
    db,
    cache,
    encryption,
    cookies,
    changes,
    unit,
    flags: featureFlags,
    keys,
    tokens,
    sessions,
    passwords,
    guesses,
    factors: factorSecrets,
    passkeys,
    secondFactor,
    providers,
    counts,
    signIn,
    idempotency,
    routes,
    version: VERSION,
    isServing: () => serving,
  };
  const list = features(house);
  for (const feature of list) feature.routes(app);
  const jobs = createJobs({ db, clock, log }, [housekeeping(house), ...list.flatMap((feature) => feature.jobs ?? [])]);

  await app.ready();
  let metricsServer: MetricsServer | null = null;

  return {
    house,
    http: app,
    metrics,
    async listen() {
      await keys.start();
      await changes.start();
      await counts.start();
      outbox.start();
      sealer.start();
      jobs.start();
      metricsServer = config.ENABLE_METRICS
        ? await serveMetrics(metrics, { host: config.HOST, port: config.METRICS_PORT })
        : null;
      await app.listen({ host: config.HOST, port: config.PORT });
      const { port } = app.server.address() as AddressInfo;
      return {
        url: `${config.tls === null ? 'http' : 'https'}://localhost:${port}`,
        metricsPort: metricsServer?.port ?? null,
      };
    },
    async close() {
      serving = false;
      await sleep(config.SHUTDOWN_DELAY * 1000);
      await stopListening(app.server);
      await app.close();
      await counts.stop();
      featureFlags.close();
      // First what uses the database, then what it is reached through; what fails to stop keeps nothing else open.
      for (const part of [jobs, outbox, sealer, changes]) await part.stop().catch(onError);
      for (const part of [metricsServer, transport, cache, feed, db]) await part?.close().catch(onError);
    },
    async settle() {
      await outbox.drain();
      await sealer.sealNow();
    },
  };
}
