import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { startServer, type TestServer, type TestUser } from '../../../test/kit.ts';
import { as } from './test-kit.ts';

let server: TestServer;
let admin: TestUser;
let ada: TestUser;
let call: ReturnType<typeof as>;
before(async () => {
  server = await startServer();
  admin = await server.admin();
  call = as(server, admin);
  ada = await server.user();
  for (let i = 0; i < 3; i++) await server.post('/auth/login', { email: ada.email, password: 'wrong' });
  await call('POST', `/users/${ada.id}/verify-email`);
  await server.app.settle();
});

type Line = {
  id: string;
  action: string;
  outcome: string;
  at: string;
  subject: string | null;
  actor: { id: string | null };
};

test('the log is searched by user, actor, action, outcome, address, request and time', async () => {
  const find = async (query: string): Promise<Line[]> => {
    const answer = await call('GET', `/audit?limit=100&${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.body.data;
  };
  const mine = await find(`user=${ada.id}`);
  assert.ok(mine.length >= 5 && mine.every(({ subject }) => subject === ada.id));
  const failed = await find(`user=${ada.id}&action=session.login_failed`);
  assert.equal(failed.length, 3);
  assert.ok((await find(`actor=${ada.id}`)).every(({ actor }) => actor.id === ada.id));
  assert.ok((await find('action=session.*')).every(({ action }) => action.startsWith('session.')));
  assert.ok((await find('outcome=failure')).every(({ outcome }) => outcome === 'failure'));
  assert.ok((await find('address=127.0.0.1')).length > 0);
  assert.deepEqual(await find('address=203.0.113.99'), []);
  const [newest] = mine;
  assert.deepEqual(
    (await find(`user=${ada.id}&from=${newest?.at}`)).map(({ id }) => id),
    [newest?.id],
  );
  assert.equal((await find(`user=${ada.id}&to=${newest?.at}`)).length, mine.length - 1);
});

test('pages follow on each other, and a cursor fits only its own search', async () => {
  const whole = (await call('GET', '/audit?limit=100')).body.data as Line[];
  const first = await call('GET', '/audit?limit=4');
  const second = await call('GET', `/audit?limit=4&cursor=${first.body.next_cursor}`);
  const ids = [...first.body.data, ...second.body.data].map((line: Line) => line.id);
  assert.deepEqual(
    ids,
    whole.slice(0, 8).map(({ id }) => id),
  );
  assert.equal((await call('GET', `/audit?limit=4&outcome=failure&cursor=${first.body.next_cursor}`)).status, 400);
});

test('what the contract does not name is refused', async () => {
  const bad = [
    'limit=0',
    'limit=101',
    'user=x',
    'actor=1',
    'action=no.such',
    "action=session.login'--",
    'outcome=maybe',
    'from=yesterday',
    'to=2026-13-45T00:00:00Z',
    'format=xml',
    'address=%00',
    'sort=id',
    'cursor=x',
  ];
  for (const query of bad) {
    const answer = await call('GET', `/audit?${query}`);
    assert.equal(answer.status, 400, `${query}: ${answer.text.slice(0, 200)}`);
  }
});

test('everything that is found is exported as NDJSON and as CSV, and the export is a line itself', async () => {
  const lines = (await call('GET', `/audit?user=${ada.id}&limit=100`)).body.data;
  const ndjson = await call('GET', `/audit?user=${ada.id}&format=ndjson`);
  assert.match(ndjson.headers.get('content-type') ?? '', /^application\/x-ndjson/);
  assert.match(ndjson.headers.get('content-disposition') ?? '', /^attachment/);
  assert.equal(ndjson.headers.get('cache-control'), 'no-store');
  assert.deepEqual(
    ndjson.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    lines,
  );
  const csv = await call('GET', `/audit?user=${ada.id}&format=csv`);
  assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/);
  const rows = csv.text.trimEnd().split('\r\n');
  assert.match(rows[0] as string, /^seq,id,at,action,/);
  assert.equal(rows.length, lines.length + 1);
  assert.equal((await server.audit('audit.exported')).length, 2);
  assert.equal(
    (await call('GET', '/audit?format=csv&user=x')).body.code,
    'validation_failed',
    'refused before the stream begins',
  );
});

test('the chain is verified, and a changed line is found', async () => {
  await server.app.settle();
  const good = await call('GET', '/audit/verify');
  assert.equal(good.body.ok, true, good.text);
  assert.ok(good.body.lines > 5);
  assert.match(good.body.head.hash, /^[0-9a-f]{64}$/);
  await server.db.script(`ALTER TABLE audit.events DISABLE TRIGGER append_only;
    UPDATE audit.events SET outcome = 'success' WHERE action = 'session.login_failed';
    ALTER TABLE audit.events ENABLE TRIGGER append_only`);
  const bad = await call('GET', '/audit/verify');
  assert.equal(bad.body.ok, false);
  assert.ok(
    bad.body.faults.some(({ kind }: { kind: string }) => kind === 'changed'),
    JSON.stringify(bad.body.faults),
  );
});
