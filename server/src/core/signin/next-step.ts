/**
 * Where a sign-in stands, as a pure function of what was proven: no feature decides for itself that someone is in.
 * Methods (a password, later a link, a passkey, a provider) add a proof; factors add another; this says what is next.
 */
export interface Proof {
  /** RFC 8176 where it has a word: `pwd`, `otp`, `hwk`, `swk`; else `link`, `fed`, `recovery`, `setup`. */
  readonly method: string;
  /** The second factor that this is, by the name under which the account has enrolled it. */
  readonly factor?: string;
  /** Proves more than one factor by itself (a passkey with user verification). */
  readonly isMultiFactor?: boolean;
}

export interface SigningIn {
  readonly isActive: boolean;
  readonly isEmailVerified: boolean;
  /** Names of the second factors that the account has enrolled. */
  readonly factors: readonly string[];
}

export type NextStep =
  | { readonly step: 'refuse'; readonly reason: 'disabled' | 'nothing_proven' }
  | { readonly step: 'verify_email' }
  | { readonly step: 'second_factor'; readonly factors: readonly string[] }
  | { readonly step: 'complete'; readonly amr: readonly string[] };

export function nextStep(
  who: SigningIn,
  proofs: readonly Proof[],
  policy: { readonly requiresVerifiedEmail: boolean },
): NextStep {
  if (proofs.length === 0) return { step: 'refuse', reason: 'nothing_proven' };
  if (!who.isActive) return { step: 'refuse', reason: 'disabled' };
  if (policy.requiresVerifiedEmail && !who.isEmailVerified) return { step: 'verify_email' };
  // The same proof twice, or a second way to prove the first factor (a password and a link), is no second factor.
  const isSecond = ({ factor }: Proof): boolean => factor !== undefined && who.factors.includes(factor);
  const hasTwo = proofs.some((proof) => proof.isMultiFactor) || (proofs.some(isSecond) && !proofs.every(isSecond));
  if (who.factors.length > 0 && !hasTwo) return { step: 'second_factor', factors: who.factors };
  const methods = [...new Set(proofs.map((proof) => proof.method))];
  return { step: 'complete', amr: hasTwo ? [...methods, 'mfa'] : methods };
}
