// engines: postgres
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { authenticator, cbor } from '../../authenticator.ts';
import { startServer, type TestServer, type TestUser } from '../../kit.ts';
import { bearerOf, creationOptions, personWithPasskey, requestOptions, said } from './passkey-tools.ts';

let server: TestServer;
let eve: TestUser;
before(async () => {
  server = await startServer();
  eve = await server.user();
});

const REJECTED = [400, 'passkey_rejected'];
const SHAPE = { id: 'AAAA', rawId: 'AAAA', type: 'public-key' };

describe('PK-08 what is malformed is refused at once', () => {
  const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x81), Buffer.from([0])]);
  const authData = (bytes: Buffer): Buffer => {
    const head = Buffer.alloc(55);
    head[32] = 0x45;
    return Buffer.concat([head, bytes]);
  };
  const object = (data: unknown): Buffer =>
    cbor(
      new Map<string, never>([
        ['fmt', 'none' as never],
        ['attStmt', new Map() as never],
        ['authData', data as never],
      ]),
    );
  const bytes: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['a number', Buffer.from([0])],
    ['arrays within arrays', nested(24_000)],
    ['maps within maps', Buffer.alloc(24_000, 0xa1)],
    ['tags within tags', Buffer.alloc(24_000, 0xc1)],
    ['a length beyond the end', Buffer.from('bb001fffffffffffff', 'hex')],
    ['an array that promises a billion', Buffer.from('9a3fffffff00', 'hex')],
    ['indefinite lengths', Buffer.from('bf61', 'hex')],
    ['no authenticator data', object(0)],
    ['short authenticator data', object(Buffer.alloc(36))],
    ['a nested key', object(authData(nested(20_000)))],
    ['noise', Buffer.from(Array.from({ length: 4000 }, (_, at) => (at * 151) % 256))],
  ];
  for (const [title, attestationObject] of bytes) {
    test(title, async () => {
      const made = authenticator().create(await creationOptions(server, eve), { attestationObject });
      const start = performance.now();
      const answer = await server.post('/me/passkeys', made, bearerOf(eve));
      assert.ok(performance.now() - start < 2_000, 'no work that grows'); // alone it is a few milliseconds
      assert.deepEqual(said(answer), REJECTED, answer.text);
    });
  }

  test('an attestation of a megabyte, or of 60 KB', async () => {
    const made = (size: number) => ({
      ...SHAPE,
      response: { clientDataJSON: 'e30', attestationObject: 'A'.repeat(size) },
    });
    assert.deepEqual(said(await server.post('/me/passkeys', made(1_000_000), bearerOf(eve))), [413, 'body_too_large']);
    assert.deepEqual(said(await server.post('/me/passkeys', made(60_000), bearerOf(eve))), REJECTED);
  });

  test('whatever stands where text should: 4xx, never 500', async () => {
    const key = authenticator();
    const { user, key: real } = await personWithPasskey(server);
    const creation = key.create(await creationOptions(server, user));
    const assertion = real.get(await requestOptions(server));
    for (const value of [null, 0, true, '', 'ä', '====', 'e30', 'W10', 'bnVsbA', [], {}, [['x']], 'A'.repeat(6000)]) {
      for (const field of ['id', 'rawId', 'type', 'response', 'clientExtensionResults'] as const) {
        for (const [path, sent] of [
          ['/me/passkeys', creation],
          ['/auth/passkeys/verify', assertion],
        ] as const) {
          const { status } = await server.post(path, { ...sent, [field]: value }, bearerOf(user));
          if (field === 'clientExtensionResults') assert.ok(status < 500, `${path} ${field}`);
          else assert.ok(status >= 400 && status < 500, `${path} ${field} ${JSON.stringify(value)}: ${status}`);
          const nested = await server.post(path, { credential: { ...sent, [field]: value } }, bearerOf(user));
          assert.ok(nested.status < 500, `${path} credential.${field}`);
        }
      }
      for (const [path, sent] of [
        ['/me/passkeys', creation],
        ['/auth/passkeys/verify', assertion],
      ] as const) {
        for (const field of Object.keys(sent.response as object)) {
          const response = { ...(sent.response as object), [field]: value };
          const { status } = await server.post(path, { ...sent, response }, bearerOf(user));
          assert.ok(status < 500, `${path} response.${field} ${JSON.stringify(value)}: ${status}`);
        }
      }
    }
    assert.deepEqual((await server.post('/auth/passkeys/verify', {})).body.errors.length, 4);
  });
});
