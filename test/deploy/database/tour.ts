import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

export const PASSWORD = 'violet-umbrella-73-harbour';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export async function ask(url: string, path: string, body?: object, bearer?: unknown): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : {} };
}

export async function logIn(url: string, email: string): Promise<{ access: string; refresh: string }> {
  const { status, body } = await ask(url, '/api/v1/auth/login', { email, password: PASSWORD });
  assert.equal(status, 200, JSON.stringify(body));
  return { access: body.access_token as string, refresh: body.refresh_token as string };
}

/** Registers and confirms the address by the link in the mail. */
export async function register(url: string, email: string): Promise<void> {
  const { status } = await ask(url, '/api/v1/auth/register', { email, password: PASSWORD, name: 'Ada' });
  assert.equal(status, 202);
  const token = await tokenFromMail(url, email);
  assert.equal((await ask(url, '/api/v1/auth/verify-email', { token })).status, 200);
}

async function tokenFromMail(url: string, email: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const { body } = await ask(url, `/dev/inbox/messages?to=${encodeURIComponent(email)}`);
    const [mail] = body.data as { links: string[] }[];
    const token = mail?.links.map((link) => new URL(link).hash.slice('#token='.length)).find((text) => text !== '');
    if (token !== undefined) return token;
    await sleep(100);
  }
  throw new Error(`no mail for ${email}`);
}

/** What a person does from the first day to the last: every kind of writing that the server does for one. */
export async function tour(url: string, email: string): Promise<void> {
  await register(url, email);
  const wrong = await ask(url, '/api/v1/auth/login', { email, password: `${PASSWORD}!` });
  assert.equal(wrong.status, 401);
  const { access, refresh } = await logIn(url, email);
  assert.equal((await ask(url, '/api/v1/me', undefined, access)).status, 200);
  const renewed = await ask(url, '/api/v1/auth/refresh', { refresh_token: refresh });
  assert.equal(renewed.status, 200);
  const token = renewed.body.access_token;
  assert.equal((await ask(url, '/api/v1/auth/password/forgot', { email })).status, 202);
  assert.equal((await ask(url, '/api/v1/auth/logout', {}, token)).status, 204);
  assert.equal((await ask(url, '/api/v1/me', undefined, token)).status, 401);
}
