import { equal } from '../../lib/bytes.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Effects } from '../effects/index.ts';
import type { Factors } from '../factors/index.ts';
import { securityNotice } from '../outbox/index.ts';
import type { BrowserResponse, Passkeys } from '../passkeys/index.ts';
import type { Passwords } from '../passwords/index.ts';
import type { Factor, Proof } from '../signin/index.ts';
import type { Guesses } from '../throttle/index.ts';
import { findPasswordHash, type UserRow } from '../users/index.ts';

/** What somebody shows as a second factor. */
export interface Shown {
  readonly factor: Factor;
  readonly code?: string | undefined;
  readonly response?: BrowserResponse | undefined;
  /** Where `factor` is `password`: the hash that it was verified against, before the transaction. */
  readonly verifiedHash?: string | null;
}

/** To what the showing belongs: a challenge or code that was made for something else is worth nothing. */
export interface About {
  readonly user: UserRow;
  /** The sign-in or session that asks. */
  readonly flow: string;
  readonly deviceId: string | null;
  readonly codeHash: Buffer | null;
  /** Under which codes by mail were hashed. */
  readonly codeFlow: string;
}

export type Seen =
  | { readonly isRight: true; readonly proof: Proof; readonly effects: Effects }
  | { readonly isRight: false; readonly reason: 'wrong' | 'locked' };

/**
 * One look at a second factor, wherever it is asked for. The attempt is counted first, per account and apart for known
 * devices; each factor is used by one conditional UPDATE. The caller lets its transaction commit, right or wrong.
 */
export interface SecondFactor {
  look(tx: Tx, shown: Shown, about: About, origin: RequestOrigin): Promise<Seen>;
  /** The hash of the user's password, if that is what was typed: hashing stays outside of transactions. */
  verifyPassword(userId: string, shown: Shown): Promise<string | null>;
}

export interface SecondFactorDeps {
  db: Db;
  factors: Factors;
  passkeys: Passkeys;
  passwords: Passwords;
  guesses: Guesses;
}

export function createSecondFactor({ db, factors, passkeys, passwords, guesses }: SecondFactorDeps): SecondFactor {
  const prove = async (tx: Tx, shown: Shown, about: About, origin: RequestOrigin): Promise<Proof | null> => {
    const { factor, code = '', response } = shown;
    const { user } = about;
    const { now } = origin;
    switch (factor) {
      case 'totp':
        return (await factors.useTotp(tx, user.id, code, now)) ? { method: 'otp', factor } : null;
      case 'recovery_code':
        return (await factors.useRecoveryCode(tx, user.id, code, now)) ? { method: 'recovery', factor } : null;
      case 'email': {
        const hash = factors.codeHash(about.codeFlow, code);
        return about.codeHash !== null && equal(hash, about.codeHash) ? { method: 'email', factor } : null;
      }
      case 'password': {
        const isIt = shown.verifiedHash != null && (await findPasswordHash(tx, user.id)) === shown.verifiedHash;
        return isIt ? { method: 'pwd', factor } : null;
      }
      case 'passkey': {
        if (response === undefined) return null;
        const whose = { userId: user.id, flow: about.flow, origin };
        const found = await passkeys.assert(tx, 'passkey-factor', response, whose, now);
        return found === null ? null : { method: found.method, factor };
      }
    }
  };

  return {
    async verifyPassword(userId, { factor, code = '' }) {
      if (factor !== 'password') return null;
      const hash = await findPasswordHash(db, userId);
      return (await passwords.verify(code, hash)).ok ? hash : null;
    },
    async look(tx, shown, about, origin) {
      const { user, deviceId } = about;
      if ((await guesses.admitFactor(tx, user.id, deviceId, origin.now)) === undefined) {
        return { isRight: false, reason: 'locked' };
      }
      const proof = await prove(tx, shown, about, origin);
      if (proof === null) return { isRight: false, reason: 'wrong' };
      await guesses.factorSucceeded(tx, user.id, deviceId);
      return { isRight: true, proof, effects: shown.factor === 'recovery_code' ? codeUsed(user, origin) : {} };
    },
  };
}

function codeUsed(user: UserRow, origin: RequestOrigin): Effects {
  const left = user.recovery_codes_left - 1;
  return {
    audit: [
      {
        action: 'mfa.recovery_code_used',
        outcome: 'success',
        actor: { type: 'user', id: user.id },
        subject: user.id,
        origin,
        detail: { left },
      },
    ],
    mail: [securityNotice(user, 'recovery_code_used', origin, String(left))],
    changed: [user.id],
  };
}
