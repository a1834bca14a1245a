// engines: postgres
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, mock, test } from 'node:test';
import type { Db, Sql, Tx } from '../../../src/platform/db/index.ts';
import { someEmail, startServer, type TestServer } from '../../kit.ts';
import { goThere, param, signInAt } from '../../providers/browser.ts';
import { footprint, startWithProviders } from '../../providers/kit.ts';
import { type Behaviour, CLIENT_ID, type StandIn, startStandIn } from '../../providers/stand-in.ts';
import { times } from '../accounts/tools.ts';

const person = () => ({ sub: someEmail(), email: someEmail(), email_verified: true });

async function serverFor(entries: Record<string, unknown>[]): Promise<TestServer> {
  return startServer({ env: { OIDC_PROVIDERS: JSON.stringify(entries) } });
}

const entry = (id: string, one: StandIn, more: object = {}) => ({
  id,
  issuer: one.url,
  client_id: CLIENT_ID,
  client_secret: one.secret,
  ...more,
});

describe('discovery', () => {
  test('OCL-05 another issuer, keys and endpoints at another host, and plain http are refused', async () => {
    const elsewhere = await startStandIn();
    const wrong: [string, Record<string, unknown>][] = [
      ['another issuer', { issuer: 'https://accounts.google.com' }],
      ['the issuer with a slash', { issuer: 'SLASH' }],
      ['no issuer', { issuer: undefined }],
      ['keys elsewhere', { jwks_uri: `${elsewhere.url}/jwks` }],
      ['tokens elsewhere', { token_endpoint: `${elsewhere.url}/token` }],
      ['claims elsewhere', { userinfo_endpoint: `${elsewhere.url}/userinfo` }],
      ['keys at a host inside', { jwks_uri: 'http://169.254.169.254/latest' }],
      ['keys as a file', { jwks_uri: 'file:///etc/passwd' }],
      ['a script as the page to sign in at', { authorization_endpoint: 'javascript:alert(1)' }],
      ['no page to sign in at', { authorization_endpoint: undefined }],
      ['no keys', { jwks_uri: undefined }],
    ];
    for (const [label, discovery] of wrong) {
      const issuer = await startStandIn();
      issuer.be({ discovery: discovery.issuer === 'SLASH' ? { issuer: `${issuer.url}/` } : discovery });
      const server = await serverFor([entry('acme', issuer)]);
      assert.equal((await server.get('/oauth/acme/start')).body.code, 'provider_answer_invalid', label);
      assert.deepEqual(elsewhere.calls, [], label);
      await server.close();
      await issuer.stop();
    }
    const issuer = await startStandIn();
    issuer.be({ discovery: { jwks_uri: `${elsewhere.url}/jwks` } });
    const server = await serverFor([entry('acme', issuer, { hosts: [new URL(elsewhere.url).host] })]);
    assert.equal((await server.get('/oauth/acme/start')).status, 302);
  });

  test('it is asked for once, however many sign in at the same moment', async () => {
    const issuer = await startStandIn();
    const server = await serverFor([entry('acme', issuer)]);
    await times(20, () => server.get('/oauth/acme/start'));
    assert.deepEqual(issuer.calls, ['GET /.well-known/openid-configuration']);
    server.clock.advance(3601);
    await issuer.stop();
    assert.equal((await server.get('/oauth/acme/start')).status, 302); // what it said before is still believed
    await issuer.start();
  });
});

describe('a provider that does not answer as it should', () => {
  const bad: [string, string, (response: ServerResponse) => void][] = [
    ['a 500', 'provider_unavailable', (response) => response.writeHead(500).end('no')],
    ['200 with an error', 'provider_answer_invalid', (response) => send(response, { error: 'server_error' })],
    ['200 with an empty object', 'provider_answer_invalid', (response) => send(response, {})],
    ['200 with null', 'provider_answer_invalid', (response) => send(response, null)],
    [
      '200 with HTML',
      'provider_answer_invalid',
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    ],
    ['100 MB', 'provider_unavailable', flood],
    [
      'a redirect to itself',
      'provider_unavailable',
      (response) => response.writeHead(302, { location: '/token' }).end(),
    ],
    [
      'a redirect with the secret elsewhere',
      'provider_unavailable',
      (response) => response.writeHead(307, { location: 'http://169.254.169.254/' }).end(),
    ],
    ['a cut connection', 'provider_unavailable', (response) => response.destroy()],
  ];

  test('OCL-06 I-045 the sign-in is refused, nothing changes, and a return address hears of it', async () => {
    const cases = ['/token', '/jwks'].flatMap((path) =>
      bad
        .filter(([label]) => path === '/token' || label !== '200 with an error')
        .map(([label, code, answer]) => ({ path, label, code, answer })),
    );
    const issuers = await Promise.all(cases.map(() => startStandIn()));
    const server = await serverFor(issuers.map((one, index) => entry(`p${index}`, one)));
    const earlier = await footprint(server);
    for (const [index, { path, label, code, answer }] of cases.entries()) {
      issuers[index]?.be({
        claims: person(),
        take: (at, _request, response) => {
          if (at === path) answer(response);
          return at === path;
        },
      });
      const result = await signInAt(server, `p${index}`, { return_to: '/in' });
      assert.equal(param(result, 'error'), code, `${path}: ${label}`);
      assert.ok(!result.text.includes('html'));
    }
    assert.deepEqual(await footprint(server), earlier);
  });

  test('OCL-06 one that is slow costs at most five seconds', async () => {
    const { server, acme } = await startWithProviders();
    const earlier = await footprint(server);
    // It talks without end, a byte at a time: each read is in time, all of them are not.
    acme.be({
      take(at, _request, response) {
        if (at !== '/token') return false;
        response.writeHead(200, { 'content-type': 'application/json' });
        const drip = setInterval(() => response.write(' '), 200);
        response.on('close', () => clearInterval(drip));
        return true;
      },
    });
    const flow = await goThere(server, 'acme');
    const from = performance.now();
    const answer = await flow.who.visit(flow.callback);
    const ms = performance.now() - from;
    assert.deepEqual([answer.status, answer.body.code], [503, 'provider_unavailable']);
    assert.ok(ms > 3000 && ms < 6500, `${ms} ms`);
    assert.deepEqual(await footprint(server), earlier);
  });

  test('one that is down opens its circuit: answers come at once, other ways go on, and it closes again', async () => {
    const { server, acme, beta } = await startWithProviders();
    const user = await server.user();
    await acme.stop();
    for (let i = 0; i < 5; i++) assert.equal((await server.get('/oauth/acme/start')).body.code, 'provider_unavailable');
    await acme.start();
    acme.calls.length = 0;
    const { status, body, headers } = await server.get('/oauth/acme/start');
    assert.deepEqual([status, body.code], [503, 'provider_unavailable']);
    assert.ok(Number(headers.get('retry-after')) >= 25 && body.retry_after <= 30);
    assert.deepEqual(acme.calls, []);
    assert.equal((await server.post('/auth/login', { email: user.email, password: user.password })).status, 200);
    beta.be({ claims: person() });
    assert.equal((await signInAt(server, 'beta')).status, 200);
    server.clock.advance(31);
    acme.be({ claims: person() });
    assert.equal((await signInAt(server, 'acme')).status, 200);
  });

  test('what a stranger sends opens no circuit', async () => {
    const { server, acme } = await startWithProviders();
    acme.be({ claims: person(), answer: (params) => params.set('code', 'rubbish') });
    for (let i = 0; i < 12; i++) assert.equal((await signInAt(server, 'acme')).body.code, 'provider_answer_invalid');
    acme.be({ claims: person() });
    assert.equal((await signInAt(server, 'acme')).status, 200);
  });
});

describe('the keys of the provider', () => {
  test('OCL-12 new keys are found, and a flood of unknown ones asks once a minute', async () => {
    const { server, acme } = await startWithProviders();
    const fetches = () => acme.calls.filter((one) => one === 'GET /jwks').length;
    const signIn = (behaviour: Behaviour = {}) => {
      acme.be({ claims: person(), ...behaviour });
      return signInAt(server, 'acme');
    };
    assert.equal((await signIn()).status, 200);
    assert.equal((await signIn()).status, 200);
    assert.equal(fetches(), 1);
    let shift = 0;
    const real = Date.now;
    mock.method(Date, 'now', () => real() + shift);
    try {
      acme.be({ claims: person(), kid: 'unknown' });
      await times(10, () => signInAt(server, 'acme'));
      assert.equal(fetches(), 1);
      shift = 61_000;
      await times(10, () => signInAt(server, 'acme'));
      assert.equal(fetches(), 2);
      acme.rotate();
      shift = 122_000;
      assert.equal((await signIn()).status, 200);
      assert.equal(fetches(), 3);
    } finally {
      mock.restoreAll();
    }
  });
});

test('a sign-in takes one request to the provider, one statement to begin and three to come back', async () => {
  const { server, acme } = await startWithProviders();
  acme.be({ claims: person() });
  await signInAt(server, 'acme', { return_to: '/in' });
  await server.app.settle();
  acme.calls.length = 0;
  const statements = countStatements(server.app.house.db);
  const flow = await goThere(server, 'acme', { return_to: '/in' });
  const atStart = statements.splice(0);
  const answer = await flow.who.visit(flow.callback);
  assert.equal(answer.status, 302);
  assert.deepEqual(acme.calls, ['POST /token']);
  assert.deepEqual(atStart, ['INSERT auth.one_time_tokens']);
  assert.deepEqual(statements, ['UPDATE auth.one_time_tokens', 'UPDATE auth.identities', 'WITH auth.users']);
});

test('an identity that is removed while its person comes back lets nobody in', async () => {
  const { server, acme } = await startWithProviders();
  const { db } = server.app.house;
  const claims = person();
  acme.be({ claims });
  const { body } = await signInAt(server, 'acme');
  acme.be({ claims: { sub: claims.sub } });
  assert.equal((await signInAt(server, 'acme')).status, 200, 'it lets in as long as it is there');
  const query = db.query.bind(db);
  db.query = async (text, values) => {
    const rows = await query(text, values);
    if (/UPDATE auth\.identities i/.test(text)) {
      assert.equal(rows.length, 1);
      await db.execute('DELETE FROM auth.identities WHERE user_id = $1', [body.user.id]);
    }
    return rows as never[];
  };
  const answer = await signInAt(server, 'acme');
  assert.deepEqual(
    [answer.status, answer.body.code],
    [400, 'provider_answer_invalid'],
    'nobody is known, without an address',
  );
  const [sessions] = await query<{ count: number }>('SELECT count(*) FROM auth.sessions WHERE user_id = $1', [
    body.user.id,
  ]);
  assert.equal(sessions?.count, 2);
});

const BACKGROUND = /^\w+ (auth\.(changes|dev_inbox|outbox|jobs|signing_keys)|audit\.\w+|undefined)$/;

/** What is asked from now on, the workers apart: the verb, and the first table. */
function countStatements(db: Db): string[] {
  const statements: string[] = [];
  const tap = (sql: Sql): void => {
    for (const name of ['query', 'execute'] as const) {
      const ask = sql[name].bind(sql) as (text: string, values?: readonly unknown[]) => Promise<never>;
      sql[name] = (text: string, values?: readonly unknown[]) => {
        const asked = `${text.trim().split(/\s/)[0]} ${/(auth|audit)\.[a-z_]+/.exec(text)?.[0]}`;
        if (!BACKGROUND.test(asked)) statements.push(asked);
        return ask(text, values);
      };
    }
  };
  tap(db);
  const { transaction } = db;
  db.transaction = (work) => {
    statements.push('BEGIN');
    return transaction.call(db, (tx: Tx) => {
      tap(tx);
      return work(tx);
    }) as never;
  };
  return statements;
}

function send(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function flood(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const chunk = Buffer.alloc(1024 * 1024, ' ');
  let sent = 0;
  const more = (): void => {
    while (sent++ < 100) if (!response.write(chunk)) return void response.once('drain', more);
    response.end();
  };
  more();
}
