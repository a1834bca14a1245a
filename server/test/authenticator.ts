import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

type Cbor = number | string | Uint8Array | readonly Cbor[] | Map<number | string, Cbor>;
export type Algorithm = 'ES256' | 'EdDSA' | 'RS256' | 'ES384';

/** What an authenticator and its browser say that is not so; everything else is as it should be. */
export interface Lies {
  type?: string;
  challenge?: string;
  origin?: string;
  crossOrigin?: unknown;
  topOrigin?: string;
  rpId?: string;
  isPresent?: boolean;
  isVerified?: boolean;
  isBackupEligible?: boolean;
  isBackedUp?: boolean;
  counter?: number;
  /** Another's credential id or user handle. */
  credentialId?: Buffer;
  userHandle?: string | null;
  signature?: Buffer;
  /** Of a creation: how it is attested, and bytes in place of the real ones. */
  attestation?: 'none' | 'self' | { key: KeyObject; x5c: readonly Uint8Array[] };
  publicKey?: Map<number | string, Cbor>;
  attestationObject?: Buffer;
  trailing?: Buffer;
}

export interface Model {
  algorithm?: Algorithm;
  /** Where the page is. */
  origin?: string;
  canVerify?: boolean;
  isBackupEligible?: boolean;
  /** Zero for ever, as synced passkeys have it, or counting up. */
  counts?: boolean;
  rsaBits?: number;
}

type Json = Record<string, unknown>;
/** Options as our server gives them, as far as an authenticator looks at them. */
interface Options {
  challenge: string;
  rp?: { id: string };
  rpId?: string;
  user?: { id: string };
}

/** An authenticator in software, with the browser in front of it. It keeps the credential that it made last. */
export interface Authenticator {
  credentialId: Buffer;
  userHandle: string;
  counter: number;
  create(options: Options, lies?: Lies): Json;
  get(options: Options, lies?: Lies): Json;
  /** The same credential in other hands: whatever either does from here on, the other does not know. */
  copy(): Authenticator;
}

const sha256 = (data: string | Uint8Array): Buffer => createHash('sha256').update(data).digest();
const text = (data: Uint8Array): string => Buffer.from(data).toString('base64url');

export function authenticator(model: Model = {}): Authenticator {
  return withKeys(model, keysOf(model));
}

function withKeys(model: Model, keys: Keys, from?: Authenticator): Authenticator {
  const { origin = 'http://localhost:3000', counts = true, canVerify = true, isBackupEligible = false } = model;
  const clientData = (type: string, challenge: string, lies: Lies): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: lies.type ?? type,
        challenge: lies.challenge ?? challenge,
        origin: lies.origin ?? origin,
        crossOrigin: lies.crossOrigin ?? false,
        ...(lies.topOrigin === undefined ? {} : { topOrigin: lies.topOrigin }),
      }),
    );
  const head = (rpId: string, attested: boolean, lies: Lies): Buffer => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(lies.counter ?? self.counter);
    const isEligible = lies.isBackupEligible ?? isBackupEligible;
    const flags =
      Number(lies.isPresent ?? true) |
      (Number(lies.isVerified ?? canVerify) << 2) |
      (Number(isEligible) << 3) |
      (Number(lies.isBackedUp ?? isEligible) << 4) |
      (Number(attested) << 6);
    return Buffer.concat([sha256(lies.rpId ?? rpId), Buffer.from([flags]), counter]);
  };
  const self: Authenticator = {
    credentialId: from?.credentialId ?? randomBytes(32),
    userHandle: from?.userHandle ?? '',
    counter: from?.counter ?? 0,
    copy: () => withKeys(model, keys, self),
    create(options, lies = {}) {
      self.credentialId = lies.credentialId ?? randomBytes(32);
      self.userHandle = options.user?.id ?? '';
      if (counts) self.counter += 1;
      const idLength = Buffer.alloc(2);
      idLength.writeUInt16BE(self.credentialId.length);
      const authData = Buffer.concat([
        head(options.rp?.id ?? '', true, lies),
        Buffer.alloc(16),
        idLength,
        self.credentialId,
        cbor(lies.publicKey ?? keys.cose),
        lies.trailing ?? Buffer.alloc(0),
      ]);
      const client = clientData('webauthn.create', options.challenge, lies);
      const attestation = lies.attestationObject ?? attest(keys, authData, client, lies.attestation ?? 'none');
      return responseOf(self.credentialId, {
        clientDataJSON: text(client),
        attestationObject: text(attestation),
        transports: ['internal'],
      });
    },
    get(options, lies = {}) {
      if (counts) self.counter += 1;
      const authData = Buffer.concat([head(options.rpId ?? '', false, lies), lies.trailing ?? Buffer.alloc(0)]);
      const client = clientData('webauthn.get', options.challenge, lies);
      const signature = lies.signature ?? keys.sign(Buffer.concat([authData, sha256(client)]));
      const handle = lies.userHandle === undefined ? self.userHandle : lies.userHandle;
      return responseOf(lies.credentialId ?? self.credentialId, {
        clientDataJSON: text(client),
        authenticatorData: text(authData),
        signature: text(signature),
        ...(handle === null ? {} : { userHandle: handle }),
      });
    },
  };
  return self;
}

function responseOf(credentialId: Buffer, response: Json): Json {
  const id = text(credentialId);
  return {
    id,
    rawId: id,
    type: 'public-key',
    authenticatorAttachment: 'platform',
    clientExtensionResults: {},
    response,
  };
}

interface Keys {
  cose: Map<number | string, Cbor>;
  algorithm: number;
  sign(data: Buffer): Buffer;
}

function keysOf({ algorithm = 'ES256', rsaBits = 2048 }: Model): Keys {
  const part = (jwk: { [name: string]: unknown }, name: string): Buffer =>
    Buffer.from(jwk[name] as string, 'base64url');
  if (algorithm === 'EdDSA') {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const x = part(publicKey.export({ format: 'jwk' }), 'x');
    return {
      algorithm: -8,
      cose: coseOf([1, 1], [3, -8], [-1, 6], [-2, x]),
      sign: (data) => sign(null, data, privateKey),
    };
  }
  if (algorithm === 'RS256') {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: rsaBits });
    const jwk = publicKey.export({ format: 'jwk' });
    const cose = coseOf([1, 3], [3, -257], [-1, part(jwk, 'n')], [-2, part(jwk, 'e')]);
    return { algorithm: -257, cose, sign: (data) => sign('sha256', data, privateKey) };
  }
  const [namedCurve, alg, curve, hash] =
    algorithm === 'ES256' ? (['P-256', -7, 1, 'sha256'] as const) : (['P-384', -35, 2, 'sha384'] as const);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  const jwk = publicKey.export({ format: 'jwk' });
  const cose = coseOf([1, 2], [3, alg], [-1, curve], [-2, part(jwk, 'x')], [-3, part(jwk, 'y')]);
  return { algorithm: alg, cose, sign: (data) => sign(hash, data, privateKey) };
}

function coseOf(...parts: [number, Cbor][]): Map<number | string, Cbor> {
  return new Map(parts);
}

function attest(keys: Keys, authData: Buffer, client: Buffer, how: NonNullable<Lies['attestation']>): Buffer {
  const statement = new Map<string, Cbor>();
  if (how !== 'none') {
    const signed = Buffer.concat([authData, sha256(client)]);
    statement.set('alg', how === 'self' ? keys.algorithm : -7);
    statement.set('sig', how === 'self' ? keys.sign(signed) : sign('sha256', signed, how.key));
    if (how !== 'self') statement.set('x5c', how.x5c);
  }
  return cbor(
    new Map<string, Cbor>([
      ['fmt', how === 'none' ? 'none' : 'packed'],
      ['attStmt', statement],
      ['authData', authData],
    ]),
  );
}

/** As much of CBOR (RFC 8949) as WebAuthn is made of. */
export function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? cborHead(1, -1 - value) : cborHead(0, value);
  if (typeof value === 'string') return Buffer.concat([cborHead(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([cborHead(2, value.length), value]);
  if (value instanceof Map) {
    return Buffer.concat([cborHead(5, value.size), ...[...value].flatMap(([key, one]) => [cbor(key), cbor(one)])]);
  }
  return Buffer.concat([cborHead(4, value.length), ...value.map(cbor)]);
}

function cborHead(major: number, length: number): Buffer {
  if (length < 24) return Buffer.from([(major << 5) | length]);
  if (length < 256) return Buffer.from([(major << 5) | 24, length]);
  return Buffer.from([(major << 5) | 25, length >> 8, length & 255]);
}
