import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { sha256 } from '../../lib/bytes.ts';
import type { Encryption } from '../../platform/encryption.ts';

export interface Checkpoint {
  first_seq: number;
  prev_hash: Buffer;
  seq: number;
  hash: Buffer;
  at: Date;
  key_id: string;
  signature: Buffer;
}

export interface Anchor {
  seq: number;
  hash: Buffer;
  at: Date;
  key_id: string;
  signature: Buffer;
}

/** `unknown_key`: perhaps signed with a key that has left ENCRYPTION_KEY's list, perhaps by a stranger. */
export type SignatureVerdict = 'valid' | 'invalid' | 'unknown_key';

export interface Signer {
  readonly keyId: string;
  /** Of all keys in the list. */
  readonly keyIds: readonly string[];
  signCheckpoint(checkpoint: Omit<Checkpoint, 'key_id' | 'signature'>): Checkpoint;
  signAnchor(anchor: Omit<Anchor, 'key_id' | 'signature'>): Anchor;
  checkCheckpoint(checkpoint: Checkpoint): SignatureVerdict;
  checkAnchor(anchor: Anchor): SignatureVerdict;
}

// RFC 8410, section 7: an Ed25519 private key is its 32-byte seed in this frame.
const PKCS8_FRAME = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Ed25519 keys made from ENCRYPTION_KEY: the first signs, all verify. The database never sees them. */
export function createSigner(encryption: Pick<Encryption, 'derive'>): Signer {
  const keys = encryption.derive('audit checkpoint').map(keyPair);
  const first = keys[0] as ReturnType<typeof keyPair>;
  const check = (text: string, { key_id, signature }: { key_id: string; signature: Buffer }): SignatureVerdict => {
    const key = keys.find((candidate) => candidate.id === key_id);
    if (key === undefined) return 'unknown_key';
    return verify(null, Buffer.from(text), key.publicKey, signature) ? 'valid' : 'invalid';
  };
  const signed = (text: string) => ({ key_id: first.id, signature: sign(null, Buffer.from(text), first.privateKey) });
  return {
    keyId: first.id,
    keyIds: keys.map((key) => key.id),
    signCheckpoint: (checkpoint) => ({ ...checkpoint, ...signed(checkpointText(checkpoint)) }),
    signAnchor: (anchor) => ({ ...anchor, ...signed(anchorText(anchor)) }),
    checkCheckpoint: (checkpoint) => check(checkpointText(checkpoint), checkpoint),
    checkAnchor: (anchor) => check(anchorText(anchor), anchor),
  };
}

function keyPair(seed: Buffer): { id: string; privateKey: KeyObject; publicKey: KeyObject } {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_FRAME, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  const id = sha256(publicKey.export({ format: 'der', type: 'spki' }))
    .toString('hex')
    .slice(0, 16);
  return { id, privateKey, publicKey };
}

function checkpointText(c: Omit<Checkpoint, 'key_id' | 'signature'>): string {
  const fields = [c.first_seq, c.prev_hash.toString('hex'), c.seq, c.hash.toString('hex'), Number(c.at)];
  return JSON.stringify(['audit-checkpoint/1', ...fields]);
}

function anchorText(a: Omit<Anchor, 'key_id' | 'signature'>): string {
  return JSON.stringify(['audit-anchor/1', a.seq, a.hash.toString('hex'), Number(a.at)]);
}
