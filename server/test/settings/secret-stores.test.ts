// engines: none
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { PASSWORD, register, type ServerProcess, serviceEnv, spawnServer } from '../processes.ts';
import { type PrivatePostgres, startPostgres } from '../programs.ts';
import { startHttpStandIn } from './tools.ts';

const secret = (): string => randomBytes(48).toString('base64url');
const secrets = { vault: secret(), aws: secret(), google: secret(), azure: randomBytes(32).toString('base64') };
let postgres: PrivatePostgres;
before(async () => {
  postgres = await startPostgres({ fsync: 'off' });
});

const stores = {
  vault: await startHttpStandIn(({ headers }) =>
    headers['x-vault-token'] === 'kT8-vault-token' && headers['x-vault-namespace'] === 'platform/auth'
      ? { body: JSON.stringify({ data: { data: { session: secrets.vault } } }) }
      : { status: 403, body: '{}' },
  ),
  aws: await startHttpStandIn(() => ({
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ SecretString: JSON.stringify({ csrf: secrets.aws }) }),
  })),
  google: await startHttpStandIn(({ url, headers }) =>
    headers.authorization === 'Bearer google-token' && url === '/v1/projects/p/secrets/refresh/versions/latest:access'
      ? { body: JSON.stringify({ payload: { data: Buffer.from(secrets.google).toString('base64') } }) }
      : { status: 403, body: '{}' },
  ),
  metadata: await startHttpStandIn(() => ({ body: '{"access_token":"google-token"}' })),
  azure: await startHttpStandIn(({ headers }) =>
    headers.authorization === 'Bearer azure-token'
      ? { body: JSON.stringify({ value: secrets.azure }) }
      : { status: 401, body: '{}' },
  ),
  identity: await startHttpStandIn(() => ({ body: '{"access_token":"azure-token"}' })),
};

const plain = {
  SESSION_SECRET: secrets.vault,
  CSRF_SECRET: secrets.aws,
  JWT_REFRESH_SECRET: secrets.google,
  ENCRYPTION_KEY: secrets.azure,
};
const references = {
  SESSION_SECRET: 'vault://secret/auth/production#session',
  CSRF_SECRET: 'aws-sm://auth/production#csrf',
  JWT_REFRESH_SECRET: 'gcp-sm://projects/p/secrets/refresh',
  ENCRYPTION_KEY: 'azure-kv://my-vault/encryption-key',
  VAULT_ADDR: stores.vault.url,
  VAULT_TOKEN: 'kT8-vault-token',
  VAULT_NAMESPACE: 'platform/auth',
  AWS_REGION: 'eu-west-3',
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE00001',
  AWS_SECRET_ACCESS_KEY: 'kT8-aws-pass',
  AWS_SESSION_TOKEN: 'a-session-of-a-role',
  AWS_SECRETS_ENDPOINT: stores.aws.url,
  GCP_SM_ENDPOINT: stores.google.url,
  GCE_METADATA_HOST: stores.metadata.host,
  AZURE_KV_ENDPOINT: stores.azure.url,
  AZURE_IMDS_ENDPOINT: stores.identity.url,
  AZURE_CLIENT_ID: '00000000-1111-2222-3333-444444444444',
};

test('a server takes its secrets from four stores at its start, and they are the very ones', async () => {
  const service = serviceEnv({ DATABASE_URL: postgres.url });
  const written = await spawnServer(service, plain);
  await written.ready();
  const ada = await register(written);
  const visitor = await register(written, 'cookie');
  await written.kill('SIGTERM');

  const server: ServerProcess = await spawnServer(service, references);
  await server.ready();
  assert.equal((await server.get('/me', { bearer: ada.access })).status, 200, 'ENCRYPTION_KEY: the signing key opens');
  assert.equal((await server.post('/auth/refresh', { refresh_token: ada.refresh })).status, 200, 'JWT_REFRESH_SECRET');
  const headers = { 'x-csrf-token': visitor.csrf };
  const patched = await server.call('PATCH', '/api/v1/me', {
    body: { name: 'Visitor' },
    cookie: visitor.cookie,
    headers,
  });
  assert.equal(patched.status, 200, 'SESSION_SECRET and CSRF_SECRET');
  assert.equal((await server.post('/auth/login', { email: ada.email, password: PASSWORD })).status, 200);

  assert.match(
    stores.aws.calls[0]?.headers.authorization ?? '',
    /Credential=AKIAEXAMPLE00001\/\d{8}\/eu-west-3\/secretsmanager\//,
  );
  assert.equal(stores.aws.calls[0]?.headers['x-amz-security-token'], 'a-session-of-a-role');
  assert.match(stores.identity.calls[0]?.url ?? '', /client_id=00000000-1111-2222-3333-444444444444/);
  assert.equal(stores.metadata.calls[0]?.headers['metadata-flavor'], 'Google');
});

test('a reference that cannot be resolved stops the start with 78, and names store and setting', async () => {
  const service = serviceEnv({ DATABASE_URL: postgres.url });
  const server = await spawnServer(service, { ...references, VAULT_TOKEN: 'kT8-another-token' });
  assert.deepEqual(await server.exited, { code: 78, signal: null });
  assert.match(server.errors(), /SESSION_SECRET.*vault.*403/s);
  for (const text of ['kT8-another-token', secrets.aws, secrets.google, secrets.azure])
    assert.ok(!server.errors().includes(text));
});
