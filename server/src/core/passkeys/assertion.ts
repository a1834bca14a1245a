import { verifyAuthenticationResponse } from '@simplewebauthn/server';
import type { Config } from '../../config/config.ts';
import type { AssertionResponse } from './browser-response.ts';
import type { CredentialRow } from './store.ts';

export interface Shown {
  readonly signCount: number;
  readonly isBackedUp: boolean;
  readonly isUserVerified: boolean;
}

/** The signature of a passkey and all that it covers, but for the counter, which the database decides. Else what was wrong. */
export async function verifyAssertion(
  webauthn: Config['webauthn'],
  read: AssertionResponse,
  row: CredentialRow,
): Promise<Shown | { fault: string }> {
  const { id, clientDataJSON, authenticatorData, signature } = read;
  try {
    const { verified, authenticationInfo: info } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: { clientDataJSON, authenticatorData, signature },
      },
      expectedChallenge: read.challenge,
      expectedOrigin: [...webauthn.origins],
      expectedRPID: webauthn.rpId,
      // Zero: a counter that went back is news only under a right signature, which the library would not look at then.
      credential: { id, publicKey: new Uint8Array(row.public_key), counter: 0 },
      requireUserVerification: false, // by purpose: the caller
    });
    if (!verified) return { fault: 'signature' };
    const isBackupEligible = info.credentialDeviceType === 'multiDevice';
    if (isBackupEligible !== row.backup_eligible) return { fault: 'backup_eligibility' };
    return { signCount: info.newCounter, isBackedUp: info.credentialBackedUp, isUserVerified: info.userVerified };
  } catch {
    return { fault: 'not_verified' };
  }
}
