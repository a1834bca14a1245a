import { cookiesOf } from '../answers.ts';
import { type Answer, ask, CONNECTIONS, isOk, request } from '../load.ts';
import { PASSWORD } from '../password.ts';
import { ACCOUNTS, emailOf, type Place } from '../place.ts';
import { type Lane, loadLane } from '../rounds.ts';

export const OURS = {
  me: 'GET /me by bearer token',
  meByCookie: 'GET /me by cookie',
  refresh: 'POST /auth/refresh',
  login: 'POST /auth/login, known device',
  loginNew: 'POST /auth/login, new device, mail queued',
  register: 'POST /auth/register, mail queued',
  registerSent: 'POST /auth/register, mail sent',
} as const;

export const PREFIX = '/api/v1';
/** Seconds after the load in which what it left to the background (sealing the audit lines) still counts. */
export const SETTLE = 1.2;

export async function me(place: Place): Promise<Lane> {
  const { url, pid } = await place.ours();
  return loadLane(OURS.me, { subject: pid, stores: place.stores }, async () => {
    const answers = await signInAll(url, {});
    const requests = answers.map((answer) =>
      request(url, {
        path: `${PREFIX}/me`,
        headers: { authorization: `Bearer ${field(answer, 'access_token')}` },
      }),
    );
    return { url, next: (connection) => requests[connection] as Buffer };
  });
}

export async function meByCookie(place: Place): Promise<Lane> {
  const { url, pid } = await place.ours();
  return loadLane(OURS.meByCookie, { subject: pid, stores: place.stores }, async () => {
    const answers = await signInAll(url, { session: 'cookie' });
    const requests = answers.map((answer) =>
      request(url, { path: `${PREFIX}/me`, headers: { cookie: cookiesOf(answer) } }),
    );
    return { url, next: (connection) => requests[connection] as Buffer };
  });
}

export async function refresh(place: Place): Promise<Lane> {
  const { url, pid } = await place.ours();
  const watched = { subject: pid, stores: place.stores, settle: SETTLE };
  return loadLane(OURS.refresh, watched, async () => {
    const tokens = (await signInAll(url, {})).map((answer) => field(answer, 'refresh_token'));
    return { url, ...refreshing(url, tokens) };
  });
}

/** Each connection renews its own session, with the token that it got last. */
export function refreshing(url: string, tokens: string[]) {
  const path = `${PREFIX}/auth/refresh`;
  return {
    next: (connection: number): Buffer =>
      request(url, { method: 'POST', path, body: `{"refresh_token":"${tokens[connection]}"}` }),
    check(answer: Answer, connection: number): string | null {
      if (answer.status === 200) tokens[connection] = field(answer, 'refresh_token');
      return isOk(answer);
    },
  };
}

/** As an application does that has signed in here before: with the device token of the last answer. */
export async function login(place: Place): Promise<Lane> {
  const { url, pid } = await place.ours();
  const devices = new Map<number, string>();
  const { accounts } = place;
  const traffic = loggingIn(url, devices, accounts);
  const watched = { subject: pid, stores: place.stores, settle: SETTLE };
  return loadLane(OURS.login, watched, async () => {
    for (let account = 0; account < accounts && devices.size < accounts; account += CONNECTIONS) {
      const some = await signInAll(url, {}, account);
      for (const [index, answer] of some.entries()) devices.set(account + index, field(answer, 'device_token'));
    }
    return { url, ...traffic };
  });
}

export async function loginFromNewDevice(place: Place): Promise<Lane> {
  const { url, pid } = await place.oursWithoutMail();
  const watched = { subject: pid, stores: place.stores, settle: SETTLE };
  return loadLane(OURS.loginNew, watched, () => ({ url, ...loggingIn(url) }));
}

/** Every connection goes through accounts of its own. */
export function loggingIn(url: string, devices?: Map<number, string>, accounts = ACCOUNTS) {
  const turns = new Array<number>(CONNECTIONS).fill(0);
  const accountOf = (connection: number): number =>
    connection + CONNECTIONS * ((turns[connection] ?? 0) % (accounts / CONNECTIONS));
  return {
    next(connection: number): Buffer {
      const account = accountOf(connection);
      const device = devices?.get(account);
      const body = {
        email: emailOf(account),
        password: PASSWORD,
        ...(device === undefined ? {} : { device_token: device }),
      };
      return request(url, { method: 'POST', path: `${PREFIX}/auth/login`, body });
    },
    check(answer: Answer, connection: number): string | null {
      if (answer.status === 200) devices?.set(accountOf(connection), field(answer, 'device_token'));
      turns[connection] = (turns[connection] ?? 0) + 1;
      return isOk(answer);
    },
  };
}

export async function register(place: Place): Promise<Lane> {
  const { url, pid } = await place.oursWithoutMail();
  const watched = { subject: pid, stores: place.stores, settle: SETTLE };
  return loadLane(OURS.register, watched, () => ({ url, ...registering(url) }));
}

/** The same with the sending of the mails: the lane ends when the last one is taken. */
export async function registerSent(place: Place): Promise<Lane> {
  const { server, sink } = await place.oursWithMail();
  let sent = 0;
  const traffic = registering(server.url, () => {
    sent += 1;
  });
  const watched = { subject: server.pid, stores: place.stores, settle: () => sink.taken() >= sent };
  return loadLane(OURS.registerSent, watched, () => ({ url: server.url, ...traffic }));
}

let registered = 0;

function registering(url: string, done: () => void = () => undefined) {
  return {
    next(): Buffer {
      registered += 1;
      const body = { email: `new-${registered}@example.com`, password: PASSWORD, name: `Person ${registered}` };
      return request(url, { method: 'POST', path: `${PREFIX}/auth/register`, body });
    },
    check({ status }: Answer): string | null {
      done();
      return status === 202 ? null : `unexpected answer ${status}`;
    },
  };
}

/** One account for each connection; a few at a time, so that no server is too busy for it on a busy machine. */
export async function signInAll(url: string, more: Record<string, string>, from = 0): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let index = 0; index < CONNECTIONS; index += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, (_, offset) => signIn(url, from + index + offset, more));
    answers.push(...(await Promise.all(some)));
  }
  return answers;
}

const AT_ONCE = 4;

async function signIn(url: string, account: number, more: Record<string, string>): Promise<Answer> {
  const body = { email: emailOf(account), password: PASSWORD, ...more };
  const answer = await ask(url, { method: 'POST', path: `${PREFIX}/auth/login`, body });
  if (answer.status !== 200) throw new Error(`a sign-in answered ${answer.status}:\n${answer.body}`);
  return answer;
}

/** A text field of a JSON answer, found without reading the whole. */
export function field({ body }: Answer, name: string): string {
  const start = body.indexOf(`"${name}":"`) + name.length + 4;
  if (start < name.length + 4) throw new Error(`there is no ${name} in ${body.slice(0, 500)}`);
  return body.slice(start, body.indexOf('"', start));
}
