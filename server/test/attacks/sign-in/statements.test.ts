// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Db, Sql, Tx } from '../../../src/platform/db/index.ts';
import { enrolTotp, firstFactor, nextCode, showFactor } from '../../factors.ts';
import { PASSWORD, type TestServer } from '../../kit.ts';
import { goThere } from '../../providers/browser.ts';
import { startWithProviders } from '../../providers/kit.ts';
import { byMail } from './mail-tools.ts';
import { personWithPasskey, requestOptions } from './passkey-tools.ts';

let server: TestServer;
const statements: string[] = [];
before(async () => {
  const providers = await startWithProviders();
  server = providers.server;
  providers.acme.be({ claims: { email: 'ada@corp.test', email_verified: true } });
  tap(server.db);
});

// Mails and audit lines leave behind the answer; what the workers ask for then is not the sign-in's.
const BACKGROUND = /^(?!WITH\s+(audited|login)\b).*(auth\.(outbox|dev_inbox|jobs)|audit\.)/s;

function note(text: string): void {
  if (!BACKGROUND.test(text)) statements.push(text);
}

function tapSql(sql: Sql): void {
  const { query, execute } = sql;
  sql.query = (text, values) => {
    note(text);
    return query.call(sql, text, values) as never;
  };
  sql.execute = (text, values) => {
    note(text);
    return execute.call(sql, text, values);
  };
}

/** Every statement of the server from here on; a transaction costs two more round trips. */
function tap(db: Db): void {
  tapSql(db);
  const { transaction } = db;
  db.transaction = (work) => {
    statements.push('BEGIN', 'COMMIT');
    return transaction.call(db, (tx: Tx) => {
      tapSql(tx);
      return work(tx);
    }) as never;
  };
}

async function counted(work: () => Promise<{ status: number; text: string }>): Promise<number> {
  await server.app.settle();
  statements.length = 0;
  const answer = await work();
  assert.ok(answer.status < 400, answer.text);
  return statements.length;
}

/** Round trips to PostgreSQL, BEGIN and COMMIT included: more than these is a step back. */
const AT_MOST: Record<string, number> = {
  'password, known device': 2,
  'password, first step of two': 7,
  'second step: TOTP': 18,
  'second step: recovery code': 18,
  'magic link: ask': 6,
  'magic link: use': 12,
  'mail code: use': 12,
  'passkey: options': 1,
  'passkey: verify': 12,
  'provider: start': 1,
  'provider: callback, known person': 3,
};

test('no way to sign in takes more statements than it did', async () => {
  // Twice: a job of the house may run beside one of them, and does not run beside both.
  const [once, again] = [await measure(), await measure()];
  for (const [step, most] of Object.entries(AT_MOST)) {
    const seen = Math.min(once[step] as number, again[step] as number);
    assert.ok(seen <= most, `${step}: ${seen} statements, at most ${most}`);
  }
});

async function measure(): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  const ada = await server.user();
  const password = { email: ada.email, password: PASSWORD };
  seen['password, known device'] = await counted(() =>
    server.post('/auth/login', { ...password, device_token: ada.deviceToken }),
  );

  const mail = byMail(server);
  seen['magic link: ask'] = await counted(() => mail.askLink(ada.email));
  const link = await mail.link(ada.email);
  const { flow, token } = link;
  seen['magic link: use'] = await counted(() => mail.useLink({ flow, token, device_token: ada.deviceToken }));
  const code = await mail.code(ada.email);
  seen['mail code: use'] = await counted(() => mail.useCode({ ...code, device_token: ada.deviceToken }));

  const { key } = await personWithPasskey(server);
  const options = await requestOptions(server);
  seen['passkey: options'] = await counted(() => server.post('/auth/passkeys/options', {}));
  const response = key.get(options);
  seen['passkey: verify'] = await counted(() => server.post('/auth/passkeys/verify', response));

  const { who, callback } = await goThere(server, 'acme');
  assert.equal((await who.visit(callback)).status, 200);
  const again = await goThere(server, 'acme', {}, who);
  seen['provider: callback, known person'] = await counted(() => again.who.visit(again.callback));
  seen['provider: start'] = await counted(() => server.get('/oauth/acme/start'));

  const { secret, recoveryCodes } = await enrolTotp(server, ada);
  seen['password, first step of two'] = await counted(() => server.post('/auth/login', password));
  const device = { device_token: ada.deviceToken };
  const waiting = await firstFactor(server, ada, device);
  const totp = nextCode(server, secret);
  seen['second step: TOTP'] = await counted(() => showFactor(server, waiting, 'totp', totp, device));
  const other = await firstFactor(server, ada, device);
  seen['second step: recovery code'] = await counted(() =>
    showFactor(server, other, 'recovery_code', recoveryCodes[0] as string, device),
  );
  return seen;
}
