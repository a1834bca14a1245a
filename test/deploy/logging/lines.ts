import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installation, launch, type Place, startServer, until } from '../local-server.ts';

export const PASSWORD = 'Quokka-lantern-42-violet';

export interface Collected {
  readonly lines: readonly string[];
  /** What must not stand in any of them. */
  readonly secrets: readonly string[];
}

/**
 * Lines of a real server of every kind that there is: of its start, warnings about settings, requests good and bad, audit
 * checkpoints, mails that cannot be sent, an error with its stack, its end; and the last words of one that could not start.
 */
export async function collectLines(place: Place, tls: { key: string; cert: string }): Promise<Collected> {
  const settings = installation({
    SSL_KEY_PATH: tls.key,
    SSL_CERT_PATH: tls.cert,
    EMAIL_SERVICE: 'smtp',
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: '1',
    SMTP_REQUIRE_TLS: 'false',
    LOG_FILE: join(place.scratch, 'logs/app.log'),
    LOG_LEVEL: 'debug',
    DB_POOL_MAXX: '5',
  });
  const server = await startServer(place, 'server', settings);
  const tokens = await visit(server.port);
  writeFileSync(tls.key, 'this is no key');
  server.process.kill('SIGHUP');
  const has = (text: string) => () => server.output.stdout.includes(text);
  await until(has('could not be reloaded'), 'the refusal of a key that is none');
  await until(has('audit checkpoint'), 'an audit checkpoint');
  await until(has('mails wait'), 'the news that mails wait', 30);
  const other = await launch(place, 'other', {
    ...settings,
    SSL_KEY_PATH: '',
    SSL_CERT_PATH: '',
    PORT: `${server.port}`,
  });
  await until(() => other.process.exitCode !== null, 'the end of a server whose port is taken', 60);
  await server.stop();
  rmSync(tls.key);
  const texts = [server.output.stdout, other.output.stdout].flatMap((text) => text.split('\n'));
  // In development the start is also told to people.
  const lines = texts.filter((line) => line.startsWith('{'));
  const values = ['JWT_REFRESH_SECRET', 'SESSION_SECRET', 'CSRF_SECRET', 'ENCRYPTION_KEY'].map(
    (name) => settings[name],
  );
  return { lines, secrets: [PASSWORD, ...tokens, ...values.map(String)] };
}

async function visit(port: number): Promise<string[]> {
  const { request } = await import('node:https');
  const ask = (method: string, path: string, body?: unknown, bearer = ''): Promise<Record<string, string>> =>
    new Promise((done, fail) => {
      const headers = {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(bearer && { authorization: `Bearer ${bearer}` }),
      };
      const asking = request(
        { host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          answer.on('end', () => done(/json/.test(answer.headers['content-type'] ?? '') ? JSON.parse(text) : {}));
        },
      );
      asking.once('error', fail);
      asking.end(body === undefined ? undefined : JSON.stringify(body));
    });
  const person = { email: 'ada@example.com', password: PASSWORD };
  const { access_token = '', refresh_token = '' } = await ask('POST', '/api/v1/auth/register', person);
  if (access_token === '') throw new Error('the registration gave no token');
  await ask('GET', '/api/v1/users/me', undefined, access_token);
  await ask('POST', '/api/v1/auth/login', { ...person, password: 'not it' });
  await ask('GET', `/nowhere?token=${access_token}`);
  await ask('POST', '/api/v1/auth/forgot-password', { email: person.email });
  const next = await ask('POST', '/api/v1/auth/refresh', { refresh_token });
  return [access_token, refresh_token, String(next.refresh_token)];
}
