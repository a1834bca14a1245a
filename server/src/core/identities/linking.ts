/** What a provider says of the address: nothing usable; something that proves nothing; that it was proven there; that with authority. */
export type AddressProof = 'none' | 'claimed' | 'verified' | 'authoritative';

/** The account that has the address here. */
export type LocalAccount = 'none' | 'unverified' | 'verified' | 'disabled';

export type Linking =
  /** There is nothing to know the person by. */
  | 'no_address'
  /** A new account, whose address is proven by the provider's word. */
  | 'sign_up_verified'
  /** A new account, whose address is still to be proven by a mail. */
  | 'sign_up_unverified'
  /** To the account that is there: the provider's word is as good as its mailbox. */
  | 'link'
  /** The account was never proven to be anybody's: it is taken over clean, then linked. */
  | 'claim'
  /** The person has shown to own the address, so they may hear of the account; they prove it, then link. */
  | 'prove'
  /** The person has shown nothing: the answer is that of `sign_up_unverified`, and the owner hears of it by mail. */
  | 'conceal'
  | 'refuse';

/**
 * Which account a person from a provider gets, where that account at the provider is not linked yet. Nothing is linked
 * on the strength of an address alone (I-036, I-037, EML-08 to -11): the provider must have verified it and be the one
 * that gives out its mailbox.
 */
export function decideLinking(proof: AddressProof, local: LocalAccount): Linking {
  if (proof === 'none') return 'no_address';
  if (proof === 'claimed') return local === 'none' ? 'sign_up_unverified' : 'conceal';
  if (local === 'none') return 'sign_up_verified';
  if (local === 'disabled') return 'refuse';
  if (proof === 'verified') return 'prove';
  return local === 'verified' ? 'link' : 'claim';
}

export function addressProof(profile: {
  email: string | null;
  isVerified: boolean;
  isAuthoritative: boolean;
}): AddressProof {
  if (profile.email === null) return 'none';
  if (!profile.isVerified) return 'claimed';
  return profile.isAuthoritative ? 'authoritative' : 'verified';
}
