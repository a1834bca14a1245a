import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { openCache } from '../../platform/cache/index.ts';
import { systemClock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import { createLog } from '../../platform/log.ts';
import { openMailTransport } from '../../platform/mail/open.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const PATIENCE_MS = 2_000;
const MAIL_PATIENCE_MS = 12_000;

/** Redis makes the server faster; nothing depends on it. */
export async function cacheFinding(config: Config): Promise<Finding> {
  if (config.redis === null) return ok('cache', 'in each process; several servers want Redis (REDIS_URL)');
  const { log } = createLog({ config: { ...config, LOG_LEVEL: 'silent', LOG_FILE: null } });
  const cache = openCache(config.redis, { clock: systemClock, log });
  const until = performance.now() + PATIENCE_MS;
  try {
    for (;;) {
      const { status, latencyMs } = await cache.ping();
      const where = `Redis at ${config.redis.host}:${config.redis.port}`;
      if (status === 'ok')
        return ok('cache', `${where}${latencyMs === undefined ? '' : `, ${latencyMs.toFixed(1)} ms`}`);
      if (performance.now() > until) {
        return warn(
          'cache',
          `${where} does not answer, or lets nobody in`,
          'Check REDIS_URL, REDIS_PASSWORD and REDIS_TLS. Without it everything works, only slower.',
        );
      }
      await sleep(100);
    }
  } finally {
    await cache.close();
  }
}

/** Reaches the mail service and signs in there; sends nothing. */
export async function mailFinding(config: Config, db: Db): Promise<Finding> {
  const { mail } = config;
  if (mail.kind === 'inbox') return ok('mail', 'kept in the development inbox (/dev/inbox), sent nowhere');
  const where = mail.kind === 'smtp' ? `SMTP at ${mail.host}:${mail.port}` : `SES in ${mail.region}`;
  const transport = openMailTransport(config, { db, clock: systemClock });
  try {
    await Promise.race([
      transport.check(),
      sleep(MAIL_PATIENCE_MS, undefined, { ref: false }).then(() => Promise.reject(new Error('no answer in time'))),
    ]);
    return ok('mail', `${where} answers and lets us in`);
  } catch (error) {
    return fail(
      'mail',
      `${where}: ${(error as Error).message}`,
      mail.kind === 'smtp'
        ? 'Check SMTP_HOST, SMTP_PORT, SMTP_USER and SMTP_PASSWORD, and that the network lets it out. Mails wait meanwhile.'
        : 'Check AWS_REGION and the credentials, and that SES may send here. Mails wait meanwhile.',
    );
  } finally {
    await transport.close();
  }
}
