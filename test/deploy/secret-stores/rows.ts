import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../run/free-port.ts';
import { aws, startAws, without } from '../clouds/tools.ts';
import { installation, launch, startServer } from '../local-server.ts';
import type { Row, RowContext } from '../row.ts';
import { cookieAnswer, refreshed, signUp } from './people.ts';
import { startVault, type VaultStub } from './vault.ts';

const LISTS = ['JWT_REFRESH_SECRET', 'SESSION_SECRET', 'CSRF_SECRET'] as const;
const secret = (): string => randomBytes(32).toString('hex');
const key = (): string => randomBytes(32).toString('base64');

type Env = Record<string, string>;

/** The secrets of an installation under the names of the settings. */
const values = (): Env => ({
  ...Object.fromEntries(LISTS.map((name) => [name, secret()])),
  ENCRYPTION_KEY: key(),
});

const references = (form: (name: string) => string): Env =>
  installation(Object.fromEntries([...LISTS, 'ENCRYPTION_KEY'].map((name) => [name, form(name)])));

const inVault = (vault: VaultStub): Env => ({
  ...references((name) => `vault://kv/auth-api#${name}`),
  VAULT_ADDR: vault.url,
  VAULT_TOKEN: vault.token,
});

interface Ended {
  readonly code: number | null;
  readonly text: string;
  readonly seconds: number;
}

/** A start that is to fail: how, what it says, and how long it took. */
async function failing(t: RowContext, env: Env, secrets: readonly string[]): Promise<Ended> {
  const started = performance.now();
  const server = await launch(t, 'server', env);
  await Promise.race([
    once(server.process, 'close'),
    new Promise((_, fail) => setTimeout(() => fail(new Error('it does not end')), 60_000).unref()),
  ]);
  const text = server.output.stdout + server.output.stderr;
  for (const one of secrets) assert.ok(!text.includes(one), 'a secret is printed');
  return { code: server.process.exitCode, text, seconds: (performance.now() - started) / 1000 };
}

async function serves(t: RowContext, env: Env): Promise<void> {
  const server = await startServer(t, 'server', env);
  const person = await signUp(server.url, 'one@example.com');
  assert.equal(await cookieAnswer(server.url, person), 200);
  const text = server.output.stdout + server.output.stderr;
  assert.doesNotMatch(text, /vault:\/\/|aws-sm:\/\//, 'a reference is no secret, but nothing for a log either');
  await server.stop();
}

async function fromAws(t: RowContext): Promise<void> {
  const cloud = await startAws(t);
  const kept = values();
  const file = join(t.scratch, 'auth-api.json');
  writeFileSync(file, JSON.stringify(kept));
  await aws(t, cloud, `secretsmanager create-secret --name auth-api/all --secret-string file://${file}`);
  writeFileSync(file, kept.ENCRYPTION_KEY ?? '');
  await aws(t, cloud, `secretsmanager create-secret --name auth-api/encryption-key --secret-string file://${file}`);
  const access = {
    AWS_REGION: 'eu-central-1',
    AWS_SECRETS_ENDPOINT: cloud.AWS_ENDPOINT_URL ?? '',
    AWS_ACCESS_KEY_ID: cloud.AWS_ACCESS_KEY_ID ?? '',
    AWS_SECRET_ACCESS_KEY: cloud.AWS_SECRET_ACCESS_KEY ?? '',
  };
  const whole = (name: string): string => `aws-sm://auth-api/${name.toLowerCase().replaceAll('_', '-')}`;
  const env = {
    ...references((name) => (name === 'ENCRYPTION_KEY' ? whole(name) : `aws-sm://auth-api/all#${name}`)),
    ...access,
  };
  await serves(t, env);
  const secrets = Object.values(kept);
  const wrong = await failing(
    t,
    {
      ...env,
      SESSION_SECRET: 'aws-sm://auth-api/none',
      CSRF_SECRET: 'aws-sm://auth-api/all#NONE',
      JWT_REFRESH_SECRET: 'aws-sm://auth-api/encryption-key#KEY',
    },
    secrets,
  );
  assert.equal(wrong.code, 78, wrong.text);
  assert.match(wrong.text, /SESSION_SECRET.*aws-sm.*ResourceNotFoundException/);
  assert.match(wrong.text, /CSRF_SECRET.*no text under "NONE"/);
  assert.match(wrong.text, /JWT_REFRESH_SECRET.*not JSON/);
  const away = await failing(t, { ...env, AWS_SECRETS_ENDPOINT: `http://127.0.0.1:${await freePort()}` }, secrets);
  assert.equal(away.code, 78, away.text);
  assert.match(away.text, /did not give it \(ECONNREFUSED\)/);
}

async function fromVault(t: RowContext): Promise<void> {
  const vault = await startVault(t);
  const kept = values();
  vault.secrets.set('kv/auth-api', kept);
  const file = join(t.scratch, 'vault-token');
  writeFileSync(file, `${vault.token}\n`, { mode: 0o600 });
  const { VAULT_TOKEN: _token, ...env } = inVault(vault);
  await serves(t, { ...env, VAULT_TOKEN_FILE: file });
  assert.deepEqual([...new Set(vault.asked)], ['GET /v1/kv/data/auth-api']);
}

async function vaultFaults(t: RowContext): Promise<void> {
  const vault = await startVault(t);
  const kept = values();
  vault.secrets.set('kv/auth-api', kept);
  const env = inVault(vault);
  const secrets = [...Object.values(kept), vault.token];
  const faults: readonly (readonly [change: Env, text: RegExp])[] = [
    [{ VAULT_TOKEN: 'hvs.another' }, /SESSION_SECRET.*Vault answered 403: this server may not read the secret/],
    [{ SESSION_SECRET: 'vault://kv/none#x' }, /SESSION_SECRET.*Vault answered 404: there is no such secret/],
    [{ SESSION_SECRET: 'vault://kv/auth-api#none' }, /SESSION_SECRET.*has no text under "none"/],
    [
      { VAULT_ADDR: `http://127.0.0.1:${await freePort()}` },
      /SESSION_SECRET.*Vault cannot be reached \(ECONNREFUSED\)/,
    ],
  ];
  for (const [change, text] of faults) {
    const ended = await failing(t, { ...env, ...change }, secrets);
    assert.equal(ended.code, 78, ended.text);
    assert.match(ended.text, text);
  }
  vault.fallSilent();
  const silent = await failing(t, env, secrets);
  assert.equal(silent.code, 78, silent.text);
  assert.match(silent.text, /SESSION_SECRET.*no answer within 10 s/);
  t.figure('seconds until a silent store ends the start', silent.seconds.toFixed(1));
}

/** The guide's own secret: auth/database, url. */
async function databaseUrl(t: RowContext): Promise<void> {
  const vault = await startVault(t);
  vault.secrets.set('kv/auth-api', values());
  const password = secret();
  const port = await freePort();
  vault.secrets.set('auth/database', { url: `postgresql://auth_app:${password}@127.0.0.1:${port}/auth_db` });
  const ended = await failing(t, { ...inVault(vault), DATABASE_URL: 'vault://auth/database#url' }, [password]);
  assert.equal(ended.code, 69, ended.text);
  assert.match(ended.text, new RegExp(`Nothing answers at 127\\.0\\.0\\.1:${port}`));
}

/** As docs/guides/secrets.md says: new in front, restart, wait, old away, restart. */
async function rotated(t: RowContext): Promise<void> {
  const vault = await startVault(t);
  const first = values();
  vault.secrets.set('kv/auth-api', first);
  const env = inVault(vault);
  let server = await startServer(t, 'server', env);
  const person = await signUp(server.url, 'one@example.com');
  const idle = await signUp(server.url, 'two@example.com');
  await server.stop();

  const fresh = Object.fromEntries(LISTS.map((name) => [name, secret()]));
  const both = Object.fromEntries(LISTS.map((name) => [name, `${fresh[name]},${first[name]}`]));
  vault.secrets.set('kv/auth-api', { ...first, ...both });
  server = await startServer(t, 'server', env);
  assert.equal(await cookieAnswer(server.url, person), 200, 'a session from before the rotation ended');
  const after = await refreshed(server.url, person);
  assert.ok(after, 'a refresh token from before the rotation is refused');
  const later = await signUp(server.url, 'three@example.com');
  await server.stop();

  vault.secrets.set('kv/auth-api', { ...first, ...fresh });
  server = await startServer(t, 'server', env);
  assert.ok(await refreshed(server.url, after), 'a token that was refreshed meanwhile is refused');
  assert.equal(await cookieAnswer(server.url, later), 200, 'a session since the rotation ended');
  assert.equal(await cookieAnswer(server.url, idle), 401, 'a cookie under the old secret still counts');
  assert.equal(await refreshed(server.url, idle), null, 'a token under the old secret still counts');
  await server.stop();
}

async function encryptionKey(t: RowContext): Promise<void> {
  const vault = await startVault(t);
  const first = values();
  vault.secrets.set('kv/auth-api', first);
  const env = inVault(vault);
  let server = await startServer(t, 'server', env);
  const person = await signUp(server.url, 'one@example.com');
  const keys = await publicKeys(server.url);
  await server.stop();

  const fresh = key();
  vault.secrets.set('kv/auth-api', { ...first, ENCRYPTION_KEY: `${fresh},${first.ENCRYPTION_KEY}` });
  server = await startServer(t, 'server', env);
  assert.deepEqual(await publicKeys(server.url), keys, 'the signing keys did not stay');
  assert.ok(await refreshed(server.url, person));
  await server.stop();

  // The signing key is still sealed with the old one: taken away too early, the start says so and nothing is lost.
  vault.secrets.set('kv/auth-api', { ...first, ENCRYPTION_KEY: fresh });
  const early = await failing(t, env, [fresh, first.ENCRYPTION_KEY ?? '']);
  assert.equal(early.code, 78, early.text);
  assert.match(early.text, /ENCRYPTION_KEY does not open what the database holds/);
  vault.secrets.set('kv/auth-api', { ...first, ENCRYPTION_KEY: `${fresh},${first.ENCRYPTION_KEY}` });
  server = await startServer(t, 'server', env);
  await server.stop();
}

async function publicKeys(url: string): Promise<unknown> {
  const answer = await fetch(`${url}/.well-known/jwks.json`);
  assert.equal(answer.status, 200);
  return await answer.json();
}

export const rows: readonly Row[] = [
  {
    name: 'AWS Secrets Manager (moto): the server runs on references; what is missing, and a store that is away, end with 78',
    skipUnless: without('aws', 'moto_server'),
    timeout: 180,
    run: fromAws,
  },
  {
    name: "Vault (a stub of its HTTP interface): the server runs on references, with a token from the agent's file",
    run: fromVault,
  },
  {
    name: 'Vault: wrong token, missing secret, missing key, store away, store silent: told, 78, nothing secret printed',
    timeout: 180,
    run: vaultFaults,
  },
  {
    name: "the guide's auth/database in Vault: a database that is away ends with 69 and without the password",
    run: databaseUrl,
  },
  {
    name: 'rotation: sessions outlive a new secret in front; without the old one they end',
    timeout: 180,
    run: rotated,
  },
  {
    name: 'rotation of ENCRYPTION_KEY: signing keys stay; taken away too early, the start refuses and nothing is lost',
    timeout: 180,
    run: encryptionKey,
  },
];
