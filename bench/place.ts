import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig } from '../server/src/config/load.ts';
import { ROOT } from './ground.ts';
import { hashOnce, STORED_AS } from './password.ts';
import { type Ours, ourEnv, type Subject, startOurs, startSubject } from './processes.ts';
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts';
import { type Stores, seeded } from './stores.ts';

/** How many accounts there are to sign in with: the same share for each of the 16 connections. */
export const ACCOUNTS = 992;

export const emailOf = (account: number): string => `person-${String(account).padStart(4, '0')}@example.com`;

/** The subjects of a section, each started when a lane first asks for it, all stopped together. */
export interface Place {
  readonly stores: Stores;
  readonly accounts: number;
  /** The server with accounts to sign in with and a provider; its mails are taken. */
  ours(): Promise<Ours>;
  /** A second one with accounts, whose mails stay in the queue: its mail server never says a word. */
  oursWithoutMail(): Promise<Ours>;
  /** A third one, whose mails are sent. */
  oursWithMail(): Promise<{ server: Ours; sink: SmtpSink }>;
  bareHttp(): Promise<Subject>;
  bareFastify(): Promise<Subject>;
  hash(): Promise<Subject>;
  rival(hash: 'scrypt' | 'argon2'): Promise<Subject>;
  stop(): Promise<void>;
}

const file = (...path: string[]): string => join(ROOT, 'bench', ...path);

/** `nodeArgs` are for the servers of ours; `accounts`: how many of them sign in with a device that is known. */
export function createPlace(
  stores: Stores,
  { nodeArgs = [], accounts = ACCOUNTS }: { nodeArgs?: readonly string[]; accounts?: number } = {},
): Place {
  const stops: (() => Promise<void> | void)[] = [];
  const keep = async <T extends Subject>(subject: Promise<T>): Promise<T> => {
    const started = await subject;
    stops.push(started.stop);
    return started;
  };
  const sinkOf = async (isSilent: boolean): Promise<SmtpSink> => {
    const sink = await startSmtpSink({ isSilent });
    stops.push(sink.close);
    return sink;
  };
  const oursWith = async (database: string, sink: SmtpSink, more: Record<string, string> = {}): Promise<Ours> =>
    keep(startOurs(stores, await ourEnv(stores, database, { SMTP_PORT: `${sink.port}`, ...more }), nodeArgs));
  const hashEnv = async () => ({ HASH_AT_ONCE: `${await hashesAtOnce(stores)}` });
  const rivals = {
    scrypt: single(async () => keep(startRival(stores, 'scrypt'))),
    argon2: single(async () => keep(startRival(stores, 'argon2'))),
  };
  return {
    stores,
    accounts,
    ours: single(async () => {
      const { key, certificate } = await makeCertificate(stores.scratch);
      const tls = { ISSUER_KEY: key, ISSUER_CERTIFICATE: certificate };
      const issuer = await keep(startSubject(stores, file('subjects', 'issuer.ts'), tls));
      const server = await oursWith('ours', await sinkOf(false), {
        OIDC_PROVIDERS: JSON.stringify([providerAt(issuer.url)]),
        NODE_EXTRA_CA_CERTS: certificate,
      });
      await importAccounts(stores, 'ours');
      return server;
    }),
    oursWithoutMail: single(async () => {
      const server = await oursWith('ours_without_mail', await sinkOf(true));
      await importAccounts(stores, 'ours_without_mail');
      return server;
    }),
    oursWithMail: single(async () => {
      const sink = await sinkOf(false);
      return { server: await oursWith('ours_with_mail', sink), sink };
    }),
    bareHttp: single(() => keep(startSubject(stores, file('subjects', 'bare-http.ts')))),
    bareFastify: single(async () => {
      const DATABASE_URL = await stores.databaseUrl('bare');
      return keep(startSubject(stores, file('subjects', 'bare-fastify.ts'), { DATABASE_URL, ...(await hashEnv()) }));
    }),
    hash: single(async () => keep(startSubject(stores, file('subjects', 'hash.ts'), await hashEnv()))),
    rival: (hash) => rivals[hash](),
    async stop() {
      for (const stop of stops.reverse()) await stop();
    },
  };
}

function single<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function startRival(stores: Stores, hash: 'scrypt' | 'argon2'): Promise<Subject> {
  return stores
    .databaseUrl(`better_auth_${hash}`)
    .then((DATABASE_URL) =>
      startSubject(stores, file('rivals', 'better-auth.mjs'), { DATABASE_URL, RIVAL_HASH: hash }),
    );
}

/** In production the server speaks to providers by https only. */
async function makeCertificate(folder: string): Promise<{ key: string; certificate: string }> {
  const [key, certificate] = [join(folder, 'issuer.key'), join(folder, 'issuer.crt')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=bench', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await promisify(execFile)('openssl', [...request, ...names, '-keyout', key, '-out', certificate]);
  return { key, certificate };
}

function providerAt(issuer: string) {
  return {
    id: 'bench',
    issuer,
    client_id: 'auth-api',
    client_secret: seeded('provider').toString('base64url'),
    authoritative_domains: ['social.example.com'],
  };
}

/** As many as the server's own configuration comes to on this machine. */
export async function hashesAtOnce(stores: Stores): Promise<number> {
  const env = await ourEnv(stores, 'ours');
  const { config } = await loadConfig({
    env: { ...env, PUBLIC_URL: 'http://localhost:3000' },
    cwd: stores.scratch,
    clock: { now: () => Date.now() },
    resolveSecret: () => Promise.reject(new Error('there are no references')),
  });
  return config.HASH_CONCURRENCY;
}

/** By the server's own command, with one ready-made hash for all: making a thousand would take longer than a round. */
async function importAccounts(stores: Stores, database: string): Promise<void> {
  const env = await ourEnv(stores, database, { PUBLIC_URL: 'http://localhost:3000' });
  const password_hash = await storedHash();
  const lines = Array.from({ length: ACCOUNTS }, (_, account) =>
    JSON.stringify({ email: emailOf(account), email_verified: true, name: `Person ${account}`, password_hash }),
  );
  const path = join(stores.scratch, 'accounts.ndjson');
  writeFileSync(path, `${lines.join('\n')}\n`);
  const main = join(ROOT, 'server', 'src', 'cli', 'main.ts');
  const child = spawn(process.execPath, [main, 'users', 'import', path, '--strict'], {
    cwd: stores.scratch,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the accounts were not imported (exit code ${code}):\n${errors}`);
}

export async function storedHash(): Promise<string> {
  const salt = seeded('salt').subarray(0, 16);
  const base64 = (value: Buffer): string => value.toString('base64').replaceAll('=', '');
  return `${STORED_AS}${base64(salt)}$${base64(await hashOnce(salt))}`;
}
