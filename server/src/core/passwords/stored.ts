/**
 * The forms in which a password hash may be stored, ours and those of other systems. Reading one never runs it; a hash
 * that would cost more than the ceilings is refused here, at import and again before each verification, because whoever
 * can write a hash could otherwise name a price that stops the server.
 */
export type StoredHash = Argon2Hash | BcryptHash | ScryptHash | FirebaseHash | Pbkdf2Hash;
export type HashKind = StoredHash['kind'];

export interface Argon2Hash {
  kind: 'argon2id' | 'argon2i' | 'argon2d';
  version: 16 | 19;
  memory: number;
  passes: number;
  lanes: number;
  salt: Buffer;
  hash: Buffer;
}

/** `text` is the plain `$2b$…` string; `bcrypt-sha384` is our own form, see bcrypt.ts. */
export interface BcryptHash {
  kind: 'bcrypt' | 'bcrypt-sha384';
  cost: number;
  text: string;
}

export interface ScryptHash {
  kind: 'scrypt';
  logN: number;
  blockSize: number;
  lanes: number;
  salt: Buffer;
  hash: Buffer;
}

/** Firebase's scrypt derives a key that encrypts the project's signer key; the ciphertext is the hash. */
export interface FirebaseHash {
  kind: 'firebase-scrypt';
  logN: number;
  blockSize: number;
  separator: Buffer;
  signerKey: Buffer;
  salt: Buffer;
  hash: Buffer;
}

export interface Pbkdf2Hash {
  kind: 'pbkdf2';
  digest: 'sha1' | 'sha256' | 'sha512';
  iterations: number;
  salt: Buffer;
  hash: Buffer;
}

export type Inspection = { ok: true; kind: HashKind } | { ok: false; problem: string };

/** Whether a hash from elsewhere could be verified here, and within the ceilings. Never runs it. */
export function inspectHash(stored: string): Inspection {
  const parsed = parseHash(stored);
  return typeof parsed === 'string' ? { ok: false, problem: parsed } : { ok: true, kind: parsed.kind };
}

/** The parts of a stored hash, or the problem with it in words. */
export function parseHash(stored: string): StoredHash | string {
  if (stored.length > 1_024) return 'the hash is longer than 1024 characters';
  for (const [form, read] of forms) {
    const match = form.exec(stored);
    if (match?.groups) return read(match.groups as Record<string, string>);
  }
  return 'the form of the hash is not supported (argon2, bcrypt, scrypt, firebase-scrypt or pbkdf2 as documented)';
}

type Reader = (part: Record<string, string>) => StoredHash | string;

/*
 * $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>                     PHC; without v= it is version 1.0
 * $2b$12$<22 of salt><31 of hash>                                   bcrypt, 2a, 2b, 2y
 * $bcrypt-sha384$2b$12$<22 of salt><31 of hash>                     ours
 * $scrypt$ln=15,r=8,p=1$<salt>$<hash>                               PHC
 * $firebase-scrypt$ln=14,r=8,ss=<separator>,sk=<signer key>$<salt>$<hash>
 *                                                                   ln, r, ss, sk: mem_cost, rounds, base64_salt_separator,
 *                                                                   base64_signer_key of the project's export
 * $pbkdf2-sha256$i=600000$<salt>$<hash>                             PHC; passlib's form without i= too; also sha1, sha512
 * pbkdf2_sha256$600000$<salt as text>$<hash>                        Django
 */
const number = (name: string) => `(?<${name}>[1-9]\\d{0,9})`;
const base64 = (name: string) => `(?<${name}>[A-Za-z0-9+/]+={0,2})`;
// What bcrypt's alphabet can say in the last character: four bits of the salt and two of the hash stay zero.
const bcrypt = `(?<text>\\$2[aby]\\$(?<cost>\\d\\d)\\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26])`;
const tail = `\\$${base64('salt')}\\$${base64('hash')}$`;

const forms: readonly (readonly [RegExp, Reader])[] = [
  [
    new RegExp(
      `^\\$(?<kind>argon2(?:id|i|d))(?:\\$v=(?<v>16|19))?\\$m=${number('m')},t=${number('t')},p=${number('p')}${tail}`,
    ),
    readArgon2,
  ],
  [new RegExp(`^(?<ours>\\$bcrypt-sha384)?${bcrypt}$`), readBcrypt],
  [new RegExp(`^\\$scrypt\\$ln=${number('ln')},r=${number('r')},p=${number('p')}${tail}`), readScrypt],
  [
    new RegExp(
      `^\\$firebase-scrypt\\$ln=${number('ln')},r=${number('r')},ss=(?<ss>[A-Za-z0-9+/]*={0,2}),sk=${base64('sk')}${tail}`,
    ),
    readFirebase,
  ],
  [
    new RegExp(
      `^\\$pbkdf2(?:-(?<digest>sha1|sha256|sha512))?\\$(?:i=)?${number('i')}\\$(?<salt>[A-Za-z0-9+/.]+={0,2})\\$(?<hash>[A-Za-z0-9+/.]+={0,2})$`,
    ),
    readPbkdf2,
  ],
  [
    new RegExp(`^pbkdf2_(?<digest>sha1|sha256|sha512)\\$${number('i')}\\$(?<text>[^$]+)\\$${base64('hash')}$`),
    readPbkdf2,
  ],
];

function readArgon2(part: Record<string, string>): StoredHash | string {
  const parsed: Argon2Hash = {
    kind: part.kind as Argon2Hash['kind'],
    version: part.v === '19' ? 19 : 16,
    memory: Number(part.m),
    passes: Number(part.t),
    lanes: Number(part.p),
    ...sizes(part),
  };
  if (parsed.memory > 262_144) return 'argon2: m is over 262144 KiB';
  if (parsed.passes > 10) return 'argon2: t is over 10';
  if (parsed.lanes > 4) return 'argon2: p is over 4';
  if (parsed.memory < 8 * parsed.lanes) return 'argon2: m is under 8 times p';
  if (parsed.salt.length < 8) return 'argon2: the salt is shorter than 8 bytes';
  return sizeProblem(parsed) ?? parsed;
}

function readBcrypt(part: Record<string, string>): StoredHash | string {
  const cost = Number(part.cost);
  if (cost < 4 || cost > 15) return 'bcrypt: the cost is not from 4 to 15';
  return { kind: part.ours === undefined ? 'bcrypt' : 'bcrypt-sha384', cost, text: part.text ?? '' };
}

function readScrypt(part: Record<string, string>): StoredHash | string {
  const parsed: ScryptHash = {
    kind: 'scrypt',
    logN: Number(part.ln),
    blockSize: Number(part.r),
    lanes: Number(part.p),
    ...sizes(part),
  };
  if (parsed.lanes > 4) return 'scrypt: p is over 4';
  return scryptProblem(parsed) ?? sizeProblem(parsed) ?? parsed;
}

function readFirebase(part: Record<string, string>): StoredHash | string {
  const parsed: FirebaseHash = {
    kind: 'firebase-scrypt',
    logN: Number(part.ln),
    blockSize: Number(part.r),
    separator: Buffer.from(part.ss ?? '', 'base64'),
    signerKey: Buffer.from(part.sk ?? '', 'base64'),
    ...sizes(part),
  };
  if (parsed.signerKey.length !== parsed.hash.length)
    return 'firebase-scrypt: the hash is not as long as the signer key';
  return scryptProblem(parsed) ?? sizeProblem(parsed) ?? parsed;
}

function readPbkdf2(part: Record<string, string>): StoredHash | string {
  const digest = (part.digest ?? 'sha1') as Pbkdf2Hash['digest'];
  const bytes = { sha1: 20, sha256: 32, sha512: 64 }[digest];
  const { salt, hash } = sizes({
    salt: part.salt?.replaceAll('.', '+') ?? '',
    hash: part.hash?.replaceAll('.', '+') ?? '',
  });
  const parsed: Pbkdf2Hash = {
    kind: 'pbkdf2',
    digest,
    iterations: Number(part.i),
    salt: part.text === undefined ? salt : Buffer.from(part.text),
    hash,
  };
  // Each block of output runs all iterations again (RFC 8018, section 5.2).
  if (parsed.iterations * Math.ceil(hash.length / bytes) > 2_000_000) return 'pbkdf2: the iterations are over 2000000';
  return sizeProblem(parsed) ?? parsed;
}

function sizes(part: Record<string, string>): { salt: Buffer; hash: Buffer } {
  return { salt: Buffer.from(part.salt ?? '', 'base64'), hash: Buffer.from(part.hash ?? '', 'base64') };
}

/** 128 · N · r bytes (RFC 7914, section 2), at most 128 MiB. */
function scryptProblem(parsed: { logN: number; blockSize: number }): string | null {
  if (parsed.logN > 20) return 'scrypt: ln is over 20';
  return 128 * 2 ** parsed.logN * parsed.blockSize > 128 * 2 ** 20 ? 'scrypt: it takes more than 128 MiB' : null;
}

/** A short hash is a guess that comes true; an empty one equals every other empty one. */
function sizeProblem({ salt, hash }: { salt: Buffer; hash: Buffer }): string | null {
  if (hash.length < 16 || hash.length > 128) return 'the hash is not from 16 to 128 bytes long';
  return salt.length < 4 || salt.length > 128 ? 'the salt is not from 4 to 128 bytes long' : null;
}
