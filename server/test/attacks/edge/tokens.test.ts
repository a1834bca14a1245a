// engines: postgres
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, test } from 'node:test';
import { type Answer, expect, startServer, type TestServer, type TestUser } from '../../kit.ts';
import { isProblem } from './oracle.ts';

let server: TestServer;
let user: TestUser;
let header: Record<string, unknown>;
let claims: Record<string, unknown>;

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const decode = (part: string | undefined) => JSON.parse(Buffer.from(part ?? '', 'base64url').toString());

before(async () => {
  server = await startServer();
  user = await server.user();
  const [first, second] = user.accessToken.split('.');
  [header, claims] = [decode(first), decode(second)];
});

/** A token with any header and payload, signed with our own key: what is wrong with it is only what it says. */
function signed(payload: unknown, head: unknown = header, key?: KeyObject): string {
  const input = `${encode(head)}.${encode(payload)}`;
  const signWith = key ?? server.app.house.keys.signer().signWith;
  return `${input}.${sign(null, Buffer.from(input), signWith).toString('base64url')}`;
}

const use = (bearer: string): Promise<Answer> => server.get('/me', { bearer });

async function refused(bearer: string, what: string, code?: 'unauthenticated' | 'token_expired'): Promise<void> {
  const answer = await use(bearer);
  assert.equal(answer.status, 401, `${what}: ${answer.text}`);
  isProblem(answer, 401, code);
  assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer realm="auth-api"/);
}

test('the helper signs tokens that are taken, so that what follows is refused for what it says', async () => {
  assert.equal((await use(signed(claims))).body.email, user.email);
  assert.equal((await use(user.accessToken)).body.email, user.email);
});

test('no token without a signature is taken, however its algorithm is spelled (TOK-01)', async () => {
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, undefined, [], 0]) {
    const input = `${encode({ ...header, alg })}.${encode(claims)}`;
    for (const signature of ['', '.', `.${user.accessToken.split('.')[2]}`, '.AA'])
      await refused(input + signature, String(alg));
    await refused(signed(claims, { ...header, alg }), `signed, alg ${alg}`);
  }
});

test('our public key, in any of its encodings, is no secret for HS256 (TOK-02, I-062)', async () => {
  const { verifyWith } = server.app.house.keys.signer();
  const pem = verifyWith.export({ type: 'spki', format: 'pem' }) as string;
  const jwk = verifyWith.export({ format: 'jwk' });
  const raw = Buffer.from(jwk.x as string, 'base64url');
  const secrets = [
    pem,
    pem.trim(),
    `\n${pem}`,
    ` ${pem}`,
    pem.replaceAll('\n', '\r\n'),
    `${pem}\n`,
    JSON.stringify(jwk),
    jwk.x as string,
    raw,
  ];
  secrets.push(
    verifyWith.export({ type: 'spki', format: 'der' }),
    raw.toString('hex'),
    '',
    Buffer.alloc(32),
    header.kid as string,
  );
  for (const secret of secrets) {
    for (const head of [{ ...header, alg: 'HS256' }, header, { alg: 'HS256', typ: 'at+jwt' }]) {
      const input = `${encode(head)}.${encode(claims)}`;
      await refused(`${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`, 'HS256');
    }
  }
});

test('another algorithm under the same kid, or an unknown, empty or odd kid, finds no key (TOK-03, I-063, I-066, I-068)', async () => {
  for (const alg of ['RS256', 'ES256', 'PS256', 'HS256', 'Ed25519', 'EdDSA ', 'eddsa']) {
    await refused(signed(claims, { ...header, alg }), alg);
  }
  const kids = [
    '',
    'x',
    null,
    0,
    [header.kid],
    '__proto__',
    'constructor',
    'toString',
    "' OR '1'='1",
    '../../dev/null',
  ];
  for (const kid of [...kids, `${header.kid} `]) await refused(signed(claims, { ...header, kid }), `kid ${kid}`);
  const { kid, ...withoutKid } = header;
  await refused(signed(claims, withoutKid), `no kid ${kid}`);
});

test('keys that a token brings along or points to are not used, and nobody is asked for them (TOK-04)', async () => {
  let asked = 0;
  const host = createServer((_request, response) => {
    asked++;
    response.end('{"keys":[]}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => host.once('listening', resolve));
  const url = `http://127.0.0.1:${(host.address() as AddressInfo).port}/jwks.json`;
  const own = generateKeyPairSync('ed25519');
  const jwk = own.publicKey.export({ format: 'jwk' });
  for (const more of [
    { jwk },
    { jku: url },
    { x5u: url },
    { x5c: [jwk.x] },
    { jwk, kid: 'x' },
    { jku: `${server.url}/.well-known/jwks.json` },
  ]) {
    await refused(signed(claims, { ...header, ...more }, own.privateKey), Object.keys(more).join());
    await refused(signed(claims, { ...header, ...more }), `ours with ${Object.keys(more)}`);
  }
  assert.equal(asked, 0);
  host.close();
});

test('times that are over, to come, absent or no numbers are refused (TOK-07)', async () => {
  const now = Math.floor(Date.now() / 1000);
  await refused(signed({ ...claims, exp: now - 1 }), 'past', 'token_expired');
  const raw = JSON.stringify(claims);
  for (const exp of ['1e999', '-1e999', `"${now + 60}"`, 'null', '[9999999999]', '1.5', 'true', '{}']) {
    await refused(signed(raw.replace(/"exp":\d+/, `"exp":${exp}`)), `exp ${exp}`);
  }
  await refused(signed({ ...claims, exp: -1 }), 'negative exp');
  await refused(signed({ ...claims, exp: undefined }), 'no exp', 'unauthenticated');
  await refused(signed({ ...claims, nbf: now + 3600 }), 'nbf to come', 'unauthenticated');
  await refused(signed({ ...claims, iat: now + 3600 }), 'iat to come', 'unauthenticated');
  await refused(signed({ ...claims, iat: undefined }), 'no iat', 'unauthenticated');
  await refused(signed({ ...claims, nbf: 'x' }), 'nbf of no number', 'unauthenticated');
});

test('another issuer or audience, a list or nothing in their place is refused (TOK-08, TOK-18)', async () => {
  const { iss, aud } = claims;
  for (const other of [undefined, null, '', `${iss}/`, 'https://evil.example', [iss], String(iss).toUpperCase()]) {
    await refused(signed({ ...claims, iss: other }), `iss ${other}`);
  }
  for (const other of [undefined, null, '', 'other', [aud], [aud, 'other'], { a: aud }, 'x'.repeat(3_000)]) {
    await refused(signed({ ...claims, aud: other }), `aud ${other}`);
  }
});

test('nothing else that we give out is an access token (TOK-09)', async () => {
  await server.post('/auth/password/forgot', { email: user.email });
  const mailed = await server.linkToken(user.email, '/reset-password');
  const cookie = await server.user({ session: 'cookie' });
  const values = [
    user.refreshToken,
    user.deviceToken,
    mailed,
    cookie.csrf,
    cookie.cookie.slice('session='.length),
    user.id,
  ];
  for (const value of values) await refused(value, value.slice(0, 3), 'unauthenticated');
  for (const typ of ['JWT', 'logout+jwt', 'id_token', 'at+JWT', 'application/at+jwt', undefined]) {
    await refused(signed(claims, { ...header, typ }), `typ ${typ}`);
  }
});

test('payloads of any other shape, with our signature on them, are refused and break nothing (TOK-10, I-064)', async () => {
  for (const payload of ['[]', '"x"', 'null', '1', 'true', '', '{}', '{', 'x', '\u0000', '[{"sub":"x"}]']) {
    await refused(signed(payload), payload, 'unauthenticated');
  }
  for (const key of ['sub', 'sid']) {
    for (const value of [
      undefined,
      null,
      '',
      'x',
      1,
      [claims[key]],
      { toString: 'x' },
      "' OR 1=1",
      `${claims[key]} `,
    ]) {
      await refused(signed({ ...claims, [key]: value }), `${key} ${JSON.stringify(value)}`, 'unauthenticated');
    }
  }
});

test("a session of somebody else is not the subject's (TOK-10, SES-14)", async () => {
  const other = await server.user();
  const { sid } = decode(other.accessToken.split('.')[1]);
  await refused(signed({ ...claims, sid }), 'foreign sid');
  await refused(signed({ ...claims, sid: '019abcde-0000-7000-8000-000000000001' }), 'no session');
});

test('headers that we never write, nested tokens and other serialisations are refused (TOK-11)', async () => {
  const heads = [
    { crit: ['b64'], b64: false },
    { crit: [] },
    { crit: ['exp'], exp: 1 },
    { zip: 'DEF' },
    { cty: 'JWT' },
    { b64: true },
  ];
  for (const more of heads) await refused(signed(claims, { ...header, ...more }), JSON.stringify(more));
  const text = JSON.stringify(header);
  await refused(signed(claims, text.replace('{', `{"alg":"none",`)), 'alg twice');
  await refused(signed(claims, `${text} `), 'a space behind the header');
  await refused(signed(user.accessToken, { ...header, cty: 'JWT' }), 'nested');
  await refused(`${user.accessToken}.x.y`, 'five parts');
});

test('forms that only look like the token are refused fast, whatever their length (TOK-15, I-065)', async () => {
  const [first, second, third = ''] = user.accessToken.split('.');
  const odd = [
    `${first}.${second}.${third}=`,
    `${first}.${second}.${third.slice(0, -1)}`,
    `${first}.${second}.${third}A`,
    `${first}..${third}`,
    `.${second}.${third}`,
    `${first}.${second}`,
    '.'.repeat(6_000),
    'a.'.repeat(3_000),
    `${first}.${'A'.repeat(9_000)}.${third}`,
    `${first}.${Buffer.from(third, 'base64url').toString('base64').replaceAll('+', '-')}.${third}`,
  ];
  for (const bearer of odd) {
    const started = performance.now();
    await refused(bearer, bearer.slice(0, 40));
    assert.ok(performance.now() - started < 500);
  }
  for (let time = 0; time < 100; time++) assert.equal((await use(user.accessToken)).status, 200);
});

test('a token counts in the Authorization header only (TOK-14)', async () => {
  for (const name of ['access_token', 'token', 'bearer', 'authorization']) {
    isProblem(await server.get(`/me?${name}=${user.accessToken}`), 401, 'unauthenticated');
    isProblem(await server.get('/me', { cookie: `${name}=${user.accessToken}` }), 401, 'unauthenticated');
  }
  isProblem(await server.get('/me', { headers: { 'x-access-token': user.accessToken } }), 401, 'unauthenticated');
});

test('a role that was taken away, or one that only the token claims, opens no door (TOK-13)', async () => {
  assert.equal((await use(signed({ ...claims, roles: ['admin'], scope: '*' }))).body.roles.length, 0);
  const admin = await server.admin();
  await server.db.execute('DELETE FROM auth.user_roles WHERE user_id = $1', [admin.id]);
  await server.db.execute('INSERT INTO auth.changes (subject) VALUES ($1)', [admin.id]);
  await server.app.house.changes.refresh();
  assert.deepEqual(expect(await use(admin.accessToken), 200).body.roles, []);
});
