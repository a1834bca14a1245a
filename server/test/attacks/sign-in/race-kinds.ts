import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeAt, stepAt } from '../../../src/core/factors/index.ts';
import { authenticator } from '../../authenticator.ts';
import { codeFor, RETURN_TO, someVisitor } from './hub.ts';

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely, and fail where something is missing.
  body: any;
  headers: Headers;
}

interface Sent {
  body?: unknown;
  bearer?: string;
  cookie?: string;
}

/** A server of this process, or a process of its own: both are asked alike. */
export interface Racer {
  readonly url: string;
  call(method: string, path: string, sent?: Sent): Promise<Answer>;
  post(path: string, body?: unknown, sent?: Sent): Promise<Answer>;
}

/** One value, and what uses it: on whichever server, as often as it is asked. */
interface Race {
  use(server: Racer, at: number): Promise<Answer>;
  /** What must be true beside the one success. */
  afterwards?(server: Racer): Promise<void>;
}

export const USES = 50;
const PASSWORD = 'Quokka-lantern-42-violet';
const API = '/api/v1';
const someEmail = (): string => `race-${randomBytes(6).toString('hex')}@example.com`;

function ok(answer: Answer, ...statuses: number[]): Answer {
  assert.ok(statuses.includes(answer.status), `${answer.status} ${JSON.stringify(answer.body)}`);
  return answer;
}

/** What the newest mail to an address has to give. */
async function mailed(server: Racer, email: string): Promise<{ code: string; token: string }> {
  for (let tries = 0; tries < 300; tries++) {
    const { body } = await server.call('GET', `/dev/inbox/messages?to=${encodeURIComponent(email)}`);
    const [mail] = body.data;
    if (mail !== undefined) {
      const token = decodeURIComponent((mail.links[0] ?? '').split('#token=')[1] ?? '');
      return { code: mail.codes[0] ?? '', token };
    }
    await sleep(20);
  }
  throw new Error(`nothing was sent to ${email}`);
}

async function account(server: Racer): Promise<{ email: string; bearer: string }> {
  const email = someEmail();
  const { body } = ok(await server.post('/auth/register', { email, password: PASSWORD }), 201);
  return { email, bearer: body.access_token };
}

/** An account with an authenticator app, and five sign-ins of it that wait: each of them has five tries. */
async function guarded(server: Racer) {
  const { email, bearer } = await account(server);
  const { secret } = ok(await server.post('/me/mfa/totp', undefined, { bearer }), 200).body;
  const code = codeAt(secret, stepAt(Date.now()));
  const { recovery_codes } = ok(await server.post('/me/mfa/totp/confirm', { code }, { bearer }), 200).body;
  const waiting = await Promise.all(
    Array.from({ length: 5 }, async () => {
      return ok(await server.post('/auth/login', { email, password: PASSWORD }), 200).body.mfa_token as string;
    }),
  );
  return { bearer, secret, recoveryCodes: recovery_codes as string[], waiting };
}

/** The same code at both doors that take one: sign-ins that wait, and a session that proves itself again. */
const atBothDoors =
  (waiting: string[], bearer: string, factor: string, code: string): Race['use'] =>
  (server, at) =>
    at % 2 === 0
      ? server.post('/auth/mfa', { mfa_token: waiting[(at >> 1) % 5], factor, code })
      : server.post('/auth/reauthenticate', { factor, code }, { bearer });

async function atProvider(server: Racer, provider: string, verifier: string | null) {
  const code_challenge = createHash('sha256')
    .update(verifier ?? '')
    .digest('base64url');
  const query = verifier === null ? '' : `?${new URLSearchParams({ return_to: RETURN_TO, code_challenge })}`;
  const answer = await fetch(`${server.url}${API}/oauth/${provider}/start${query}`, { redirect: 'manual' });
  const state = new URL(answer.headers.get('location') as string).searchParams.get('state') as string;
  return { state, cookie: answer.headers.getSetCookie()[0]?.split(';')[0] as string };
}

/** Back from the provider, as far as the application's code or link token. */
async function returned(server: Racer, provider: string, email: string) {
  const verifier = randomBytes(32).toString('base64url');
  const { state, cookie } = await atProvider(server, provider, verifier);
  const query = new URLSearchParams({ state, code: codeFor(someVisitor(email)) });
  const answer = await fetch(`${server.url}/auth/callback/${provider}?${query}`, {
    headers: { cookie },
    redirect: 'manual',
  });
  return { verifier, query: new URL(answer.headers.get('location') as string).searchParams };
}

export const races: Record<string, (server: Racer) => Promise<Race>> = {
  'I-026 a recovery code': async (server) => {
    const { bearer, recoveryCodes, waiting } = await guarded(server);
    return {
      use: atBothDoors(waiting, bearer, 'recovery_code', recoveryCodes[0] as string),
      async afterwards(other) {
        const { body } = ok(await other.call('GET', `${API}/me/mfa`, { bearer }), 200);
        assert.equal(body.recovery_codes_left, 9, 'the set shrinks by exactly one');
      },
    };
  },
  'MFA-04 I-027 a TOTP code': async (server) => {
    const { bearer, secret, waiting } = await guarded(server);
    return { use: atBothDoors(waiting, bearer, 'totp', codeAt(secret, stepAt(Date.now()) + 1)) };
  },
  'a code by mail': async (server) => {
    const email = someEmail();
    const { flow } = ok(await server.post('/auth/otp', { email }), 202).body;
    const { code } = await mailed(server, email);
    return { use: (one) => one.post('/auth/otp/verify', { flow, code }) };
  },
  'a magic link': async (server) => {
    const email = someEmail();
    const { flow } = ok(await server.post('/auth/magic-link', { email }), 202).body;
    const { token } = await mailed(server, email);
    return { use: (one) => one.post('/auth/magic-link/verify', { flow, token }) };
  },
  'I-025 a provider state': async (server) => {
    const { state, cookie } = await atProvider(server, 'hub', null);
    const query = new URLSearchParams({ state, code: codeFor(someVisitor(someEmail())) });
    return { use: (one) => one.call('GET', `/auth/callback/hub?${query}`, { cookie }) };
  },
  'I-024 an exchange code': async (server) => {
    const { verifier, query } = await returned(server, 'hub', someEmail());
    return { use: (one) => one.post('/oauth/exchange', { code: query.get('code'), code_verifier: verifier }) };
  },
  'PK-03 a passkey challenge': async (server) => {
    const { bearer } = await account(server);
    const key = authenticator({ counts: false, isBackupEligible: true });
    const made = ok(await server.post('/me/passkeys/options', {}, { bearer }), 200).body;
    ok(await server.post('/me/passkeys', key.create(made), { bearer }), 201);
    const response = key.get(ok(await server.post('/auth/passkeys/options', {}), 200).body);
    return { use: (one) => one.post('/auth/passkeys/verify', response) };
  },
  'a link token': async (server) => {
    const { email, bearer } = await account(server);
    const { token } = await mailed(server, email);
    ok(await server.post('/auth/verify-email', { token }), 200);
    const { verifier, query } = await returned(server, 'elsewhere', email);
    const body = { link_token: query.get('link_token'), code_verifier: verifier };
    return { use: (one) => one.post('/me/identities', body, { bearer }) };
  },
};

/** One race: of fifty uses at once, spread over the servers, exactly one succeeds; the others are refused. */
export async function run(name: string, servers: readonly Racer[]): Promise<void> {
  const race = await (races[name] as (server: Racer) => Promise<Race>)(servers[0] as Racer);
  const answers = await Promise.all(
    Array.from({ length: USES }, (_, at) => race.use(servers[at % servers.length] as Racer, at)),
  );
  const successes = answers.filter(({ status }) => status < 300).length;
  const tally: Record<number, number> = {};
  for (const { status } of answers) tally[status] = (tally[status] ?? 0) + 1;
  assert.equal(successes, 1, `${name}: ${JSON.stringify(tally)}`);
  const others = answers.filter(({ status }) => status >= 300);
  assert.ok(
    others.every(({ status }) => status === 400 || status === 401 || status === 409),
    `${name}: ${JSON.stringify(tally)} ${JSON.stringify(others.find(({ status }) => status >= 500)?.body)}`,
  );
  await race.afterwards?.(servers.at(-1) as Racer);
}
