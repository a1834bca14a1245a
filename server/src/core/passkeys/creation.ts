import type { RegistrationResponseJSON } from '@simplewebauthn/server';
import { verifyRegistrationResponse } from '@simplewebauthn/server';
import { decodeAttestationObject, isoCBOR } from '@simplewebauthn/server/helpers';
import type { Config } from '../../config/config.ts';
import { ALGORITHMS } from './algorithms.ts';
import { isVouchedFor } from './attestation.ts';
import { type BrowserResponse, type CreationResponse, readCreation } from './browser-response.ts';
import { isStrongKey } from './public-key.ts';

/** A credential that a browser has just made, as far as it can be judged without the database. */
export interface Inspected {
  /** What it claims to answer; null where even that cannot be read. */
  readonly challenge: string | null;
  readonly credential: NewCredential | null;
  readonly fault: string | null;
}

export interface NewCredential {
  readonly credentialId: Buffer;
  readonly publicKey: Buffer;
  readonly signCount: number;
  readonly aaguid: string;
  readonly transports: string[];
  readonly isBackupEligible: boolean;
  readonly isBackedUp: boolean;
  readonly isUserVerified: boolean;
}

const refused = (challenge: string | null, fault: string): Inspected => ({ challenge, credential: null, fault });

/**
 * Everything about a new credential but its challenge, which `accept` uses up. It asks nothing of the database, and
 * takes whatever bytes anybody sends: what is thrown in here is a refusal.
 */
export async function inspectCreation(
  webauthn: Config['webauthn'],
  body: BrowserResponse,
  now: number,
): Promise<Inspected> {
  const read = readCreation(body, webauthn.origins);
  if ('fault' in read) return refused(read.challenge, read.fault);
  try {
    return await verify(webauthn, read, now);
  } catch {
    return refused(read.challenge, 'not_verified');
  }
}

async function verify(webauthn: Config['webauthn'], read: CreationResponse, now: number): Promise<Inspected> {
  const { challenge, credentialId } = read;
  const decoded = decodeAttestationObject(read.attestationObject as never) as unknown as Map<string, unknown>;
  const roots = webauthn.attestationRoots;
  if (roots !== null) {
    const statement = decoded.get('attStmt') as Map<string, unknown>;
    if (!isVouchedFor(decoded.get('fmt'), statement, roots, now)) return refused(challenge, 'attestation');
  }
  const attestation = roots === null ? withoutStatement(decoded.get('authData')) : read.attestationObject;
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response: jsonOf(read, attestation),
    expectedChallenge: challenge,
    expectedOrigin: [...webauthn.origins],
    expectedRPID: webauthn.rpId,
    requireUserVerification: false, // by what the challenge was made for: `accept`
    supportedAlgorithmIDs: [...ALGORITHMS],
  });
  if (!verified || registrationInfo === undefined) return refused(challenge, 'not_verified');
  const { credential, aaguid, credentialDeviceType, credentialBackedUp, userVerified } = registrationInfo;
  if (credential.id !== read.id) return refused(challenge, 'credential_id');
  if (!isStrongKey(credential.publicKey)) return refused(challenge, 'key');
  return {
    challenge,
    fault: null,
    credential: {
      credentialId,
      publicKey: Buffer.from(credential.publicKey),
      signCount: credential.counter,
      aaguid,
      transports: read.transports,
      isBackupEligible: credentialDeviceType === 'multiDevice',
      isBackedUp: credentialBackedUp,
      isUserVerified: userVerified,
    },
  };
}

/**
 * Where policy does not ask who made the authenticator, nobody looks at the answer: no certificates of strangers are
 * parsed, and no revocation list that they name is fetched.
 */
function withoutStatement(authData: unknown): Uint8Array {
  if (!(authData instanceof Uint8Array)) throw new Error('no authenticator data');
  return isoCBOR.encode(
    new Map<string, unknown>([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', authData],
    ]) as never,
  );
}

function jsonOf({ id, clientDataJSON }: CreationResponse, attestation: Uint8Array): RegistrationResponseJSON {
  return {
    id,
    rawId: id,
    type: 'public-key',
    clientExtensionResults: {},
    response: { clientDataJSON, attestationObject: Buffer.from(attestation).toString('base64url') },
  };
}
