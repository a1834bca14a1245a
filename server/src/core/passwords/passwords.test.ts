import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import test from 'node:test';
import { Refusal } from '../../lib/refusal.ts';
import { createPasswords } from './passwords.ts';

const config = {
  PASSWORD_HASH: 'argon2id',
  BCRYPT_SALT_ROUNDS: 4,
  PASSWORD_MIN_LENGTH: 8,
  PASSWORD_BREACH_CHECK: false,
} as const;
const byArgon2 = createPasswords({ config });
const byBcrypt = createPasswords({ config: { ...config, PASSWORD_HASH: 'bcrypt' } });
const both = { argon2id: byArgon2, bcrypt: byBcrypt };

const right = { ok: true, rehash: false };
const upgrade = { ok: true, rehash: true };
const wrong = { ok: false, rehash: false };

for (const [name, passwords] of Object.entries(both)) {
  test(`${name}: a password verifies exactly as it was set, and each hash has its own salt`, async () => {
    const password = ' Lantern otter 🦦 basalt ';
    const stored = await passwords.hash(password);
    assert.notEqual(await passwords.hash(password), stored);
    assert.deepEqual(await passwords.verify(password, stored), right);
    for (const other of [password.trim(), password.toLowerCase(), `${password} `, password.slice(0, -1), '']) {
      assert.deepEqual(await passwords.verify(other, stored), wrong);
    }
  });

  test(`${name}: passwords that are equal in their first 72 bytes are different, up to 256 characters`, async () => {
    const stem = 'é'.repeat(36);
    const stored = await passwords.hash(`${stem}a`);
    assert.deepEqual(await passwords.verify(`${stem}a`, stored), right);
    assert.deepEqual(await passwords.verify(`${stem}b`, stored), wrong);
    assert.deepEqual(await passwords.verify(stem, stored), wrong);
    const longest = '🦦'.repeat(256);
    assert.deepEqual(await passwords.verify(longest, await passwords.hash(longest)), right);
    assert.deepEqual(await passwords.verify('🦦'.repeat(255), await passwords.hash(longest)), wrong);
  });

  test(`${name}: NUL and lone surrogates are never hashed and never equal to anything`, async () => {
    for (const password of ['abc\0def', 'abc\ud800def', 'x'.repeat(257), 'x'.repeat(1_000_000)]) {
      await assert.rejects(
        passwords.hash(password),
        (error) => error instanceof Refusal && error.code === 'password_rejected',
      );
    }
    const stored = await Promise.all(
      ['abc', 'abc\ufffddef', '', 'x'.repeat(256)].map((password) => passwords.hash(password)),
    );
    for (const hash of stored) {
      for (const password of ['abc\0def', 'abc\0', '\0', 'abc\ud800def', 'abc\udc00def', 'x'.repeat(257)]) {
        assert.deepEqual(await passwords.verify(password, hash), wrong);
      }
    }
  });

  test(`${name}: composed and decomposed spelling are one password, look-alikes of NFKC are not`, async () => {
    const [composed, decomposed] = ['crème brûlée'.normalize('NFC'), 'crème brûlée'.normalize('NFD')];
    assert.deepEqual(await passwords.verify(decomposed, await passwords.hash(composed)), right);
    assert.deepEqual(await passwords.verify(composed, await passwords.hash(decomposed)), right);
    assert.deepEqual(await passwords.verify('lantern²', await passwords.hash('lantern2')), wrong);
  });

  test(`${name}: no password is right for an account that is not there`, async () => {
    for (const password of ['', 'lantern', 'x'.repeat(1_000_000)])
      assert.deepEqual(await passwords.verify(password, null), wrong);
  });
}

test('a hash of another kind or price asks to be made again', async () => {
  const [argon2, bcrypt] = await Promise.all([byArgon2.hash('lantern otter'), byBcrypt.hash('lantern otter')]);
  assert.match(argon2, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.match(bcrypt, /^\$bcrypt-sha384\$2[by]\$04\$[./A-Za-z0-9]{53}$/);
  assert.deepEqual(await byArgon2.verify('lantern otter', bcrypt), upgrade);
  assert.deepEqual(await byBcrypt.verify('lantern otter', argon2), upgrade);
  const dearer = createPasswords({ config: { ...config, PASSWORD_HASH: 'bcrypt', BCRYPT_SALT_ROUNDS: 5 } });
  assert.deepEqual(await dearer.verify('lantern otter', bcrypt), upgrade);
  assert.deepEqual(await dearer.verify('lantern OTTER', bcrypt), wrong);
});

test('a bcrypt hash of ours cannot be tried with the digest of the password', async () => {
  const stored = await byBcrypt.hash('lantern otter');
  const digest = createHash('sha384').update('lantern otter').digest('base64');
  assert.deepEqual(await byBcrypt.verify(digest, stored.replace('$bcrypt-sha384', '')), wrong);
});

test('a stored hash that is damaged or over the ceilings is never run, and reported', async () => {
  const problems: string[] = [];
  const passwords = createPasswords({ config, metrics: { unusableHash: (problem) => void problems.push(problem) } });
  const started = performance.now();
  assert.deepEqual(
    await passwords.verify(
      'lantern',
      '$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    ),
    wrong,
  );
  assert.deepEqual(await passwords.verify('lantern', '$argon2id$'), wrong);
  assert.ok(performance.now() - started < 2_000);
  assert.equal(problems.length, 2);
});

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

test('an unknown account takes as long as a known one, for usable and unusable passwords', async (t) => {
  const stored = await byArgon2.hash('lantern otter');
  for (const password of ['lantern', 'crème brûlée'.normalize('NFD'), 'x'.repeat(65_536)]) {
    const times: [number[], number[]] = [[], []];
    for (let sample = 0; sample < 50; sample += 1) {
      for (const [index, hash] of [stored, null].entries()) {
        const started = performance.now();
        await byArgon2.verify(password, hash);
        times[index]?.push(performance.now() - started);
      }
    }
    const [known, unknown] = times.map(median) as [number, number];
    t.diagnostic(
      `${password.length} characters: known ${known.toFixed(2)} ms, unknown ${unknown.toFixed(2)} ms (medians of 50)`,
    );
    // Wide, because the machine may be busy with other tests; a missing decoy would be a factor of a hundred.
    assert.ok(unknown > known * 0.6 && unknown < known / 0.6);
  }
});

test('200 logins at once: a bounded queue, busy for the rest, and an event loop that stays free', async (t) => {
  const passwords = createPasswords({ config: { ...config, HASH_CONCURRENCY: 2, HASH_QUEUE: 64 } });
  const stored = await passwords.hash('lantern otter');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = process.cpuUsage();
  const attempts = Promise.allSettled(Array.from({ length: 200 }, () => passwords.verify('lantern otter', stored)));
  assert.deepEqual(passwords.stats(), { running: 2, queued: 64, rejected: 134 });
  const results = await attempts;
  const used = process.cpuUsage(before);
  delay.disable();
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 134);
  assert.ok(
    refused.every(
      ({ reason }) => reason instanceof Refusal && reason.status === 503 && Number(reason.options.retryAfter) >= 1,
    ),
  );
  assert.ok(results.every((result) => result.status === 'rejected' || result.value.ok));
  const p99 = delay.percentile(99) / 1e6;
  t.diagnostic(
    `event loop p99 ${p99.toFixed(1)} ms; CPU per hash ${((used.user + used.system) / 1_000 / 66).toFixed(1)} ms`,
  );
  assert.ok(p99 < 250);
});
