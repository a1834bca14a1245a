import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { decodeCredentialPublicKey } from '@simplewebauthn/server/helpers';

const [KTY, ALG] = [1, 3];
const RSA_BITS = { least: 2048, most: 4096 };

/** Whether a COSE key is one of the algorithms offered, on its curve, and strong enough (PK-08). */
export function isStrongKey(cose: Uint8Array): boolean {
  try {
    const key = keyOf(decodeCredentialPublicKey(cose as never) as unknown as Map<number, unknown>);
    if (key === null) return false;
    const bits = key.asymmetricKeyDetails?.modulusLength;
    return bits === undefined || (bits >= RSA_BITS.least && bits <= RSA_BITS.most);
  } catch {
    return false; // not on its curve, or no key at all
  }
}

function keyOf(cose: Map<number, unknown>): KeyObject | null {
  const part = (label: number, length?: number): string => {
    const value = cose.get(label);
    if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) throw new Error('no key');
    return Buffer.from(value).toString('base64url');
  };
  const make = (jwk: JsonWebKey): KeyObject => createPublicKey({ format: 'jwk', key: jwk });
  const form = `${cose.get(ALG)} ${cose.get(KTY)}`;
  if (form === '-7 2' && cose.get(-1) === 1) return make({ kty: 'EC', crv: 'P-256', x: part(-2, 32), y: part(-3, 32) });
  if (form === '-8 1' && cose.get(-1) === 6) return make({ kty: 'OKP', crv: 'Ed25519', x: part(-2, 32) });
  if (form === '-257 3') {
    const key = make({ kty: 'RSA', n: part(-1), e: part(-2) });
    const exponent = key.asymmetricKeyDetails?.publicExponent ?? 0n;
    return exponent >= 65537n && exponent % 2n === 1n ? key : null;
  }
  return null;
}
