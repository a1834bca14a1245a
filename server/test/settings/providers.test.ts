// engines: postgres
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../src/config/report.ts';
import { keyPair } from '../../src/config/test-kit.ts';
import { startServer, testConfig } from '../kit.ts';

const ENTRY = { id: 'acme', issuer: 'https://id.acme.test', client_id: 'auth-api', client_secret: 'kT8-acme' };
const APPLE = {
  id: 'apple',
  preset: 'apple',
  client_id: 'test.web',
  team_id: 'ABCDE12345',
  key_id: 'KEY1234567',
  private_key: keyPair('p256').privatePem,
};

const providersOf = async (entries: unknown, env: Record<string, string> = {}) =>
  (await testConfig({ OIDC_PROVIDERS: JSON.stringify(entries), ...env })).providers;

async function faultsOf(entries: unknown, env: Record<string, string> = {}): Promise<string[]> {
  const text = typeof entries === 'string' ? entries : JSON.stringify(entries);
  try {
    await testConfig({ OIDC_PROVIDERS: text, ...env });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map((one) => `${one.name} ${one.problem}`);
    throw error;
  }
  return [];
}

test('every provider of the settings is offered, and sends people back to OAUTH_REDIRECT_URL', async () => {
  const server = await startServer({
    env: {
      GOOGLE_CLIENT_ID: 'google-client',
      GOOGLE_CLIENT_SECRET: 'kT8-google-pass',
      GITHUB_CLIENT_ID: 'github-client',
      GITHUB_CLIENT_SECRET: 'kT8-github-pass',
      OIDC_PROVIDERS: JSON.stringify([APPLE]),
      OAUTH_REDIRECT_URL: 'https://login.example.test/back',
    },
  });
  const { body } = await server.get('/oauth/providers');
  assert.deepEqual(
    body.data.map((one: { id: string; name: string }) => [one.id, one.name]),
    [
      ['google', 'Google'],
      ['github', 'GitHub'],
      ['apple', 'Apple'],
    ],
  );
  assert.equal(body.data[1].start_url, 'http://localhost:3000/api/v1/oauth/github/start');
  // GitHub needs no discovery, so that nothing is asked of the network here.
  const { status, headers } = await server.get('/oauth/github/start');
  assert.equal(status, 302);
  const url = new URL(headers.get('location') as string);
  assert.equal(url.origin + url.pathname, 'https://github.com/login/oauth/authorize');
  assert.equal(url.searchParams.get('client_id'), 'github-client');
  assert.equal(url.searchParams.get('redirect_uri'), 'https://login.example.test/back/github');
  // The callback is at that path, outside the prefix, and nowhere else.
  assert.equal((await server.call('GET', '/back/github?state=x')).body.code, 'state_invalid');
  assert.equal((await server.call('GET', '/auth/callback/github?state=x')).status, 404);
  await assert.rejects(testConfig({ GOOGLE_CLIENT_ID: 'google-client' }), /GOOGLE_CLIENT_SECRET/);
});

test('OAUTH_REDIRECT_URL follows PUBLIC_URL where it is not set', async () => {
  const config = await testConfig({ PUBLIC_URL: 'https://auth.example.test' });
  assert.equal(config.OAUTH_REDIRECT_URL, 'https://auth.example.test/auth/callback');
});

test('OIDC_PROVIDERS may stand over several lines, and an entry gets what its preset says', async () => {
  const text = JSON.stringify([{ ...ENTRY, preset: 'gitlab', issuer: 'https://git.acme.test/' }], null, 2);
  const [git] = (await testConfig({ OIDC_PROVIDERS: text })).providers;
  assert.equal(git?.name, 'GitLab');
  assert.equal(git?.issuer, 'https://git.acme.test');
  const [own] = await providersOf([{ ...ENTRY, authoritative_domains: ['ACME.test'], hosts: ['Keys.acme.test'] }]);
  assert.deepEqual([own?.authoritativeDomains, own?.hosts], [['acme.test'], ['keys.acme.test']]);
  assert.deepEqual([own?.name, own?.scopes, own?.storesTokens], ['acme', 'openid email profile', false]);
  const [kept] = await providersOf([{ ...ENTRY, store_tokens: true }]);
  assert.match(kept?.scopes ?? '', /offline_access/);
  const [microsoft] = await providersOf([{ id: 'ms', preset: 'microsoft', client_id: 'a', client_secret: 'kT8-b' }]);
  assert.equal(microsoft?.verifiesAddresses, false);
});

test('I-046 EML-16 an id that is another provider, or another way to sign in, is a fault', async () => {
  const reserved = [
    'credential',
    'password',
    'email',
    'scim',
    'saml',
    'link',
    'exchange',
    'callback',
    'providers',
    'oidc',
  ];
  for (const id of reserved) {
    const faults = await faultsOf([{ ...ENTRY, id }]);
    assert.equal(faults.length, 1, id);
    assert.match(faults[0] as string, /id is not valid/, id);
  }
  for (const id of ['google', 'github', 'apple', 'microsoft', 'gitlab', 'discord'])
    assert.match((await faultsOf([{ ...ENTRY, id }])).join(), new RegExp(`the id ${id} is the name of a preset`), id);
  for (const id of [
    'Google',
    'GOOGLE',
    'go/ogle',
    '../google',
    'google ',
    'gооgle',
    '',
    '__proto__',
    'a'.repeat(33),
    7,
    null,
  ])
    assert.match((await faultsOf([{ ...ENTRY, id }])).join(), /id is not valid/, String(id));
  assert.match((await faultsOf([ENTRY, ENTRY])).join(), /the id acme is taken/);
  const google = { GOOGLE_CLIENT_ID: 'a', GOOGLE_CLIENT_SECRET: 'kT8-b' };
  const again = { id: 'google', preset: 'google', client_id: 'c', client_secret: 'kT8-d' };
  assert.match((await faultsOf([again], google)).join(), /the id google is taken/);
  assert.deepEqual(await faultsOf([again]), []);
});

test('every wrong field is named, all at once, and no secret is repeated', async () => {
  const wrong = {
    id: 'acme',
    issuer: 'http://id.acme.test',
    client_secret: 7,
    scopes: '',
    store_tokens: 'yes',
    hosts: 'keys',
    authoritative_domains: ['acme'],
    preset: 'facebook',
    colour: 'red',
  };
  const faults = await faultsOf([wrong, { id: 'second', preset: 'apple', private_key: 'kT8-very-secret' }, ENTRY]);
  for (const field of ['issuer', 'client_secret', 'scopes', 'store_tokens', 'hosts', 'authoritative_domains', 'preset'])
    assert.ok(
      faults.some((one) => one.includes(`number 1, acme): ${field} is not valid`)),
      field,
    );
  assert.ok(faults.some((one) => one.includes('unknown field ("colour")')));
  for (const field of ['client_id', 'team_id', 'key_id'])
    assert.ok(
      faults.some((one) => one.includes(`number 2, second): ${field} is missing`)),
      field,
    );
  assert.ok(!faults.join().includes('kT8'));
  assert.match((await faultsOf('{"id":"acme"}')).join(), /is not a JSON array/);
  assert.match((await faultsOf('[{"client_secret":"kT8-cut')).join(), /OIDC_PROVIDERS is not JSON/);
  assert.match((await faultsOf([{ ...APPLE, private_key: keyPair('p384').privatePem }])).join(), /no private key/);
  assert.match((await faultsOf([{ ...ENTRY, base_url: 'https://x.test' }])).join(), /GitHub Enterprise only/);
});

test('OCL-05 plain http issuers are taken on this machine only, and in production not at all', async () => {
  const local = { ...ENTRY, issuer: 'http://127.0.0.1:9' };
  assert.equal((await providersOf([local])).length, 1);
  for (const issuer of [
    'http://id.acme.test',
    'ftp://id.acme.test',
    'https://a:b@id.acme.test',
    'https://id.acme.test?x=1',
  ])
    assert.match((await faultsOf([{ ...ENTRY, issuer }])).join(), /issuer is not valid/, issuer);
  assert.match((await faultsOf([local], { NODE_ENV: 'production' })).join(), /its issuer is plain http/);
});
