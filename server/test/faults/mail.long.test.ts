// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../test/run/free-port.ts';
import {
  figures,
  isLong,
  PASSWORD,
  percentile,
  type ServerProcess,
  serviceEnv,
  someEmail,
  spawnServer,
  startServer,
} from '../processes.ts';
import { atEnd, type PrivatePostgres, startPostgres, until } from '../programs.ts';
import { type ReceivedMail, startSmtpServer } from '../smtp-server.ts';

const KILLS = isLong ? 50 : 5;

let postgres: PrivatePostgres;
before(async () => {
  postgres = await startPostgres();
});

async function mailService(database: string): Promise<{ service: Record<string, string>; port: number }> {
  const port = await freePort();
  await postgres.sql(`CREATE DATABASE ${database}`);
  const service = serviceEnv({
    DATABASE_URL: postgres.url.replace(/postgres$/, database),
    EMAIL_SERVICE: 'smtp',
    EMAIL_FROM: 'noreply@example.com',
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: `${port}`,
    SMTP_SECURE: 'false',
    EMAIL_VERIFICATION: 'required',
    PASSWORD_HASH: 'bcrypt',
    BCRYPT_SALT_ROUNDS: '10',
  });
  return { service, port };
}

/** Registers until the server is gone; every address whose registration was acknowledged is owed a mail. */
async function registerUntil(server: ServerProcess, owed: string[], isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const email = someEmail();
    const answer = await server.post('/auth/register', { email, password: PASSWORD }).catch(() => null);
    if (answer === null) return;
    assert.equal(answer.status, 202);
    owed.push(email);
  }
}

const receivers = (mails: readonly ReceivedMail[]): Set<string> => new Set(mails.flatMap((mail) => mail.to));

test('F-68: a mail server that is away delays mails and nobody else; when it is back all arrive', async (t) => {
  const { service, port } = await mailService('mail_away');
  const server = await startServer(service);
  const owed: string[] = [];
  const waits: number[] = [];
  for (let turn = 0; turn < 15; turn++) {
    const email = someEmail();
    const answer = await server.post('/auth/register', { email, password: PASSWORD });
    assert.equal(answer.status, 202);
    owed.push(email);
    waits.push(answer.ms);
  }
  await sleep(1_000);
  const smtp = await startSmtpServer({}, port);
  atEnd(() => smtp.close());
  const ms = await until(() => owed.every((email) => receivers(smtp.received).has(email)), 40_000, 'delivery');
  assert.equal(smtp.received.length, owed.length);
  await server.kill();
  figures(t, {
    mails: owed.length,
    lost: 0,
    doubled: 0,
    'register p50 ms': percentile(waits, 0.5),
    'all delivered after ms': ms,
  });
});

test(`F-73: the server is killed ${KILLS} times while it registers and sends: no mail is lost, and doubles have one Message-ID`, async (t) => {
  const { service, port } = await mailService('mail_kills');
  const smtp = await startSmtpServer({}, port);
  atEnd(() => smtp.close());
  const owed: string[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    const server = await spawnServer(service);
    await server.ready();
    let isOver = false;
    const clients = [1, 2, 3].map(() => registerUntil(server, owed, () => isOver));
    await sleep(400 + ((kill * 37) % 500));
    isOver = true;
    await server.kill();
    await Promise.all(clients);
  }
  // What the last killed process had leased is free again after thirty seconds: not waited for here.
  await inMailDatabase();
  const last = await startServer(service);
  const ms = await until(() => owed.every((email) => receivers(smtp.received).has(email)), 40_000, 'delivery');
  await last.kill();
  for (const email of owed) {
    const ids = new Set(smtp.received.filter((mail) => mail.to.includes(email)).map((mail) => mail.messageId));
    assert.equal(ids.size, 1, `${email} got ${ids.size} different mails`);
  }
  const doubled = smtp.received.length - receivers(smtp.received).size;
  figures(t, { kills: KILLS, owed: owed.length, lost: 0, doubled, 'last delivered after ms': ms });
});

async function inMailDatabase(): Promise<void> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: postgres.url.replace(/postgres$/, 'mail_kills') });
  await client.connect();
  await client
    .query(`UPDATE auth.outbox SET locked_until = now() WHERE locked_until IS NOT NULL`)
    .finally(() => client.end());
}
