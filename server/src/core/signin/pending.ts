import type { Config } from '../../config/config.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { factorsOf } from '../factors/index.ts';
import { TRIES, type TriedRow } from '../one-time/index.ts';
import { findUser, principalUser, type UserRow } from '../users/index.ts';
import type { Attempt } from './index.ts';
import { type Factor, nextStep, type Proof } from './next-step.ts';

/** What a sign-in waits for: a second factor, or the enrolment of one. */
export type Waiting = 'mfa' | 'mfa-enrolment';

/** A sign-in that waits, as its token has found it. */
export interface Pending {
  readonly id: string;
  readonly user: UserRow;
  /** What may be shown now. */
  readonly factors: readonly Factor[];
  readonly isLastTry: boolean;
  /** Of the code that was sent by mail for this very sign-in. */
  readonly codeHash: Buffer | null;
  readonly attempt: Pick<Attempt, 'proofs' | 'mode' | 'deviceToken' | 'audit' | 'returnTo'>;
}

interface Kept {
  proofs: Proof[];
  mode: 'token' | 'cookie';
  audit?: Attempt['audit'];
  returnTo?: string;
  /** What the account was when the first proof counted: a change of password makes it worth nothing. */
  passwordChangedAt: string | null;
}

/** The device token is a credential: at rest it is sealed. */
export function writePending(attempt: Attempt, isKnownDevice: boolean, encryption: Encryption): Record<string, string> {
  const { proofs, mode, audit, returnTo, user, deviceToken } = attempt;
  const kept: Kept = {
    proofs: [...proofs],
    mode,
    ...(audit === undefined ? {} : { audit }),
    ...(returnTo === undefined ? {} : { returnTo }),
    passwordChangedAt: user.password_changed_at?.toISOString() ?? null,
  };
  return {
    kept: JSON.stringify(kept),
    ...(isKnownDevice ? { known: 'true' } : {}),
    ...(deviceToken === undefined ? {} : { device: encryption.seal('pending-device', deviceToken) }),
  };
}

export async function readPending(
  tx: Tx,
  row: TriedRow,
  { encryption, config }: { encryption: Encryption; config: Pick<Config, 'PASSKEY_AS_FACTOR'> },
): Promise<Pending | null> {
  const user = await findUser(tx, row.user_id as string);
  const kept = JSON.parse(row.data.kept ?? 'null') as Kept | null;
  if (user === undefined || user.status !== 'active' || kept === null) return null;
  if ((user.password_changed_at?.toISOString() ?? null) !== kept.passwordChangedAt) return null;
  const who = {
    isActive: true,
    isEmailVerified: true,
    factors: factorsOf(principalUser(user), config),
    hasPassword: user.has_password,
    isDeviceTrusted: false,
    mustEnrol: false,
  };
  const next = nextStep(who, kept.proofs, { requiresVerifiedEmail: false });
  const { device } = row.data;
  return {
    id: row.id,
    user,
    factors: next.step === 'second_factor' ? next.factors : [],
    isLastTry: row.attempts >= TRIES,
    codeHash: row.secretHash,
    attempt: {
      proofs: kept.proofs,
      mode: kept.mode,
      deviceToken: device === undefined ? undefined : encryption.open('pending-device', device),
      ...(kept.audit === undefined ? {} : { audit: kept.audit }),
      ...(kept.returnTo === undefined ? {} : { returnTo: kept.returnTo }),
    },
  };
}
