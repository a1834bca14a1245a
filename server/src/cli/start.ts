import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { environment } from '../config/environment.ts';
import { loadConfig } from '../config/load.ts';
import type { Environment } from '../config/sources.ts';
import { systemClock } from '../platform/clock.ts';
import { note } from './output.ts';

/** The settings, or a ConfigError with every fault. */
export function readConfig(): Promise<{ config: Config; warnings: string[] }> {
  return readConfigOf(environment);
}

export function readConfigOf(env: Environment): Promise<{ config: Config; warnings: string[] }> {
  return loadConfig({
    env,
    cwd: process.cwd(),
    clock: systemClock,
    // Loaded with the first reference: most installations have none.
    resolveSecret: async (...reference) => (await import('../platform/secrets/resolve.ts')).resolveSecret(...reference),
    log: note,
  });
}

/** For what keeps nothing and opens no database: secrets that are missing are made up, and no file is written for them. */
export function readConfigWithoutSecrets(): Promise<{ config: Config; warnings: string[] }> {
  const names = ['ENCRYPTION_KEY', 'JWT_REFRESH_SECRET', 'SESSION_SECRET', 'CSRF_SECRET'];
  const missing = names.filter((name) => !environment[name] && !environment[`${name}_FILE`]);
  const secret = (name: string): string =>
    name === 'ENCRYPTION_KEY' ? randomBytes(32).toString('base64url') : randomBytes(48).toString('base64url');
  return readConfigOf({ ...environment, ...Object.fromEntries(missing.map((name) => [name, secret(name)])) });
}
