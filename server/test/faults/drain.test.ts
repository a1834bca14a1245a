// engines: none
import assert from 'node:assert/strict';
import { Agent, request as httpRequest } from 'node:http';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  figures,
  PASSWORD,
  type Person,
  percentile,
  register,
  type ServerProcess,
  serviceEnv,
  startServer,
} from '../processes.ts';
import { type PrivatePostgres, startPostgres } from '../programs.ts';

let postgres: PrivatePostgres;
let service: Record<string, string>;
before(async () => {
  postgres = await startPostgres();
  service = serviceEnv({ DATABASE_URL: postgres.url });
});

interface Outcome {
  status: number | null;
  /** Why there was no answer. */
  code?: string;
  closes: boolean;
}

function send(
  server: ServerProcess,
  agent: Agent,
  method: string,
  path: string,
  bearer: string,
  body?: unknown,
): Promise<Outcome> {
  return new Promise((done) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${bearer}`,
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(text)}` }),
    };
    const asked = httpRequest(
      { host: '127.0.0.1', port: server.port, agent, method, path: `/api/v1${path}`, headers },
      (answer) => {
        answer
          .resume()
          .on('end', () => done({ status: answer.statusCode ?? 0, closes: answer.headers.connection === 'close' }));
      },
    );
    asked.on('error', (error: NodeJS.ErrnoException) => done({ status: null, code: error.code ?? '', closes: false }));
    asked.end(text);
  });
}

/** Clients that keep their connections, until the door is closed. */
async function client(server: ServerProcess, person: Person, outcomes: Outcome[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let turn = 0; ; turn++) {
    const outcome =
      turn % 10 === 9
        ? await send(server, agent, 'POST', '/auth/login', person.access, { email: person.email, password: PASSWORD })
        : turn % 3 === 0
          ? await send(server, agent, 'PATCH', '/me', person.access, { name: `Name ${turn}` })
          : await send(server, agent, 'GET', '/me', person.access);
    if (outcome.code === 'ECONNREFUSED') break;
    outcomes.push(outcome);
    if (outcome.status === null) break;
  }
  agent.destroy();
}

/**
 * Whatever the server took in was answered, and the answer arrived. What it never took in may be sent again elsewhere: a
 * refused connection, or one that was reset before it carried anything, or while it was idle.
 */
function check(
  server: ServerProcess,
  outcomes: readonly Outcome[],
): { requests: number; failed: number; 'never taken in': number } {
  const missed = outcomes.filter((one) => one.status === null);
  assert.deepEqual(
    outcomes.filter((one) => (one.status ?? 0) >= 500),
    [],
  );
  assert.deepEqual(
    missed.filter((one) => one.code !== 'ECONNRESET'),
    [],
  );
  assert.ok(missed.length <= 6, 'one for each client at most: afterwards it is refused');
  const taken = server
    .lines()
    .filter((line) => line.message === 'request' && /\/(me|auth\/login)$/.test(String(line.route)));
  assert.equal(taken.length, outcomes.length - missed.length, 'taken in by the server, answered at the client');
  return { requests: outcomes.length, failed: 0, 'never taken in': missed.length };
}

test('F-06: SIGTERM under load: readiness goes off, what was accepted is answered, the exit is clean', async (t) => {
  const server = await startServer(service, { SHUTDOWN_DELAY: '1s', SHUTDOWN_GRACE: '10s', LOG_LEVEL: 'info' });
  const people = await Promise.all(Array.from({ length: 6 }, () => register(server)));
  const outcomes: Outcome[] = [];
  const clients = people.map((person) => client(server, person, outcomes));
  await sleep(1_000);
  const before = outcomes.length;
  const from = performance.now();
  server.signal('SIGTERM');
  await sleep(200);
  const ready = await server.call('GET', '/ready');
  assert.deepEqual([ready.status, ready.body.status], [503, 'draining']);
  const exit = await server.exited;
  const drained = performance.now() - from;
  await Promise.all(clients);
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.ok(drained < 10_000);
  assert.ok(
    outcomes.slice(before + 20).some((one) => one.closes),
    'answers while draining ask to connect elsewhere',
  );
  figures(t, { ...check(server, outcomes), 'while draining': outcomes.length - before, 'drained in ms': drained });
});

test('without a delay, too, each request that was accepted is answered', async (t) => {
  const server = await startServer(service, { SHUTDOWN_DELAY: '0s', LOG_LEVEL: 'info' });
  const people = await Promise.all(Array.from({ length: 6 }, () => register(server)));
  const outcomes: Outcome[] = [];
  const clients = people.map((person) => client(server, person, outcomes));
  await sleep(500);
  const from = performance.now();
  server.signal('SIGTERM');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  const drained = performance.now() - from;
  await Promise.all(clients);
  figures(t, { ...check(server, outcomes), 'drained in ms': drained });
});

test('SIGTERM while the database hangs ends within the grace, with exit code 0', async (t) => {
  const server = await startServer(service, { SHUTDOWN_GRACE: '4s' });
  const person = await register(server);
  postgres.signalAll('SIGSTOP');
  const asked = server.call('PATCH', '/api/v1/me', { bearer: person.access, body: { name: 'Ada' } }).catch(() => null);
  await sleep(100);
  const from = performance.now();
  server.signal('SIGTERM');
  const exit = await server.exited;
  const ms = performance.now() - from;
  postgres.signalAll('SIGCONT');
  await asked;
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.ok(ms < 5_000);
  figures(t, { 'ended after ms': ms });
});

test('F-10: of 300 sign-ins at once the excess is told when to come back, and nobody else waits for them', async (t) => {
  const server = await startServer(service);
  const person = await register(server);
  let token = person.refresh;
  const waits: Record<'refresh' | 'me' | 'health', number[]> = { refresh: [], me: [], health: [] };
  let isOver = false;
  const others = (async () => {
    while (!isOver) {
      const refreshed = await server.post('/auth/refresh', { refresh_token: token });
      assert.equal(refreshed.status, 200);
      token = refreshed.body.refresh_token;
      const me = await server.get('/me', { bearer: refreshed.body.access_token });
      const health = await server.call('GET', '/health');
      assert.deepEqual([me.status, health.status], [200, 200]);
      waits.refresh.push(refreshed.ms);
      waits.me.push(me.ms);
      waits.health.push(health.ms);
      await sleep(10);
    }
  })();
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, at) =>
      server.post('/auth/login', { email: `nobody-${at}@example.com`, password: PASSWORD }),
    ),
  );
  isOver = true;
  await others;
  const busy = answers.filter((one) => one.status === 503);
  const verified = answers.filter((one) => one.status === 401);
  assert.equal(busy.length + verified.length, 300);
  assert.ok(busy.length > 100 && verified.length > 10);
  assert.ok(busy.every((one) => Number(one.headers.get('retry-after')) >= 1));
  assert.ok(Math.max(...answers.map((one) => one.ms)) < 5_000);
  figures(t, {
    verified: verified.length,
    busy: busy.length,
    'busy p50 ms': percentile(
      busy.map((one) => one.ms),
      0.5,
    ),
    'sign-in max ms': Math.max(...answers.map((one) => one.ms)),
    'refreshes meanwhile': waits.refresh.length,
    'refresh p50 ms': percentile(waits.refresh, 0.5),
    'refresh p99 ms': percentile(waits.refresh, 0.99),
    'me p99 ms': percentile(waits.me, 0.99),
    'health p99 ms': percentile(waits.health, 0.99),
  });
  assert.ok(percentile(waits.refresh, 0.99) < 1_000);
});
