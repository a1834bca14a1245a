import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { sha256 } from '../../lib/bytes.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { type Changes, EVERYONE } from '../changes/index.ts';
import {
  deleteKeysRetiredBefore,
  insertKey,
  keepSigning,
  listKeys,
  lockKeys,
  markChanged,
  retireOthers,
  revokeKey,
  type SigningKeyRow,
} from './store.ts';

export type { SigningKeyRow } from './store.ts';

export type Alg = 'EdDSA' | 'ES256' | 'RS256' | 'HS256';

export interface SigningKey {
  readonly kid: string;
  readonly alg: Alg;
  readonly signWith: KeyObject;
  readonly verifyWith: KeyObject;
}

/**
 * The keys that sign access tokens: the operator's files, a shared secret, or (by default) Ed25519 keys that the server
 * makes, keeps encrypted in the database and rotates. A new key is published before it signs, for as long as others may
 * keep the published set; a retired one verifies until the last token that it signed has expired.
 */
export interface Keys {
  signer(): SigningKey;
  /** The keys that verify now. */
  verifiers(): readonly SigningKey[];
  /** Called whenever the set changes: what was verified with a former set must be verified again. */
  onChange(listener: () => void): void;
  jwks(): { keys: Record<string, unknown>[] };
  start(): Promise<void>;
  /** The managed keys as stored; empty where keys are the operator's. */
  list(): Promise<SigningKeyRow[]>;
  rotate(tx: Tx, options: { immediately: boolean }): Promise<string>;
  revoke(tx: Tx, kid: string): Promise<boolean>;
  reload(): Promise<void>;
  /** Rotates what has grown old and deletes what verifies nothing any more. */
  maintain(): Promise<void>;
  readonly managed: boolean;
}

/** Seconds that others may keep the published set. */
export const JWKS_MAX_AGE = 300;
const ROTATE_AFTER_MS = 90 * 24 * 3600_000;
const SKEW_SECONDS = 60;
const PURPOSE = 'signing key';

interface Deps {
  db: Db;
  encryption: Encryption;
  clock: Clock;
  changes: Pick<Changes, 'onChange' | 'announce'>;
  config: Pick<Config, 'jwtKeys' | 'JWT_EXPIRES_IN'>;
}

export function createKeys({ db, encryption, clock, changes, config }: Deps): Keys {
  const fixed = fixedKeys(config.jwtKeys);
  let rows: SigningKeyRow[] = [];
  let opened = new Map<string, SigningKey>();
  const listeners: (() => void)[] = [];
  const verifiesUntil = (row: SigningKeyRow): number =>
    row.retired_at === null
      ? Number.POSITIVE_INFINITY
      : row.retired_at.getTime() + (config.JWT_EXPIRES_IN + SKEW_SECONDS) * 1000;
  const isUsable = (row: SigningKeyRow): boolean => row.revoked_at === null && verifiesUntil(row) > clock.now();

  const reload = async (): Promise<void> => {
    if (fixed) return;
    const found = await listKeys(db);
    const next = new Map<string, SigningKey>();
    for (const row of found) {
      if (row.revoked_at === null) next.set(row.kid, opened.get(row.kid) ?? openKey(row, encryption));
    }
    rows = found;
    opened = next;
    for (const listener of listeners) listener();
  };

  const add = async (tx: Tx, activeFrom: Date): Promise<string> => {
    const { kid, privateKey, jwk } = newKey();
    await insertKey(tx, {
      kid,
      alg: 'EdDSA',
      public_jwk: jwk,
      private_sealed: encryption.seal(PURPOSE, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string),
      created_at: new Date(clock.now()),
      active_from: activeFrom,
    });
    await retireOthers(tx, kid, activeFrom);
    await markChanged(tx, EVERYONE);
    return kid;
  };

  const signingRow = (): SigningKeyRow | undefined => {
    const now = clock.now();
    return rows.find(
      (row) =>
        row.revoked_at === null && row.active_from.getTime() <= now && (row.retired_at?.getTime() ?? now + 1) > now,
    );
  };

  const keys: Keys = {
    managed: fixed === null,
    signer() {
      if (fixed) return fixed[0] as SigningKey;
      const row = signingRow();
      const key = row && opened.get(row.kid);
      if (!key) throw new Error('there is no signing key');
      return key;
    },
    verifiers: () => fixed ?? rows.filter(isUsable).map((row) => opened.get(row.kid) as SigningKey),
    onChange: (listener) => void listeners.push(listener),
    jwks() {
      if (fixed) return { keys: fixed.filter((key) => key.alg !== 'HS256').map(publicJwk) };
      return {
        keys: rows.filter(isUsable).map((row) => ({ ...row.public_jwk, kid: row.kid, alg: row.alg, use: 'sig' })),
      };
    },
    async start() {
      if (fixed) return;
      await db.transaction(async (tx) => {
        await lockKeys(tx);
        const now = clock.now();
        const present = await listKeys(tx);
        const signs = present.some((row) => row.revoked_at === null && (row.retired_at?.getTime() ?? now + 1) > now);
        if (!signs) await add(tx, new Date(now));
      });
      await reload();
      // Where this fails the feed is not current, and calls again: a revoked key cannot stay in use.
      changes.onChange((subject) => (subject === EVERYONE ? reload() : undefined));
    },
    list: async () => (fixed ? [] : listKeys(db)),
    async rotate(tx, { immediately }) {
      await lockKeys(tx);
      return add(tx, new Date(clock.now() + (immediately ? 0 : JWKS_MAX_AGE * 1000)));
    },
    async revoke(tx, kid) {
      await lockKeys(tx);
      const now = new Date(clock.now());
      if (!(await revokeKey(tx, kid, now))) return false;
      // The revoked one may have been the successor of the one that signs, which then has to go on.
      await keepSigning(tx, now);
      const left = await listKeys(tx);
      const signs = left.some((row) => row.revoked_at === null && row.active_from <= now && row.retired_at === null);
      if (!signs) await add(tx, now);
      await markChanged(tx, EVERYONE);
      return true;
    },
    reload,
    async maintain() {
      if (fixed) return;
      const now = clock.now();
      const newest = Math.max(...rows.map((row) => row.active_from.getTime()));
      if (now - newest > ROTATE_AFTER_MS) {
        await db.transaction(async (tx) => {
          await lockKeys(tx);
          const latest = (await listKeys(tx))[0];
          if (latest && now - latest.active_from.getTime() > ROTATE_AFTER_MS)
            await keys.rotate(tx, { immediately: false });
        });
      }
      await deleteKeysRetiredBefore(
        db,
        new Date(now - 2 * (config.JWT_EXPIRES_IN + SKEW_SECONDS) * 1000 - 24 * 3600_000),
      );
      await reload();
    },
  };
  return keys;
}

/** A kid is typed on command lines too, where a dash would begin an option: one in sixty-four is made again. */
function newKey(): { kid: string; privateKey: KeyObject; jwk: Record<string, unknown> } {
  for (;;) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const { kty, crv, x } = publicKey.export({ format: 'jwk' });
    const kid = thumbprint({ crv, kty, x });
    if (!kid.startsWith('-')) return { kid, privateKey, jwk: { kty, crv, x } };
  }
}

function openKey(row: SigningKeyRow, encryption: Encryption): SigningKey {
  const signWith = createPrivateKey(encryption.open(PURPOSE, row.private_sealed));
  return { kid: row.kid, alg: row.alg, signWith, verifyWith: createPublicKey(signWith) };
}

function fixedKeys(source: Config['jwtKeys']): SigningKey[] | null {
  if (source.kind === 'managed') return null;
  if (source.kind === 'secret') {
    return source.secrets.map((secret) => {
      const key = createSecretKey(Buffer.from(secret));
      return {
        kid: `hs-${sha256(`kid:${secret}`).toString('base64url').slice(0, 12)}`,
        alg: 'HS256',
        signWith: key,
        verifyWith: key,
      };
    });
  }
  const signWith = createPrivateKey(source.privatePem);
  const verifyWith = createPublicKey(source.publicPem);
  const alg: Alg =
    signWith.asymmetricKeyType === 'rsa' ? 'RS256' : signWith.asymmetricKeyType === 'ec' ? 'ES256' : 'EdDSA';
  const { kty, crv, x, y, n, e } = verifyWith.export({ format: 'jwk' });
  const members = kty === 'RSA' ? { e, kty, n } : kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x };
  return [{ kid: thumbprint(members), alg, signWith, verifyWith }];
}

function publicJwk(key: SigningKey): Record<string, unknown> {
  return { ...key.verifyWith.export({ format: 'jwk' }), kid: key.kid, alg: key.alg, use: 'sig' };
}

/** RFC 7638: the members in this order, nothing else. */
function thumbprint(members: Record<string, unknown>): string {
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}
