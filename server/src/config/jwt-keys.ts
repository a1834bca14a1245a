import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Config } from './config.ts';
import { readSmallFile } from './files.ts';
import { checkKeyFileMode, parsePrivateKey, parsePublicKey } from './pem.ts';
import type { Reading } from './reading.ts';

const PRIVATE = 'JWT_PRIVATE_KEY_PATH';
const PUBLIC = 'JWT_PUBLIC_KEY_PATH';
const KINDS = 'a PEM file with an Ed25519, P-256 or RSA key (at least 2048 bits)';
const MANAGED = { kind: 'managed' } as const;

/** What access tokens are signed with: key files, else a shared secret where HS256 asks for one, else keys of our own. */
export function readJwtKeys(reading: Reading): Config['jwtKeys'] {
  const { values, report, isGiven } = reading;
  const isHmac = values.JWT_ALG === 'HS256';
  const hasFiles = isGiven(PRIVATE) || isGiven(PUBLIC);
  if (isHmac && hasFiles) {
    report.fault(
      'JWT_ALG',
      `is HS256, but ${isGiven(PRIVATE) ? PRIVATE : PUBLIC} is set`,
      'key files, or HS256 with JWT_SECRET, not both',
    );
    return MANAGED;
  }
  if (isHmac) {
    if (values.JWT_SECRET) return { kind: 'secret', secrets: values.JWT_SECRET };
    if (!report.blames('JWT_SECRET')) report.fault('JWT_SECRET', 'is missing; JWT_ALG=HS256 needs it');
    return MANAGED;
  }
  if (values.JWT_SECRET) {
    report.warn(
      `JWT_SECRET is not used: tokens are signed with ${hasFiles ? 'the key files' : 'keys that the server makes'} unless JWT_ALG=HS256`,
    );
  }
  return hasFiles ? readKeyFiles(reading) : MANAGED;
}

function readKeyFiles(reading: Reading): Config['jwtKeys'] {
  const { values, report } = reading;
  for (const [name, other] of [
    [PRIVATE, PUBLIC],
    [PUBLIC, PRIVATE],
  ] as const) {
    if (values[name] === null)
      report.fault(name, `is missing, but ${other} is set`, `both of ${PRIVATE} and ${PUBLIC}, or neither`);
  }
  const privateKey = values[PRIVATE] === null ? null : readKey(PRIVATE, values[PRIVATE], reading);
  const publicKey = values[PUBLIC] === null ? null : readKey(PUBLIC, values[PUBLIC], reading);
  if (!privateKey || !publicKey) return MANAGED;
  checkAlgorithm(privateKey.key, reading);
  if (!createPublicKey(privateKey.pem).equals(publicKey.key)) {
    report.fault(PUBLIC, `does not belong to ${PRIVATE}`, 'the public half of the same pair');
  }
  return { kind: 'files', privatePem: privateKey.pem, publicPem: publicKey.pem };
}

function readKey(
  name: typeof PRIVATE | typeof PUBLIC,
  path: string,
  reading: Reading,
): { key: KeyObject; pem: string } | null {
  const file = readSmallFile(reading.cwd, path);
  if ('problem' in file) {
    reading.report.fault(name, file.problem, `the path of ${KINDS}`);
    return null;
  }
  const key = name === PRIVATE ? parsePrivateKey(file.text) : parsePublicKey(file.text);
  if (!key) {
    const what = name === PRIVATE ? 'a private key without a passphrase' : 'a public key';
    reading.report.fault(name, `names a file that does not hold ${what}`, `the path of ${KINDS}`);
    return null;
  }
  if (name === PRIVATE) checkKeyFileMode(name, file.mode, reading);
  return { key, pem: file.text };
}

function checkAlgorithm(key: KeyObject, { values, report }: Reading): void {
  const algorithm = algorithmOf(key);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (algorithm === null)
    report.fault(PRIVATE, `holds a key of a kind that is not supported (${key.asymmetricKeyType})`, KINDS);
  else if (algorithm === 'RS256' && bits < 2048) report.fault(PRIVATE, `holds an RSA key of only ${bits} bits`, KINDS);
  else if (algorithm === 'RS256' && bits < 3072)
    report.warn(`${PRIVATE} holds an RSA key of ${bits} bits; 3072 or an Ed25519 key is better`);
  if (algorithm !== null && values.JWT_ALG !== null && values.JWT_ALG !== algorithm) {
    report.fault(
      'JWT_ALG',
      `is ${values.JWT_ALG}, but the key at ${PRIVATE} is for ${algorithm}`,
      `${algorithm}, or nothing`,
    );
  }
}

function algorithmOf(key: KeyObject): 'RS256' | 'ES256' | 'EdDSA' | null {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : null;
}
