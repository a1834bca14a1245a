/**
 * Where a sign-in stands, as a pure function of what was proven: no feature decides for itself that someone is in.
 * Methods (a password, a link, a passkey, a provider) add a proof; factors add another; this says what is next.
 */
export interface Proof {
  /** RFC 8176 where it has a word: `pwd`, `otp` (TOTP), `hwk`, `swk`; else `email`, `fed`, `recovery`, `setup`. */
  readonly method: Method;
  /** The second factor as which it was asked for; absent for what a sign-in begins with. */
  readonly factor?: Factor;
  /** Proves more than one factor by itself (a passkey with user verification). */
  readonly isMultiFactor?: boolean;
}

export type Method = 'pwd' | 'otp' | 'hwk' | 'swk' | 'email' | 'fed' | 'recovery' | 'setup';

/** By the names that the API gives them. `password` is one only beside a proof that came by mail. */
export type Factor = 'passkey' | 'totp' | 'email' | 'password' | 'recovery_code';

export interface SigningIn {
  readonly isActive: boolean;
  readonly isEmailVerified: boolean;
  /** The second factors that the account has. */
  readonly factors: readonly Factor[];
  readonly hasPassword: boolean;
  /** It was asked for the second factor not long ago, and its owner wants to be spared the question. */
  readonly isDeviceTrusted: boolean;
  /** Policy wants a second factor of this account, and the time to enrol one is over. */
  readonly mustEnrol: boolean;
}

export type NextStep =
  | { readonly step: 'refuse'; readonly reason: 'disabled' | 'nothing_proven' }
  | { readonly step: 'verify_email' }
  | { readonly step: 'second_factor'; readonly factors: readonly Factor[] }
  | { readonly step: 'enrol' }
  | { readonly step: 'complete'; readonly amr: readonly string[] };

export function nextStep(
  who: SigningIn,
  proofs: readonly Proof[],
  policy: { readonly requiresVerifiedEmail: boolean },
): NextStep {
  const firsts = proofs.filter((proof) => proof.factor === undefined);
  if (firsts.length === 0) return { step: 'refuse', reason: 'nothing_proven' };
  if (!who.isActive) return { step: 'refuse', reason: 'disabled' };
  if (policy.requiresVerifiedEmail && !who.isEmailVerified) return { step: 'verify_email' };

  const asked = factorsBeside(who, firsts);
  // A code that was the last one is no factor of the account any more once it is used; for this sign-in it counts.
  const isLastCode = (factor: Factor): boolean => factor === 'recovery_code' && who.factors.length > 0;
  const hasTwo =
    firsts.some((proof) => proof.isMultiFactor) ||
    proofs.some(({ factor }) => factor !== undefined && (asked.includes(factor) || isLastCode(factor)));
  if (!hasTwo && who.factors.length > 0 && !who.isDeviceTrusted) return { step: 'second_factor', factors: asked };
  if (!hasTwo && who.factors.length === 0 && who.mustEnrol) return { step: 'enrol' };
  const methods = [...new Set<string>(proofs.map((proof) => proof.method))];
  return { step: 'complete', amr: hasTwo ? [...methods, 'mfa'] : methods };
}

/**
 * The factors that are something else than what was proven first: who came by a link in a mail proves nothing by a code
 * in a mail, and is asked for the password instead.
 */
function factorsBeside(who: SigningIn, firsts: readonly Proof[]): Factor[] {
  const isByMail = firsts.every((proof) => proof.method === 'email');
  const others = who.factors.filter((factor) => !(factor === 'email' && isByMail));
  return isByMail && who.hasPassword && who.factors.includes('email') ? [...others, 'password'] : others;
}
