import { readFileSync } from 'node:fs';
import https from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalServer } from '../local-server.ts';
import type { RowContext } from '../row.ts';

const PASSWORD = 'Quokka-lantern-42-violet';

/** A mail server that takes what goes to accepted.example and refuses the rest for good. */
export async function startMailServer(t: RowContext): Promise<number> {
  const server = createServer(converse);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function converse(socket: Socket): void {
  let [waiting, isData] = ['', false];
  const say = (text: string): void => void socket.write(`${text}\r\n`);
  socket.on('error', () => undefined);
  say('220 mail.example');
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (waiting + chunk).split('\r\n');
    waiting = lines.pop() ?? '';
    for (const line of lines) {
      if (isData && line !== '.') continue;
      if (isData) isData = false;
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'DATA') isData = true;
      if (verb === 'RCPT') say(line.includes('accepted.example') ? '250 ok' : '550 no such mailbox');
      else say(verb === 'DATA' ? '354 go on' : verb === 'QUIT' ? '221 bye' : '250 ok');
    }
  });
}

/** What a reverse proxy is for the probe of the site: TLS in front of one server. */
export async function startSite(t: RowContext, server: LocalServer): Promise<number> {
  await t.sh(`tls/self-signed.sh --out ${t.scratch}/site`, { cwd: t.deploy });
  const [key, cert] = ['private.key', 'certificate.crt'].map((name) => readFileSync(`${t.scratch}/site/${name}`));
  const site = https.createServer({ key, cert }, async (request, response) => {
    const answer = await fetch(`${server.url}${request.url}`).catch(() => null);
    response.writeHead(answer?.status ?? 502).end(await answer?.text());
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  t.after(() => site.close());
  return (site.address() as AddressInfo).port;
}

interface SignedIn {
  access_token: string;
  refresh_token: string;
}

/** People at work: registrations, sign-ins that succeed and fail, refreshes, sign-outs, and somebody who hits a limit. */
export async function makeTraffic(servers: readonly [LocalServer, LocalServer]): Promise<void> {
  const [one, two] = servers;
  const post = (server: LocalServer, path: string, body: unknown, token = ''): Promise<Response> =>
    fetch(`${server.url}/api/v1/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
  const addressOf = (index: number): string => `p${index}@${index % 3 === 0 ? 'accepted' : 'refused'}.example`;
  for (let index = 0; index < 18; index++) {
    await post(one, 'register', { email: addressOf(index), password: PASSWORD });
    await sleep(150);
  }
  for (let index = 0; index < 6; index++) {
    const answer = await post(two, 'login', { email: addressOf(index), password: PASSWORD });
    if (answer.status !== 200) throw new Error(`a sign-in failed: ${answer.status} ${await answer.text()}`);
    const { access_token, refresh_token } = (await answer.json()) as SignedIn;
    const me = { headers: { authorization: `Bearer ${access_token}` } };
    for (const server of [one, two, one]) await fetch(`${server.url}/api/v1/users/me`, me);
    const refreshed = (await (await post(one, 'refresh', { refresh_token })).json()) as SignedIn;
    await post(one, 'refresh', { refresh_token: 'rt_nonsense' });
    await post(one, 'logout', { refresh_token: refreshed.refresh_token }, refreshed.access_token);
    await sleep(200);
  }
  for (let index = 0; index < 40; index++)
    await post(index % 2 ? one : two, 'login', { email: addressOf(index % 3), password: 'not the password' });
}

/** More sign-ins at once than passwords can be hashed, each from an address of its own: the server answers some with 503. */
export async function overload(server: LocalServer): Promise<number> {
  const signIn = (index: number): Promise<Response> =>
    fetch(`${server.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': `198.51.100.${index + 1}` },
      body: JSON.stringify({ email: `n${index}@accepted.example`, password: 'not the password' }),
    });
  let refused = 0;
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => signIn(20 * round + index)));
    refused += answers.filter(({ status }) => status === 503).length;
    await sleep(1500);
  }
  return refused;
}
