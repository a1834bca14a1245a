import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { SecretAccess } from '../../config/references.ts';
import { resolveSecret } from './resolve.ts';

const CANARY = 'C4naryBird';

interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Call {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A store on this machine that speaks the part of the vendor's protocol that is used here. */
async function standIn(
  context: TestContext,
  answer: (call: Call) => Answer | null,
): Promise<{ url: string; calls: Call[] }> {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const call = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
    calls.push(call);
    const said = answer(call);
    if (said === null) return;
    response.writeHead(said.status ?? 200, { 'content-type': 'application/json', ...said.headers });
    response.end(typeof said.body === 'string' ? said.body : JSON.stringify(said.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

const nowhere = 'http://127.0.0.1:1';

function access(change: Partial<SecretAccess> = {}): SecretAccess {
  return {
    aws: {
      region: 'eu-central-1',
      endpoint: nowhere,
      accessKeyId: 'AKIATEST',
      secretAccessKey: 'key',
      sessionToken: null,
    },
    vault: { address: nowhere, token: 'token', namespace: null },
    gcp: { endpoint: nowhere, metadataHost: '127.0.0.1:1' },
    azure: { endpoint: nowhere, identityEndpoint: nowhere, clientId: null },
    ...change,
  };
}

const ask = (reference: string, change: Partial<SecretAccess> = {}, limit = 5000): Promise<string> =>
  resolveSecret(reference, access(change), AbortSignal.timeout(limit));

test('Vault: the key of a secret of version 2, with the token and the namespace', async (context) => {
  const { url, calls } = await standIn(context, () => ({
    body: { data: { data: { password: CANARY }, metadata: { version: 3 } } },
  }));
  assert.equal(
    await ask('vault://kv/team/auth db#password', { vault: { address: url, token: 't0ken', namespace: 'ns1' } }),
    CANARY,
  );
  assert.equal(calls[0]?.url, '/v1/kv/data/team/auth%20db');
  assert.deepEqual([calls[0]?.headers['x-vault-token'], calls[0]?.headers['x-vault-namespace']], ['t0ken', 'ns1']);
});

test('AWS: a whole secret and one key of it, signed for the region', async (context) => {
  const { url, calls } = await standIn(context, ({ body }) => ({
    body: { Name: 'x', SecretString: body.includes('json') ? JSON.stringify({ 'db#url': CANARY }) : 'plain' },
  }));
  const aws = {
    region: 'eu-central-1',
    endpoint: url,
    accessKeyId: 'AKIATEST',
    secretAccessKey: 'key',
    sessionToken: 'session',
  };
  assert.equal(await ask('aws-sm://prod/auth', { aws }), 'plain');
  assert.equal(await ask('aws-sm://prod/json#db#url', { aws }), CANARY);
  assert.deepEqual(JSON.parse(calls[0]?.body ?? ''), { SecretId: 'prod/auth' });
  assert.match(String(calls[0]?.headers.authorization), /Credential=AKIATEST\/\d+\/eu-central-1\/secretsmanager\//);
  assert.equal(calls[0]?.headers['x-amz-security-token'], 'session');
});

test('Google: the token of the machine opens the version', async (context) => {
  const { url, calls } = await standIn(context, ({ url: path }) =>
    path.startsWith('/computeMetadata')
      ? { body: { access_token: 'gt' } }
      : { body: { payload: { data: Buffer.from(CANARY).toString('base64') } } },
  );
  const gcp = { endpoint: url, metadataHost: url.replace('http://', '') };
  assert.equal(await ask('gcp-sm://projects/p-1/secrets/s_1/versions/7', { gcp }), CANARY);
  assert.equal(await ask('gcp-sm://projects/p-1/secrets/s_1', { gcp }), CANARY);
  assert.equal(calls[0]?.headers['metadata-flavor'], 'Google');
  assert.deepEqual(
    [calls[1]?.url, calls[1]?.headers.authorization],
    ['/v1/projects/p-1/secrets/s_1/versions/7:access', 'Bearer gt'],
  );
  assert.equal(calls[3]?.url, '/v1/projects/p-1/secrets/s_1/versions/latest:access');
});

test('Azure: the managed identity opens the secret', async (context) => {
  const { url, calls } = await standIn(context, ({ url: path }) => ({
    body: path.startsWith('/metadata') ? { access_token: 'at' } : { value: CANARY },
  }));
  assert.equal(
    await ask('azure-kv://my-vault/db-url', { azure: { endpoint: url, identityEndpoint: url, clientId: 'c1' } }),
    CANARY,
  );
  assert.equal(calls[0]?.headers.metadata, 'true');
  assert.match(calls[0]?.url ?? '', /resource=https%3A%2F%2Fvault\.azure\.net&client_id=c1$/);
  assert.deepEqual([calls[1]?.url, calls[1]?.headers.authorization], ['/secrets/db-url?api-version=7.4', 'Bearer at']);
});

const references = ['vault://kv/a#b', 'aws-sm://a#b', 'gcp-sm://projects/p/secrets/s', 'azure-kv://my-vault/s'];

function everywhere(url: string): Partial<SecretAccess> {
  return {
    aws: { ...access().aws, endpoint: url },
    vault: { ...access().vault, address: url },
    gcp: { endpoint: url, metadataHost: url.replace('http://', '') },
    azure: { endpoint: url, identityEndpoint: url, clientId: null },
  };
}

const answers: readonly (readonly [what: string, answer: Answer])[] = [
  ['a refusal', { status: 403, body: { message: CANARY, errors: [CANARY], __type: 'AccessDeniedException' } }],
  ['a missing secret', { status: 404, body: { message: CANARY, __type: 'ResourceNotFoundException' } }],
  ['an answer that is not JSON', { body: `<html>${CANARY}` }],
  [
    'an answer of another shape',
    { body: { data: CANARY, payload: CANARY, SecretString: CANARY, access_token: CANARY } },
  ],
  ['a redirect', { status: 302, headers: { location: `http://127.0.0.1:1/${CANARY}` } }],
];

for (const [what, answer] of answers) {
  test(`${what} is an error that repeats nothing of the answer, from every store`, async (context) => {
    const { url } = await standIn(context, () => answer);
    for (const reference of references) {
      await assert.rejects(
        ask(reference, everywhere(url)),
        (error: Error) => !error.message.includes(CANARY) && error.message.length > 10,
        reference,
      );
    }
  });
}

test('a store that never answers is left when the signal says so', async (context) => {
  const { url } = await standIn(context, () => null);
  const started = performance.now();
  for (const reference of references) await assert.rejects(ask(reference, everywhere(url), 150), Error, reference);
  assert.ok(performance.now() - started < 3000);
});

test('a store that cannot be reached says so', async () => {
  for (const reference of references)
    await assert.rejects(ask(reference), /ECONNREFUSED|cannot be reached|did not give/, reference);
});

const malformed: readonly (readonly [string, RegExp])[] = [
  ['vault://kv#b', /not of the form/],
  ['vault://kv/a', /not of the form/],
  ['vault://kv/../sys#b', /dots/],
  ['aws-sm://', /not of the form/],
  ['gcp-sm://s', /not of the form/],
  ['gcp-sm://projects/p/secrets/s/versions/1:destroy?x', /not of the form/],
  ['azure-kv://evil.example.org/s', /not of the form/],
  ['azure-kv://vault/s?x=y', /not of the form/],
  ['toString://x', /no such kind/],
];

for (const [reference, problem] of malformed) {
  test(`the reference ${reference} is refused before anybody is asked`, async () => {
    await assert.rejects(ask(reference), problem);
  });
}

test('what a store needs and is not set is named', async () => {
  await assert.rejects(
    ask('vault://kv/a#b', { vault: { address: null, token: 't', namespace: null } }),
    /VAULT_ADDR is not set/,
  );
  await assert.rejects(
    ask('vault://kv/a#b', { vault: { address: nowhere, token: null, namespace: null } }),
    /VAULT_TOKEN is not set/,
  );
  await assert.rejects(ask('aws-sm://a', { aws: { ...access().aws, region: null } }), /AWS_REGION is not set/);
});
