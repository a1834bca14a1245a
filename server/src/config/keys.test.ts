import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Env,
  faultsOf,
  keyPair,
  load,
  makeDirectory,
  productionEnv,
  put,
  secret,
  TEST_CERTIFICATE,
  TEST_KEY,
} from './test-kit.ts';

function keyFiles(
  kind: Parameters<typeof keyPair>[0],
  mode = 0o600,
): { cwd: string; env: Env; privatePem: string; publicPem: string } {
  const cwd = makeDirectory();
  const { privatePem, publicPem } = keyPair(kind);
  put(cwd, 'private.pem', privatePem);
  chmodSync(join(cwd, 'private.pem'), mode);
  put(cwd, 'public.pem', publicPem);
  return {
    cwd,
    env: { JWT_PRIVATE_KEY_PATH: 'private.pem', JWT_PUBLIC_KEY_PATH: 'public.pem' },
    privatePem,
    publicPem,
  };
}

for (const [kind, algorithm] of [
  ['ed25519', 'EdDSA'],
  ['p256', 'ES256'],
  ['rsa2048', 'RS256'],
] as const) {
  test(`a pair of the kind ${kind} signs with ${algorithm}, and with nothing else`, async () => {
    const { cwd, env, privatePem, publicPem } = keyFiles(kind);
    const { config } = await load({ ...env, JWT_ALG: algorithm }, { cwd });
    assert.deepEqual(config.jwtKeys, { kind: 'files', privatePem, publicPem });
    const other = algorithm === 'RS256' ? 'EdDSA' : 'RS256';
    assert.deepEqual(
      (await faultsOf({ ...env, JWT_ALG: other }, { cwd })).map((fault) => fault.name),
      ['JWT_ALG'],
    );
  });
}

test('an RSA key under 3072 bits is a warning, under 2048 bits a fault, and other curves are not supported', async () => {
  const two = keyFiles('rsa2048');
  assert.match((await load(two.env, { cwd: two.cwd })).warnings.join(), /RSA key of 2048 bits/);
  const one = keyFiles('rsa1024');
  assert.match((await faultsOf(one.env, { cwd: one.cwd }))[0]?.problem ?? '', /only 1024 bits/);
  const curve = keyFiles('p384');
  assert.match((await faultsOf(curve.env, { cwd: curve.cwd }))[0]?.problem ?? '', /not supported/);
});

test('halves that do not belong together, a missing half and a broken half are faults', async () => {
  const { cwd, env } = keyFiles('ed25519');
  const problems = async (change: Env): Promise<string[]> =>
    (await faultsOf(change, { cwd })).map(({ name, problem }) => `${name} ${problem}`);
  assert.deepEqual(await problems({ JWT_PRIVATE_KEY_PATH: 'private.pem' }), [
    'JWT_PUBLIC_KEY_PATH is missing, but JWT_PRIVATE_KEY_PATH is set',
  ]);
  assert.deepEqual(await problems({ ...env, JWT_PUBLIC_KEY_PATH: 'private.pem' }), [
    'JWT_PUBLIC_KEY_PATH names a file that does not hold a public key',
  ]);
  put(cwd, 'other.pem', keyPair('ed25519').publicPem);
  assert.deepEqual(await problems({ ...env, JWT_PUBLIC_KEY_PATH: 'other.pem' }), [
    'JWT_PUBLIC_KEY_PATH does not belong to JWT_PRIVATE_KEY_PATH',
  ]);
  assert.deepEqual(await problems({ ...env, JWT_PRIVATE_KEY_PATH: '/nowhere.pem' }), [
    'JWT_PRIVATE_KEY_PATH names "/nowhere.pem", which does not exist',
  ]);
});

for (const mode of [0o644, 0o604, 0o620, 0o602]) {
  test(`production refuses a private key with mode ${mode.toString(8)}`, async () => {
    const { cwd, env } = keyFiles('ed25519', mode);
    const faults = await faultsOf({ ...productionEnv(), ...env }, { cwd });
    assert.match(`${faults[0]?.name} ${faults[0]?.problem}`, /^JWT_PRIVATE_KEY_PATH names a private key with mode/);
    assert.match((await load(env, { cwd })).warnings.join(), /production refuses that/);
  });
}

test('production takes a private key that its group may read', async () => {
  const { cwd, env } = keyFiles('ed25519', 0o440);
  assert.deepEqual(await faultsOf({ ...productionEnv(), ...env }, { cwd }), []);
});

test('a shared secret signs only with JWT_ALG=HS256', async () => {
  const [first, second] = [secret(), secret()];
  const hmac = await load({ JWT_ALG: 'HS256', JWT_SECRET: `${first},${second}` });
  assert.deepEqual(hmac.config.jwtKeys, { kind: 'secret', secrets: [first, second] });
  const unused = await load({ JWT_SECRET: first });
  assert.deepEqual(unused.config.jwtKeys, { kind: 'managed' });
  assert.match(unused.warnings.join(), /JWT_SECRET is not used/);
});

test('HS256 with key files is a contradiction', async () => {
  const { cwd, env } = keyFiles('ed25519');
  assert.deepEqual(
    (await faultsOf({ ...env, JWT_ALG: 'HS256', JWT_SECRET: secret() }, { cwd })).map((fault) => fault.name),
    ['JWT_ALG'],
  );
});

test('the server’s own certificate must parse, belong to its key and be valid', async () => {
  const cwd = makeDirectory();
  put(cwd, 'good.key', TEST_KEY);
  put(cwd, 'good.crt', TEST_CERTIFICATE);
  put(cwd, 'other.key', keyPair('p256').privatePem);
  const good = { SSL_KEY_PATH: 'good.key', SSL_CERT_PATH: 'good.crt' };
  const { config } = await load({ ...good, SSL_CA_PATH: 'good.crt' }, { cwd });
  const paths = { keyPath: join(cwd, 'good.key'), certPath: join(cwd, 'good.crt'), caPath: join(cwd, 'good.crt') };
  assert.deepEqual(config.tls, paths);
  assert.equal(config.PUBLIC_URL, 'https://localhost:3000');
  const problem = async (change: Env, date = '2026-11-23'): Promise<string> => {
    const clock = { now: () => Date.parse(date) };
    const [fault] = await faultsOf({ ...good, ...change }, { cwd, clock });
    return `${fault?.name} ${fault?.problem}`;
  };
  assert.match(await problem({ SSL_KEY_PATH: 'other.key' }), /SSL_CERT_PATH does not belong to SSL_KEY_PATH/);
  assert.match(await problem({}, '2035-01-01'), /SSL_CERT_PATH holds a certificate that expired on 2035-01-01/);
  assert.match(await problem({}, '2024-12-31'), /SSL_CERT_PATH holds a certificate that is valid only from 2025-01-01/);
  assert.match(
    await problem({ SSL_KEY_PATH: 'good.crt' }),
    /SSL_KEY_PATH names a file that does not hold a private key/,
  );
  assert.match(
    await problem({ SSL_CERT_PATH: '/nowhere.crt' }),
    /SSL_CERT_PATH names "\/nowhere\.crt", which does not exist/,
  );
  const soon = await load(good, { cwd, clock: { now: () => Date.parse('2034-12-27') } });
  assert.match(soon.warnings.join(), /expires on 2035-01-01/);
});

test('production refuses a key of the server’s own certificate that others can read', async () => {
  const cwd = makeDirectory();
  put(cwd, 'open.key', TEST_KEY, 0o644);
  put(cwd, 'good.crt', TEST_CERTIFICATE);
  const faults = await faultsOf({ ...productionEnv(), SSL_KEY_PATH: 'open.key', SSL_CERT_PATH: 'good.crt' }, { cwd });
  assert.deepEqual(
    faults.map((fault) => fault.name),
    ['SSL_KEY_PATH'],
  );
});
