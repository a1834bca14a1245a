// engines: postgres
// The embedded database has one process, and these are about several; its SQL is the same.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, test } from 'node:test';
import { testClock, testDatabase } from '../../../test/kit.ts';
import { openCache } from '../../platform/cache/index.ts';
import { type Db, migrate } from '../../platform/db/index.ts';
import { openPostgres } from '../../platform/db/postgres.ts';
import { createEncryption, type Encryption } from '../../platform/encryption.ts';
import { createChanges } from '../changes/index.ts';
import { createKeys, JWKS_MAX_AGE, type Keys } from './index.ts';

const LIFETIME = 900;
const DAY = 24 * 3600;
const clock = testClock();
let db: Db;
let encryption: Encryption;
let open: () => Promise<Keys & { refresh(): Promise<void> }>;

beforeEach(async (t) => {
  const database = await testDatabase();
  const closers: (() => Promise<unknown>)[] = [];
  db = database.db;
  encryption = createEncryption([randomBytes(32)]);
  await migrate(db, database.settings as never, clock);
  // Another process: a pool, a feed and a memory of its own.
  open = async () => {
    const own = openPostgres(database.settings as never, () => undefined);
    const cache = openCache(null, { clock, log: null as never });
    const changes = createChanges({ db: own, cache, clock, onError: () => undefined });
    const keys = createKeys({
      db: own,
      encryption,
      clock,
      changes,
      config: { jwtKeys: { kind: 'managed' }, JWT_EXPIRES_IN: LIFETIME },
    });
    await keys.start();
    await changes.start();
    closers.push(async () => {
      await changes.stop();
      await own.close();
    });
    return Object.assign(keys, { refresh: () => changes.refresh() });
  };
  (t as { after(fn: () => Promise<void>): void }).after(async () => {
    for (const close of closers) await close();
    await db.close();
    await database.drop();
  });
});

const rotate = (keys: Keys, immediately = false) => db.transaction((tx) => keys.rotate(tx, { immediately }));
const revoke = (keys: Keys, kid: string) => db.transaction((tx) => keys.revoke(tx, kid));
const published = (keys: Keys) =>
  keys
    .jwks()
    .keys.map((key) => key.kid as string)
    .sort();
const verifying = (keys: Keys) =>
  keys
    .verifiers()
    .map((key) => key.kid)
    .sort();

/** Until the other process has heard of it: the feed promises a second. */
async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 1_000;
  while (!holds() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(holds(), 'within a second');
}

test('several processes that start at once on an empty database agree on one key', async () => {
  const processes = await Promise.all([open(), open(), open(), open()]);
  const kids = new Set(processes.map((keys) => keys.signer().kid));
  assert.equal(kids.size, 1);
  assert.equal((await processes[0].list()).length, 1);
});

test('a new key is published to every process before it signs, and signs in all of them from the same moment', async () => {
  const [one, two] = [await open(), await open()];
  const before = one.signer().kid;
  const kid = await rotate(one);
  await until(() => [one, two].every((keys) => published(keys).includes(kid)));
  for (const keys of [one, two]) assert.deepEqual([keys.signer().kid, verifying(keys).includes(kid)], [before, true]);
  clock.advance(JWKS_MAX_AGE);
  for (const keys of [one, two]) assert.equal(keys.signer().kid, kid);
});

test('a retired key verifies until the last token that it signed has expired, and no longer', async () => {
  const keys = await open();
  const before = keys.signer().kid;
  const kid = await rotate(keys);
  await keys.reload();
  clock.advance(JWKS_MAX_AGE + LIFETIME);
  assert.deepEqual(verifying(keys), [before, kid].sort());
  assert.deepEqual(published(keys), [before, kid].sort());
  clock.advance(61);
  assert.deepEqual([verifying(keys), published(keys)], [[kid], [kid]]);
});

test('a revoked key verifies nothing in any process within a second, and another one signs', async () => {
  const [one, two] = [await open(), await open()];
  const bad = one.signer().kid;
  assert.equal(await revoke(one, bad), true);
  await until(() => [one, two].every((keys) => !verifying(keys).includes(bad) && !published(keys).includes(bad)));
  assert.equal(one.signer().kid, two.signer().kid);
  assert.notEqual(one.signer().kid, bad);
  assert.equal(await revoke(one, bad), false, 'once');
  assert.equal(await revoke(one, 'unknown'), false);
});

test('when the successor is revoked before it signs, the present key goes on signing past its end', async () => {
  const keys = await open();
  const present = keys.signer().kid;
  const successor = await rotate(keys);
  await revoke(keys, successor);
  await keys.reload();
  clock.advance(JWKS_MAX_AGE + LIFETIME + DAY);
  assert.equal(keys.signer().kid, present);
  assert.deepEqual(verifying(keys), [present]);
});

test('when the present key is revoked while its successor waits, a new one signs at once', async () => {
  const keys = await open();
  const present = keys.signer().kid;
  const successor = await rotate(keys);
  await revoke(keys, present);
  await keys.reload();
  const now = keys.signer().kid;
  assert.ok(![present, successor].includes(now));
  clock.advance(JWKS_MAX_AGE + 1);
  assert.ok(verifying(keys).includes(keys.signer().kid));
});

test('an immediate rotation signs with the new key at once, and the old one still verifies', async () => {
  const keys = await open();
  const before = keys.signer().kid;
  const kid = await rotate(keys, true);
  await keys.reload();
  assert.equal(keys.signer().kid, kid);
  assert.ok(verifying(keys).includes(before));
});

test('after ninety days one process makes the next key, and the others hear of it', async () => {
  const [one, two] = [await open(), await open()];
  const before = two.signer().kid;
  await one.maintain();
  assert.equal((await one.list()).length, 1, 'not before');
  clock.advance(90 * DAY + 1);
  await Promise.all([one.maintain(), two.maintain()]);
  assert.equal((await one.list()).length, 2, 'one, though both were at it');
  const three = await open();
  clock.advance(JWKS_MAX_AGE + 1);
  assert.equal(new Set([one, two, three].map((keys) => keys.signer().kid)).size, 1);
  assert.notEqual(two.signer().kid, before);
});

test('housekeeping in one process alone is enough for all of them', async () => {
  const [one, two] = [await open(), await open()];
  clock.advance(90 * DAY + 1);
  await one.maintain();
  await until(() => published(two).length === 2);
  clock.advance(JWKS_MAX_AGE + 1);
  assert.equal(one.signer().kid, two.signer().kid);
});

test('private keys lie encrypted in the database, and open with no other ENCRYPTION_KEY', async () => {
  const keys = await open();
  const [row] = await keys.list();
  assert.ok(row);
  assert.doesNotMatch(row.private_sealed, /PRIVATE|BEGIN|MC4C/);
  assert.deepEqual(Object.keys(row.public_jwk).sort(), ['crv', 'kty', 'x']);
  encryption = createEncryption([randomBytes(32)]);
  await assert.rejects(open());
});
