import assert from 'node:assert/strict';

const PASSWORD = 'Quokka-lantern-42-violet';

export interface Person {
  readonly cookie: string;
  readonly refreshToken: string;
}

/** Somebody with a session in a browser and another one in an application. */
export async function signUp(url: string, email: string): Promise<Person> {
  const registered = await post(url, 'register', { email, password: PASSWORD });
  assert.equal(registered.status, 201, JSON.stringify(registered.body));
  const browser = await post(url, 'login', { email, password: PASSWORD, session: 'cookie' });
  assert.equal(browser.status, 200, JSON.stringify(browser.body));
  return {
    cookie: browser.cookies.map((one) => one.split(';')[0]).join('; '),
    refreshToken: String(registered.body.refresh_token),
  };
}

/** The status of the question who it is, asked with the cookie. */
export async function cookieAnswer(url: string, { cookie }: Person): Promise<number> {
  return (await fetch(`${url}/api/v1/me`, { headers: { cookie } })).status;
}

/** The new token, or null where the old one is refused. */
export async function refreshed(url: string, person: Person): Promise<Person | null> {
  const { status, body } = await post(url, 'refresh', { refresh_token: person.refreshToken });
  if (status === 401) return null;
  assert.equal(status, 200, JSON.stringify(body));
  return { ...person, refreshToken: String(body.refresh_token) };
}

async function post(
  url: string,
  act: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown>; cookies: string[] }> {
  const answer = await fetch(`${url}/api/v1/auth/${act}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return {
    status: answer.status,
    body: (await answer.json()) as Record<string, unknown>,
    cookies: answer.headers.getSetCookie(),
  };
}
