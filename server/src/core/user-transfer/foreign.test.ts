// engines: none
import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import { createPasswords } from '../passwords/index.ts';
import { judge } from './candidate.ts';
import { translate } from './foreign.ts';

const judging = { roles: new Set(['admin']), mayGrant: () => true, now: Date.parse('2026-01-01') };
const passwords = createPasswords({
  config: { PASSWORD_HASH: 'argon2id', BCRYPT_SALT_ROUNDS: 10, PASSWORD_MIN_LENGTH: 8, PASSWORD_BREACH_CHECK: false },
});

// The example of github.com/firebase/scrypt: parameters, salt and hash of the password `user1password`.
const project = {
  signerKey: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
  saltSeparator: 'Bw==',
  rounds: 8,
  memCost: 14,
};

test('a user of Firebase keeps the password, with the parameters of its project', async () => {
  const line = {
    localId: 'abc',
    email: 'Ada@Example.com',
    emailVerified: true,
    displayName: 'Ada',
    photoUrl: 'http://pictures.example.com/1',
    passwordHash: 'lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==',
    salt: '42xEC-ixf3L2lw==',
    createdAt: '1577934245006',
    providerUserInfo: [],
  };
  const user = judge(1, translate(line, project), judging);
  assert.deepEqual(
    [user.email, user.emailVerified, user.name, user.picture, user.createdAt],
    ['ada@example.com', true, 'Ada', null, 1577934245006],
  );
  assert.equal((await passwords.verify('user1password', user.passwordHash)).ok, true);
  assert.throws(() => judge(1, translate(line, undefined), judging), /form of the hash is not supported/);
});

test('a user of Keycloak keeps the password under PBKDF2 and under Argon2', async () => {
  const salt = Buffer.from('sixteen bytes...');
  const value = pbkdf2Sync('Quokka-lantern-42', salt, 1000, 64, 'sha256').toString('base64');
  const of = (secret: object, how: object): object => ({
    username: 'ada',
    email: 'ada@example.com',
    enabled: false,
    firstName: 'Ada',
    lastName: 'Lovelace',
    createdTimestamp: 1577934245006,
    credentials: [{ type: 'password', secretData: JSON.stringify(secret), credentialData: JSON.stringify(how) }],
  });
  const user = judge(
    1,
    translate(
      of({ value, salt: salt.toString('base64') }, { hashIterations: 1000, algorithm: 'pbkdf2-sha256' }) as never,
      undefined,
    ),
    judging,
  );
  assert.deepEqual([user.name, user.disabled], ['Ada Lovelace', true]);
  assert.equal((await passwords.verify('Quokka-lantern-42', user.passwordHash)).ok, true);

  const [, , , cost = '', saltText, hash] = (await passwords.hash('Quokka-lantern-42')).split('$');
  const [memory, passes, lanes] = cost.split(',').map((part) => part.split('=')[1]);
  const additionalParameters = { type: ['id'], version: ['1.3'], memory: [memory], parallelism: [lanes] };
  const modern = of(
    { value: hash, salt: saltText },
    { hashIterations: Number(passes), algorithm: 'argon2', additionalParameters },
  );
  const second = judge(1, translate(modern as never, undefined), judging);
  assert.equal((await passwords.verify('Quokka-lantern-42', second.passwordHash)).ok, true);
});

test('a user of Auth0 keeps a bcrypt hash, exported or given for import, and loses none to an unknown one', () => {
  const hash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';
  const exported = {
    _id: { $oid: 'x' },
    email: 'a@example.com',
    email_verified: true,
    passwordHash: hash,
    tenant: 'x',
  };
  assert.equal(judge(1, translate(exported, undefined), judging).passwordHash, hash);
  const custom = {
    email: 'a@example.com',
    blocked: true,
    custom_password_hash: { algorithm: 'bcrypt', hash: { value: hash } },
  };
  assert.deepEqual(
    [
      judge(1, translate(custom, undefined), judging).passwordHash,
      judge(1, translate(custom, undefined), judging).disabled,
    ],
    [hash, true],
  );
  const md5 = { email: 'a@example.com', custom_password_hash: { algorithm: 'md5', hash: { value: 'x' } } };
  assert.throws(() => judge(1, translate(md5, undefined), judging), /not supported/);
});

test('lines of our own stay as they are, and a field that is none is refused', () => {
  assert.throws(() => judge(1, translate({ email: 'a@example.com', admin: true }, undefined), judging), {
    field: 'admin',
  });
});
