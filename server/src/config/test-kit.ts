import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Config } from './config.ts';
import { type LoadOptions, loadConfig } from './load.ts';
import { ConfigError, type Fault } from './report.ts';

export const NOW = Date.parse('2026-11-23T12:00:00Z');

export type Env = Readonly<Record<string, string>>;

/** A directory that is gone after the file's tests. */
export function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'auth-api-config-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function put(directory: string, name: string, content: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode });
  return path;
}

export const secret = (): string => randomBytes(48).toString('base64url');

/** The least that production takes. */
export function productionEnv(): Record<string, string> {
  return {
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://auth.example.org',
    DATABASE_URL: `postgresql://auth:${secret()}@db.example.org/auth?sslmode=verify-full`,
    JWT_REFRESH_SECRET: secret(),
    SESSION_SECRET: secret(),
    CSRF_SECRET: secret(),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    EMAIL_SERVICE: 'smtp',
    EMAIL_FROM: 'Example <no-reply@example.org>',
    SMTP_HOST: 'smtp.example.org',
  };
}

type Options = Partial<LoadOptions>;

export async function load(env: Env, options: Options = {}): Promise<{ config: Config; warnings: string[] }> {
  return await loadConfig({
    env,
    cwd: options.cwd ?? makeDirectory(),
    clock: { now: () => NOW },
    resolveSecret: refuseAll,
    ...options,
  });
}

export async function faultsOf(env: Env, options: Options = {}): Promise<readonly Fault[]> {
  try {
    await load(env, options);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

async function refuseAll(): Promise<string> {
  throw new Error('no secret store was expected to be asked');
}

export function keyPair(kind: 'ed25519' | 'p256' | 'p384' | 'rsa2048' | 'rsa1024'): {
  readonly privatePem: string;
  readonly publicPem: string;
} {
  const { privateKey, publicKey } = generate(kind);
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function generate(kind: Parameters<typeof keyPair>[0]): { privateKey: KeyObject; publicKey: KeyObject } {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519');
  if (kind === 'p256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (kind === 'p384') return generateKeyPairSync('ec', { namedCurve: 'P-384' });
  return generateKeyPairSync('rsa', { modulusLength: kind === 'rsa2048' ? 2048 : 1024 });
}

/** Made for these tests only: a key that guards nothing, and its certificate, valid through the years 2025 to 2034. */
export const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIO2E6FxLB79feWNfaKdOEe7euJL3cXmRilR8bu+dboA9
-----END PRIVATE KEY-----
`;

export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIHdMIGQAgEBMAUGAytlcDAbMRkwFwYDVQQDDBBhdXRoLmV4YW1wbGUub3JnMB4X
DTI1MDEwMTAwMDAwMFoXDTM1MDEwMTAwMDAwMFowGzEZMBcGA1UEAwwQYXV0aC5l
eGFtcGxlLm9yZzAqMAUGAytlcAMhAEIelwm8Sr1g+3QAglYvT4hWsaxhLzSn3an7
GIqf5rDEMAUGAytlcANBAKk6VmiT+kVfFhxL+myheEC0wPoe/YXt3SV3LO8AMuhZ
ltUuev279Nl53ytljBBOAB5dYkE9cQve+RGl98LslA4=
-----END CERTIFICATE-----
`;
