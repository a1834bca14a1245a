import { createHash, randomBytes } from 'node:crypto';
import type { Answer, TestServer } from '../kit.ts';

/** A browser, as far as signing in at a provider takes one: cookies by origin, redirects that a test can look at. */
export interface Browser {
  visit(url: string, options?: { form?: Record<string, string>; headers?: Record<string, string> }): Promise<Answer>;
  /** The cookies that it would send to our server. */
  cookie(): string;
  set(name: string, value: string): void;
  /** Takes the cookies of an answer of ours that a page has fetched. */
  take(answer: Answer): void;
  names(): string[];
}

export function browser(server: TestServer): Browser {
  const jars = new Map<string, Map<string, string>>();
  const jarOf = (url: string): Map<string, string> => {
    const { origin } = new URL(url);
    const jar = jars.get(origin) ?? new Map<string, string>();
    jars.set(origin, jar);
    return jar;
  };
  const header = (jar: Map<string, string>): string => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const own = server.config.PUBLIC_URL;
  return {
    cookie: () => header(jarOf(own)),
    set: (name, value) => void jarOf(own).set(name, value),
    take: (answer) => keep(jarOf(own), answer.headers),
    names: () => [...jarOf(own).keys()],
    async visit(url, { form, headers = {} } = {}) {
      const jar = jarOf(url);
      // What the world calls PUBLIC_URL is the test's server.
      const reached = url.startsWith(own) ? server.url + url.slice(own.length) : url;
      const cookie = header(jar);
      const response = await fetch(reached, {
        method: form === undefined ? 'GET' : 'POST',
        redirect: 'manual',
        headers: { ...(cookie === '' ? {} : { cookie }), ...headers },
        ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
      });
      keep(jar, response.headers);
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: parse(text) };
    },
  };
}

function keep(jar: Map<string, string>, headers: Headers): void {
  for (const line of headers.getSetCookie()) {
    const [name = '', value = ''] = (line.split(';')[0] as string).split(/=(.*)/s);
    if (value === '' || /max-age=0/i.test(line)) jar.delete(name);
    else jar.set(name, value);
  }
}

export interface Flow {
  readonly who: Browser;
  /** The answer of our start. */
  readonly started: Answer;
  /** Where the provider sent the browser: our callback, with the provider's parameters. */
  readonly callback: string;
}

export function startUrl(server: TestServer, provider: string, query: Record<string, string> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `${server.config.PUBLIC_URL}${server.config.API_PREFIX}/oauth/${provider}/start${search === '' ? '' : `?${search}`}`;
}

/** From our start to the provider and back, but not into our callback yet. */
export async function goThere(
  server: TestServer,
  provider: string,
  query: Record<string, string> = {},
  who = browser(server),
): Promise<Flow> {
  const started = await who.visit(startUrl(server, provider, query));
  if (started.status !== 302) throw new Error(`start answered ${started.status}: ${started.text}`);
  return { who, started, callback: await throughProvider(server, who, started.headers.get('location') as string) };
}

export async function throughProvider(server: TestServer, who: Browser, url: string): Promise<string> {
  let next = url;
  for (let hops = 0; hops < 10; hops++) {
    const answer = await who.visit(next);
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`the provider answered ${answer.status}: ${answer.text.slice(0, 500)}`);
    next = new URL(location, next).href;
    if (next.startsWith(server.config.OAUTH_REDIRECT_URL)) return next;
  }
  throw new Error('the provider does not come to an end');
}

/** All of it: the answer of our callback. */
export async function signInAt(
  server: TestServer,
  provider: string,
  query: Record<string, string> = {},
  who?: Browser,
): Promise<Answer & { who: Browser; callback: string }> {
  const flow = await goThere(server, provider, query, who);
  return { ...(await flow.who.visit(flow.callback)), who: flow.who, callback: flow.callback };
}

/** A parameter of the address that an answer leads to. */
export function param(answer: Answer, name: string): string | null {
  const location = answer.headers.get('location');
  return location === null ? null : new URL(location).searchParams.get(name);
}

export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
