import type { Config } from '../../config/config.ts';
import { hmac } from '../../lib/bytes.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { PrincipalUser } from '../../platform/http/principal.ts';
import type { Factor } from '../signin/index.ts';
import { plainCode } from './code.ts';
import { newRecoveryCodes, recoveryCodeHash } from './recovery-codes.ts';
import {
  confirmStep,
  deleteCodes,
  deletePasskeysOf,
  deleteTotp,
  findTotp,
  putTotp,
  replaceCodes,
  setMailFactor,
  takeCode,
  takeStep,
} from './store.ts';
import { newTotpSecret, stepOf } from './totp.ts';

export { setMailFactor } from './store.ts';
export { codeAt, otpauthUri, stepAt } from './totp.ts';

/** An enrolment that was begun and not confirmed is forgotten after this time. */
const ENROLMENT_MS = 30 * 60_000;

/**
 * Second factors that a person types: time-based codes and recovery codes. Secrets are encrypted at rest, codes kept as
 * HMACs; every use is one conditional UPDATE. (A code by mail is a one-time value; passkeys are core/passkeys.)
 */
export interface Factors {
  /** Begins an enrolment, which counts for nothing yet. Null where the account has one already. */
  beginTotp(tx: Tx, userId: string, now: number): Promise<string | null>;
  /** The first code makes it count. */
  confirmTotp(tx: Tx, userId: string, code: string, now: number): Promise<boolean>;
  useTotp(tx: Tx, userId: string, code: string, now: number): Promise<boolean>;
  removeTotp(tx: Tx, userId: string): Promise<boolean>;
  /** A new set, shown once; the former is void. */
  newRecoveryCodes(tx: Tx, userId: string, now: number): Promise<string[]>;
  useRecoveryCode(tx: Tx, userId: string, code: string, now: number): Promise<boolean>;
  removeRecoveryCodes(tx: Tx, userId: string): Promise<void>;
  /** Everything: codes, passkeys, the factor by mail. */
  removeAll(tx: Tx, userId: string): Promise<void>;
  /** HMAC of a short code within its flow: at rest it is worth nothing to a guesser. */
  codeHash(flow: string, code: string): Buffer;
}

export function createFactors(encryption: Encryption): Factors {
  const [codeKey] = encryption.derive('mail-codes') as [Buffer];
  return {
    async beginTotp(tx, userId, now) {
      const secret = newTotpSecret();
      return (await putTotp(tx, userId, encryption.seal('totp', secret), new Date(now))) ? secret : null;
    },
    async confirmTotp(tx, userId, code, now) {
      const row = await findTotp(tx, userId);
      if (row === undefined || row.confirmed_at !== null || now - row.created_at.getTime() > ENROLMENT_MS) return false;
      const step = stepOf(encryption.open('totp', row.secret_sealed), code, now);
      return step !== null && confirmStep(tx, userId, row.secret_sealed, step, new Date(now));
    },
    async useTotp(tx, userId, code, now) {
      const row = await findTotp(tx, userId);
      if (row === undefined || row.confirmed_at === null) return false;
      const step = stepOf(encryption.open('totp', row.secret_sealed), code, now);
      return step !== null && takeStep(tx, userId, row.secret_sealed, step);
    },
    removeTotp: (tx, userId) => deleteTotp(tx, userId),
    async newRecoveryCodes(tx, userId, now) {
      const codes = newRecoveryCodes();
      const hashes = codes.map((code) => recoveryCodeHash(userId, code));
      await replaceCodes(tx, userId, hashes, new Date(now));
      return codes;
    },
    useRecoveryCode: (tx, userId, code, now) => takeCode(tx, userId, recoveryCodeHash(userId, code), new Date(now)),
    removeRecoveryCodes: (tx, userId) => deleteCodes(tx, userId),
    async removeAll(tx, userId) {
      await deleteTotp(tx, userId);
      await deleteCodes(tx, userId);
      await deletePasskeysOf(tx, userId);
      await setMailFactor(tx, userId, null);
    },
    codeHash: (flow, code) => hmac(codeKey, `${flow}:${plainCode(code)}`),
  };
}

/** Whether policy wants a second factor of somebody with these roles. */
export function isFactorWanted(
  roles: readonly string[],
  { REQUIRE_MFA: wanted }: Pick<Config, 'REQUIRE_MFA'>,
): boolean {
  return wanted === 'everyone' || (wanted !== 'nobody' && roles.some((role) => wanted.includes(role)));
}

/** The same for a session that began before policy, or before its role: it is good for enrolling one, and no more. */
export function lacksFactor(
  user: PrincipalUser,
  config: Pick<Config, 'REQUIRE_MFA' | 'REQUIRE_MFA_GRACE' | 'PASSKEY_AS_FACTOR'>,
  now: number,
): boolean {
  if (config.REQUIRE_MFA === 'nobody' || !isFactorWanted(user.roles, config)) return false;
  const due = user.factorDueAt ?? (config.REQUIRE_MFA_GRACE === 0 ? 0 : Number.POSITIVE_INFINITY);
  return due <= now && factorsOf(user, config).length === 0;
}

type Enrolled = Pick<PrincipalUser, 'totp' | 'mailFactor' | 'passkeys' | 'recoveryCodesLeft'>;

/** The second factors of an account, in the order in which they are offered. Recovery codes stand in for another one. */
export function factorsOf(user: Enrolled, config: Pick<Config, 'PASSKEY_AS_FACTOR'>): Factor[] {
  const isOn = user.totp || user.mailFactor || (user.passkeys > 0 && config.PASSKEY_AS_FACTOR);
  if (!isOn) return [];
  const factors: Factor[] = [];
  if (user.passkeys > 0) factors.push('passkey');
  if (user.totp) factors.push('totp');
  if (user.mailFactor) factors.push('email');
  if (user.recoveryCodesLeft > 0) factors.push('recovery_code');
  return factors;
}
