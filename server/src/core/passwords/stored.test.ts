import assert from 'node:assert/strict';
import { argon2Sync, pbkdf2Sync, scryptSync } from 'node:crypto';
import test from 'node:test';
import { loadArgon2 } from './argon2.ts';
import { createPasswords } from './passwords.ts';
import type { Argon2Hash } from './stored.ts';
import { inspectHash, parseHash } from './stored.ts';

const config = {
  PASSWORD_HASH: 'argon2id',
  BCRYPT_SALT_ROUNDS: 4,
  PASSWORD_MIN_LENGTH: 8,
  PASSWORD_BREACH_CHECK: false,
} as const;
const passwords = createPasswords({ config });

const b64 = (bytes: string | Buffer) =>
  Buffer.from(bytes as string)
    .toString('base64')
    .replaceAll('=', '');
const hex = (text: string) => b64(Buffer.from(text, 'hex'));
const bcryptOfUU = '05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
const firebase =
  '$firebase-scrypt$ln=14,r=8,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==' +
  '$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==';

const published: [source: string, kind: string, password: string, stored: string][] = [
  ['bcrypt, crypt_blowfish', 'bcrypt', 'U*U', `$2a$${bcryptOfUU}`],
  ['bcrypt, 2b', 'bcrypt', 'U*U', `$2b$${bcryptOfUU}`],
  ['bcrypt, 2y', 'bcrypt', 'U*U', `$2y$${bcryptOfUU}`],
  ['bcrypt, crypt_blowfish', 'bcrypt', 'U*U*U', '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a'],
  [
    'scrypt, RFC 7914 section 12',
    'scrypt',
    'pleaseletmein',
    `$scrypt$ln=14,r=8,p=1$${b64('SodiumChloride')}$${hex('7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887')}`,
  ],
  ['Firebase, its scrypt repository', 'firebase-scrypt', 'user1password', firebase],
  [
    'PBKDF2, RFC 6070',
    'pbkdf2',
    'password',
    `$pbkdf2-sha1$i=4096$${b64('salt')}$${hex('4b007901b765489abead49d926f721d065a429c1')}`,
  ],
  [
    'PBKDF2, RFC 6070 as passlib writes it',
    'pbkdf2',
    'password',
    `$pbkdf2$4096$${b64('salt')}$${hex('4b007901b765489abead49d926f721d065a429c1')}`,
  ],
  [
    'PBKDF2, RFC 7914 section 11',
    'pbkdf2',
    'passwd',
    `$pbkdf2-sha256$i=1$${b64('salt')}$${hex('55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783')}`,
  ],
  [
    'argon2i 1.3, reference implementation',
    'argon2i',
    'password',
    '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA',
  ],
  [
    'argon2i 1.0, reference implementation',
    'argon2i',
    'password',
    '$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ',
  ],
  [
    'argon2id, reference implementation',
    'argon2id',
    'password',
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  ],
];

for (const [source, kind, password, stored] of published) {
  test(`the published vector verifies once and asks for an upgrade: ${source}, ${stored.slice(0, 20)}`, async () => {
    assert.deepEqual(inspectHash(stored), { ok: true, kind });
    assert.deepEqual(await passwords.verify(password, stored), { ok: true, rehash: true });
    assert.deepEqual(await passwords.verify(`${password} `, stored), { ok: false, rehash: false });
  });
}

test('what node:crypto derives verifies: argon2d, Django, PBKDF2-SHA-512, scrypt with two lanes', async () => {
  const salt = 'sodium chloride!';
  const argon2d = argon2Sync('argon2d', {
    message: 'lantern',
    nonce: salt,
    memory: 64,
    passes: 3,
    parallelism: 2,
    tagLength: 32,
  });
  const stored = [
    `$argon2d$v=19$m=64,t=3,p=2$${b64(salt)}$${b64(argon2d)}`,
    `pbkdf2_sha256$1000$${salt}$${pbkdf2Sync('lantern', salt, 1000, 32, 'sha256').toString('base64')}`,
    `$pbkdf2-sha512$i=1000$${b64(salt)}$${b64(pbkdf2Sync('lantern', salt, 1000, 64, 'sha512'))}`,
    `$scrypt$ln=10,r=8,p=2$${b64(salt)}$${b64(scryptSync('lantern', salt, 32, { N: 1024, r: 8, p: 2 }))}`,
  ];
  for (const hash of stored) {
    assert.deepEqual(await passwords.verify('lantern', hash), { ok: true, rehash: true });
    assert.deepEqual(await passwords.verify('Lantern', hash), { ok: false, rehash: false });
  }
});

test('an imported hash of a decomposed spelling verifies as it was sent', async () => {
  const sent = 'crème brûlée'.normalize('NFD');
  const stored = `$pbkdf2-sha256$i=1000$${b64('sodium')}$${b64(pbkdf2Sync(sent, 'sodium', 1000, 32, 'sha256'))}`;
  assert.deepEqual(await passwords.verify(sent, stored), { ok: true, rehash: true });
  assert.deepEqual(await passwords.verify(sent.normalize('NFC'), stored), { ok: false, rehash: false });
});

test('hashes that would cost too much, or prove nothing, are refused without being run', () => {
  const salt = b64('sodium chloride!');
  const hash = b64(Buffer.alloc(32, 7));
  const refused: [string, RegExp][] = [
    [`$argon2id$v=19$m=4194304,t=2,p=1$${salt}$${hash}`, /m is over/],
    [`$argon2id$v=19$m=19456,t=1000000,p=1$${salt}$${hash}`, /t is over/],
    [`$argon2id$v=19$m=19456,t=2,p=255$${salt}$${hash}`, /p is over/],
    [`$argon2id$v=19$m=9,t=2,p=2$${salt}$${hash}`, /under 8 times/],
    [`$argon2id$v=19$m=19456,t=2,p=1$${b64('short')}$${hash}`, /salt/],
    [`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${b64('short')}`, /hash is not from/],
    [`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${b64(Buffer.alloc(129))}`, /hash is not from/],
    [`$2b$31$${bcryptOfUU.slice(3)}`, /cost/],
    [`$2b$03$${bcryptOfUU.slice(3)}`, /cost/],
    [`$scrypt$ln=18,r=8,p=1$${salt}$${hash}`, /128 MiB/],
    [`$scrypt$ln=4294967295,r=1,p=1$${salt}$${hash}`, /ln is over/],
    [`$scrypt$ln=14,r=8,p=16$${salt}$${hash}`, /p is over/],
    [firebase.replace('ln=14', 'ln=20'), /128 MiB/],
    [firebase.replace('jxspr8Ki', ''), /signer key/],
    [`$pbkdf2-sha256$i=2000001$${salt}$${hash}`, /iterations/],
    [`$pbkdf2-sha1$i=1999999$${salt}$${hash}`, /iterations/],
    [`pbkdf2_sha256$1000$abc$${hash}`, /salt/],
    ['x'.repeat(1_025), /longer/],
  ];
  for (const [stored, problem] of refused) {
    const inspection = inspectHash(stored);
    assert.ok(!inspection.ok && problem.test(inspection.problem), stored.slice(0, 60));
  }
});

test('what is malformed, unsupported or fast is refused', () => {
  const malformed = [
    '',
    '$',
    '$$$$',
    '$argon2id$',
    '5f4dcc3b5aa765d61d8327deb882cf99',
    '$1$salt$qJH7.N4xYta3aEG/dfqo/0',
    '{SSHA}abcdefgh',
    'password',
    '$argon2id$v=18$m=64,t=1,p=1$c29kaXVtc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    '$argon2id$v=19$m=-1,t=1,p=1$c29kaXVtc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    '$argon2id$v=19$m=64,t=1,p=1,data=AAAA$c29kaXVtc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    `$2x$${bcryptOfUU}`,
    `$2b$${bcryptOfUU}x`,
    `$2b$${bcryptOfUU}\n`,
    `$2b$${bcryptOfUU.slice(0, -1)}X`,
    `$bcrypt-sha384$$2b$${bcryptOfUU}`,
    firebase.replace('ss=Bw==,', ''),
    '$pbkdf2-md5$i=1000$c29kaXVtc2FsdA$AAAAAAAAAAAAAAAAAAAAAA',
    '$pbkdf2-sha256$i=1e3$c29kaXVt$AAAAAAAAAAAAAAAAAAAAAA',
  ];
  for (const stored of malformed) assert.equal(inspectHash(stored).ok, false, stored);
});

test('where the native module does not load, node:crypto derives the same bytes', async () => {
  const fallback = await loadArgon2(() => Promise.reject(new Error('no binary for this platform')));
  const native = await loadArgon2();
  assert.deepEqual([native.engine, fallback.engine], ['native', 'node']);
  const stored = parseHash(
    '$argon2id$v=19$m=128,t=2,p=2$c29kaXVtc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ) as Argon2Hash;
  for (const kind of ['argon2id', 'argon2i', 'argon2d'] as const) {
    const [one, other] = [
      await native.derive('lantern', { ...stored, kind }, 32),
      await fallback.derive('lantern', { ...stored, kind }, 32),
    ];
    assert.deepEqual(one, other);
  }
  await assert.rejects(fallback.derive('lantern', { ...stored, version: 16 }, 32), /version 1.0/);
});
