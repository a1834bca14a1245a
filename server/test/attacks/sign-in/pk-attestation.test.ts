// engines: postgres
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { authenticator, cbor, type Lies } from '../../authenticator.ts';
import { startServer, type TestServer, type TestUser } from '../../kit.ts';
import { type Authority, type Issued, makeAuthority } from '../../settings/certificates.ts';
import { addPasskey, creationOptions, said, signInWith } from './passkey-tools.ts';

// What section 8.2.1 of WebAuthn asks of the certificate of an authenticator.
const MAKER = { commonName: 'Model 1/O=Maker/C=DE/OU=Authenticator Attestation', names: '' };
const trusted = makeAuthority('Maker root');
const forged = makeAuthority('Maker root'); // the same name, another key

let server: TestServer;
let user: TestUser;
before(async () => {
  server = await startServer({ env: { PASSKEY_ATTESTATION_ROOTS: trusted.ca } });
  user = await server.user();
});

const der = (path: string): Buffer => new X509Certificate(readFileSync(path)).raw;
const keyOf = ({ key }: Issued): KeyObject => createPrivateKey(readFileSync(key));
const reason = async () => (await server.audit('passkey.added')).at(-1)?.reason;

function vouched(by: Authority, file: string, ...above: string[]): NonNullable<Lies['attestation']> {
  const issued = by.issue(file, MAKER);
  return { key: keyOf(issued), x5c: [der(issued.cert), ...above.map(der)] };
}

/** A certificate under any other, authority or not. */
function signedBy(by: Issued, file: string, days: number): Issued {
  const path = join(trusted.folder, file);
  const issued = { key: `${path}.key`, cert: `${path}.crt` };
  const options = ['-x509', '-config', join(trusted.folder, 'openssl.cnf'), '-newkey', 'ec', '-nodes'];
  const curve = ['-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', String(days)];
  const signer = ['-CA', by.cert, '-CAkey', by.key, '-addext', 'basicConstraints=critical,CA:FALSE'];
  const out = ['-keyout', issued.key, '-out', issued.cert, '-subj', `/CN=${MAKER.commonName}`];
  execFileSync('openssl', ['req', ...options, ...curve, ...signer, ...out], { stdio: 'ignore' });
  return issued;
}

async function refused(attestation: NonNullable<Lies['attestation']>, why = 'attestation'): Promise<void> {
  const answer = await addPasskey(server, user, authenticator(), { lies: { attestation } });
  assert.deepEqual(said(answer), [400, 'passkey_rejected'], answer.text);
  assert.equal(await reason(), why);
}

test('where policy asks for attestation it is asked for, and a chain to a root of the operator is taken', async () => {
  assert.equal((await creationOptions(server, user)).attestation, 'direct');
  const below = trusted.intermediate('below');
  for (const attestation of [
    vouched(trusted, 'direct'),
    vouched(trusted, 'with-root', trusted.ca),
    vouched(below, 'under-another', below.ca),
  ]) {
    const key = authenticator();
    const person = await server.user();
    const answer = await addPasskey(server, person, key, { lies: { attestation } });
    assert.equal(answer.status, 201, answer.text);
    assert.equal((await signInWith(server, key)).status, 200);
  }
});

test('PK-09 no attestation, and one by the credential itself, say nothing', async () => {
  await refused('none');
  await refused('self');
});

test('PK-09 I-073 a chain that ends in a root of the attacker’s own is refused, also under the name of ours', async () => {
  await refused(vouched(forged, 'forged'));
  await refused(vouched(forged, 'forged-chain', forged.ca));
  await refused(vouched(forged, 'forged-beside-ours', forged.ca, trusted.ca));
  await refused(vouched(forged, 'forged-then-ours', trusted.ca));
  const own = forged.issue('not-the-signer', MAKER);
  const theirs = trusted.issue('somebody-elses', MAKER);
  await refused({ key: keyOf(own), x5c: [der(theirs.cert)] }, 'not_verified');
});

test('PK-09 a certificate of ours that is no authority vouches for nobody', async () => {
  const leaf = trusted.issue('leaf', MAKER);
  const below = signedBy(leaf, 'below-a-leaf', 2);
  await refused({ key: keyOf(below), x5c: [der(below.cert), der(leaf.cert)] });
});

test('PK-09 what is no chain at all is refused, not an error', async () => {
  const { key } = trusted.issue('odd', MAKER);
  const signer = createPrivateKey(readFileSync(key));
  await refused({ key: signer, x5c: [] });
  await refused({ key: signer, x5c: [Buffer.from('no certificate')] });
  await refused({ key: signer, x5c: Array.from({ length: 40 }, () => der(trusted.ca)) });
});

test('PK-09 a format of another kind does not get past the policy', async () => {
  const issued = trusted.issue('format', MAKER);
  for (const fmt of ['none', 'android-safetynet', 'compound', '']) {
    const statement = new Map([['x5c', [der(issued.cert)] as never]]);
    const attestationObject = cbor(
      new Map<string, never>([
        ['fmt', fmt as never],
        ['attStmt', statement as never],
        ['authData', Buffer.alloc(164) as never],
      ]),
    );
    const answer = await addPasskey(server, user, authenticator(), { lies: { attestationObject } });
    assert.deepEqual(said(answer), [400, 'passkey_rejected']);
  }
});

test('what has expired vouches for nobody any more, be it the certificate or the root', async () => {
  const short = signedBy({ cert: trusted.ca, key: trusted.ca.replace(/crt$/, 'key') }, 'short-lived', 1);
  const tryAfter = async (days: number, attestation: NonNullable<Lies['attestation']>): Promise<number> => {
    server.clock.advance(days * 24 * 3600);
    return (await addPasskey(server, await server.user(), authenticator(), { lies: { attestation } })).status;
  };
  const brief = { key: keyOf(short), x5c: [der(short.cert)] };
  const long = vouched(trusted, 'longer');
  assert.equal(await tryAfter(1.5, brief), 400);
  assert.equal(await reason(), 'attestation');
  assert.equal(await tryAfter(0, long), 201, 'the root still stands');
  assert.equal(await tryAfter(1, vouched(trusted, 'under-an-old-root')), 400);
});

test('where policy asks for none nobody looks at one: forged certificates neither help nor hurt', async () => {
  const free = await startServer();
  const as = await free.user();
  assert.equal((await creationOptions(free, as)).attestation, 'none');
  const lies = { attestation: vouched(forged, 'whatever', forged.ca) };
  assert.equal((await addPasskey(free, as, authenticator(), { lies })).status, 201);
});
