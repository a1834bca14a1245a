import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Config } from './config.ts';
import { readDatabase } from './database.ts';
import { readJwtKeys } from './jwt-keys.ts';
import { readProviders } from './providers.ts';
import type { Reading } from './reading.ts';
import { readRedis } from './redis.ts';
import { readMail } from './services.ts';
import type { Name, Values } from './table.ts';
import { readTls } from './tls.ts';
import { readUrls } from './urls.ts';
import { readWebauthn } from './webauthn.ts';

/** Settings that the house sees just as they were read. */
const PLAIN = [
  'NODE_ENV',
  'HOST',
  'PORT',
  'API_PREFIX',
  'MIGRATE_ON_START',
  'JWT_EXPIRES_IN',
  'JWT_REFRESH_EXPIRES_IN',
  'JWT_ALG',
  'SESSION_MAX_AGE',
  'REFRESH_GRACE_SECONDS',
  'REAUTH_WITHIN',
  'EMAIL_VERIFICATION',
  'PASSWORD_HASH',
  'BCRYPT_SALT_ROUNDS',
  'PASSWORD_MIN_LENGTH',
  'PASSWORD_BREACH_CHECK',
  'HASH_QUEUE',
  'REQUIRE_MFA',
  'REQUIRE_MFA_GRACE',
  'MFA_EMAIL_CODE',
  'MFA_RESET_DELAY',
  'TRUSTED_DEVICE_AGE',
  'PASSKEY_AS_FACTOR',
  'SIGN_UP_BY_MAIL',
  'RATE_LIMIT_LOGIN',
  'RATE_LIMIT_USER',
  'LOG_LEVEL',
  'LOG_FORMAT',
  'LOG_MAX_SIZE',
  'LOG_MAX_FILES',
  'AUDIT_RETENTION_DAYS',
  'ENABLE_METRICS',
  'METRICS_PORT',
  'HEALTH_CHECK_PATH',
  'READY_CHECK_PATH',
  'SHUTDOWN_GRACE',
  'SHUTDOWN_DELAY',
  'EMBEDDED_ACCEPT_POWER_LOSS',
] as const;

type Parts = ReturnType<typeof readParts>;

/** What is made of several settings at once. */
export function readParts(reading: Reading) {
  const urls = readUrls(reading);
  return {
    urls,
    database: readDatabase(reading),
    redis: readRedis(reading),
    jwtKeys: readJwtKeys(reading),
    mail: readMail(reading),
    providers: readProviders(reading),
    tls: readTls(reading),
    webauthn: readWebauthn(reading, urls.publicUrl),
  };
}

export function assemble(values: Values, { urls, ...parts }: Parts, cwd: string): Config {
  return {
    ...pick(values, PLAIN),
    ...parts,
    PUBLIC_URL: urls.publicUrl,
    APP_LINK_BASE: urls.linkBase,
    OAUTH_REDIRECT_URL: values.OAUTH_REDIRECT_URL ?? `${urls.publicUrl}/auth/callback`,
    JWT_ISSUER: urls.issuer,
    JWT_AUDIENCE: urls.audience,
    SERVICE_NAME: values.SERVICE_NAME ?? new URL(urls.publicUrl).hostname,
    DATA_DIR: resolve(cwd, values.DATA_DIR),
    TRUSTED_PROXIES: values.TRUSTED_PROXIES ?? [],
    CORS_ORIGIN: values.CORS_ORIGIN ?? [],
    JWT_REFRESH_SECRET: values.JWT_REFRESH_SECRET ?? [],
    SESSION_SECRET: values.SESSION_SECRET ?? [],
    CSRF_SECRET: values.CSRF_SECRET ?? [],
    ENCRYPTION_KEY: values.ENCRYPTION_KEY ?? [],
    EMAIL_FROM: values.EMAIL_FROM ?? 'auth-api <no-reply@localhost>',
    HASH_CONCURRENCY: values.HASH_CONCURRENCY || Math.min(3, availableParallelism()),
    rateLimitAddress: { max: values.RATE_LIMIT_MAX, seconds: values.RATE_LIMIT_WINDOW * 60 },
    LOG_FILE: values.LOG_FILE === null ? null : resolve(cwd, values.LOG_FILE),
  };
}

function pick<Picked extends Name>(values: Values, names: readonly Picked[]): Pick<Values, Picked> {
  return Object.fromEntries(names.map((name) => [name, values[name]])) as Pick<Values, Picked>;
}
