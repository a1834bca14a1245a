import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import type { Config } from '../../config/config.ts';
import { ALGORITHMS } from './algorithms.ts';

type Known = readonly { credential_id: Buffer; transports: string[] }[];
type Descriptors = NonNullable<PublicKeyCredentialCreationOptionsJSON['excludeCredentials']>;

/** As long as the challenge lives. */
const TIMEOUT_MS = 300_000;

export function requestOptions(
  config: Pick<Config, 'webauthn'>,
  challenge: string,
  known: Known,
  userVerification: 'required' | 'preferred',
): PublicKeyCredentialRequestOptionsJSON {
  return {
    challenge,
    rpId: config.webauthn.rpId,
    allowCredentials: descriptors(known),
    timeout: TIMEOUT_MS,
    userVerification,
  };
}

export interface NewOwner {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
}

/**
 * A passkey lives in its authenticator and takes the person's finger, face or PIN; one that is only to stand beside
 * another factor may do without both, as a plain security key does.
 */
export function creationOptions(
  config: Pick<Config, 'webauthn' | 'SERVICE_NAME'>,
  challenge: string,
  owner: NewOwner,
  known: Known,
  isSecondFactorOnly: boolean,
): PublicKeyCredentialCreationOptionsJSON {
  const { rpId, attestationRoots } = config.webauthn;
  return {
    rp: { id: rpId, name: config.SERVICE_NAME },
    user: { id: handleOf(owner.id).toString('base64url'), name: owner.email, displayName: owner.name ?? owner.email },
    challenge,
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ alg, type: 'public-key' })),
    timeout: TIMEOUT_MS,
    excludeCredentials: descriptors(known),
    authenticatorSelection: {
      residentKey: isSecondFactorOnly ? 'discouraged' : 'required',
      requireResidentKey: !isSecondFactorOnly,
      userVerification: isSecondFactorOnly ? 'discouraged' : 'required',
    },
    attestation: attestationRoots === null ? 'none' : 'direct',
    extensions: { credProps: true },
  };
}

/** The user handle: the bytes of the id, which say nothing of the person (WebAuthn Level 3, section 14.6.1). */
export function handleOf(userId: string): Buffer {
  return Buffer.from(userId.replaceAll('-', ''), 'hex');
}

function descriptors(known: Known): Descriptors {
  return known.map(({ credential_id, transports }) => ({
    id: credential_id.toString('base64url'),
    type: 'public-key',
    transports: transports as never,
  }));
}
