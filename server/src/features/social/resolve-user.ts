import type { Config } from '../../config/config.ts';
import { type ClaimDeps, claimAccount } from '../../core/claims/index.ts';
import type { Effects, Unit } from '../../core/effects/index.ts';
import type { KnownFlags } from '../../core/flags/index.ts';
import {
  addressProof,
  decideLinking,
  insertIdentity,
  type Linking,
  type LocalAccount,
  lockIdentityOwner,
  useIdentity,
} from '../../core/identities/index.ts';
import { issueOneTime } from '../../core/one-time/index.ts';
import { securityNotice } from '../../core/outbox/index.ts';
import type { Profile } from '../../core/providers/index.ts';
import { findUser, findUserByEmail, insertUser, lockUser, type UserRow } from '../../core/users/index.ts';
import { uuidv7 } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import { identityLine, linkNotices } from './letters.ts';
import { type VerificationDeps, verificationMail } from './verification.ts';

export interface ResolveDeps extends ClaimDeps, VerificationDeps {
  config: Pick<Config, 'APP_LINK_BASE' | 'EMAIL_VERIFICATION'>;
}

/** Who has come from which provider. */
export interface Arrival {
  readonly profile: Profile;
  readonly providerName: string;
  readonly tokensSealed: string | null;
  readonly flags: KnownFlags;
  readonly origin: RequestOrigin;
}

/** Something else happened to the same account or identity at this very moment: everything is looked at anew. */
export class Again extends Error {
  override readonly name = 'Again';
}

type Record = Parameters<Parameters<Unit['change']>[0]>[1];

/** `prove`: the account that must be proven before the identity is linked to it. */
export type Resolved =
  | { readonly kind: 'user'; readonly user: UserRow }
  | { readonly kind: 'prove'; readonly user: UserRow }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly user?: UserRow };

/**
 * The account of somebody who comes from a provider. An identity that is known is its user's, whatever address it has
 * by now (EML-13); for all others core/identities decides.
 */
export async function resolveUser(deps: ResolveDeps, tx: Tx, record: Record, arrival: Arrival): Promise<Resolved> {
  const { profile, tokensSealed, origin } = arrival;
  const seen = { email: profile.email, tokensSealed, now: new Date(origin.now) };
  const owner = await lockIdentityOwner(tx, profile);
  if (owner !== undefined) {
    const identity = await useIdentity(tx, profile, seen);
    const user = await findUser(tx, owner);
    if (user === undefined || identity?.user_id !== owner) throw new Again();
    return admitted(deps, tx, record, user, origin);
  }
  const { email } = profile;
  const proof = addressProof(profile);
  // Before anything is looked up: a closed registration says the same of every address that is only claimed.
  const isOpen = email !== null && (await arrival.flags.isOn('registration', { key: email }));
  if (proof === 'claimed' && !isOpen) return refused('registration_closed');
  const local = email === null ? undefined : await lockedByEmail(tx, email);
  return act(deps, tx, record, arrival, { decision: decideLinking(proof, stateOf(local)), local, isOpen });
}

interface Found {
  decision: Linking;
  local: UserRow | undefined;
  isOpen: boolean;
}

async function act(deps: ResolveDeps, tx: Tx, record: Record, arrival: Arrival, found: Found): Promise<Resolved> {
  const local = found.local as UserRow;
  switch (found.decision) {
    case 'no_address':
      return {
        kind: 'refused',
        refusal: new Refusal('provider_answer_invalid', {
          detail: 'The provider names no e-mail address: allow it to be shared there, then begin again.',
          cause: new Error('it names no address'),
        }),
      };
    case 'sign_up_verified':
    case 'sign_up_unverified':
      return found.isOpen ? signUp(deps, tx, record, arrival) : refused('registration_closed');
    case 'refuse':
      return refused('invalid_credentials', local);
    case 'link':
      await link(tx, record, arrival, local, { automatic: true });
      return { kind: 'user', user: local };
    case 'claim':
      return claim(deps, tx, record, arrival, local);
    case 'prove':
      await refuseLink(deps, tx, record, arrival, local);
      return { kind: 'prove', user: local };
    case 'conceal':
      return conceal(deps, tx, record, arrival, local);
  }
}

/** Where the address must be proven first, the mail with which it is goes out again. */
async function admitted(
  deps: ResolveDeps,
  tx: Tx,
  record: Record,
  user: UserRow,
  origin: RequestOrigin,
): Promise<Resolved> {
  const mustVerify = deps.config.EMAIL_VERIFICATION === 'required' && user.email_verified_at === null;
  if (user.status !== 'active' || !mustVerify) return { kind: 'user', user };
  await record({ mail: [await verificationMail(deps, tx, user, origin.now)] });
  return refused('email_not_verified', user);
}

async function signUp(deps: ResolveDeps, tx: Tx, record: Record, arrival: Arrival): Promise<Resolved> {
  const { profile, origin } = arrival;
  const id = uuidv7(origin.now);
  const createdAt = new Date(origin.now);
  const verifiedAt = profile.isVerified ? createdAt : null;
  const fresh = { id, email: profile.email as string, name: profile.name, passwordHash: null, verifiedAt, createdAt };
  if (!(await insertUser(tx, fresh))) throw new Again();
  const user = (await findUser(tx, id)) as UserRow;
  const actor = { type: 'user', id } as const;
  await record({
    audit: [
      { action: 'user.registered', outcome: 'success', actor, subject: id, origin, detail: { by: profile.provider } },
    ],
  });
  await link(tx, record, arrival, user, { automatic: true }, profile.isVerified);
  if (profile.isVerified) return { kind: 'user', user };
  if (deps.config.EMAIL_VERIFICATION === 'required') return admitted(deps, tx, record, user, origin);
  await record({ mail: [await verificationMail(deps, tx, user, origin.now)] });
  return { kind: 'user', user };
}

async function claim(deps: ResolveDeps, tx: Tx, record: Record, arrival: Arrival, local: UserRow): Promise<Resolved> {
  const effects = await claimAccount(deps, tx, local, arrival.origin).catch((error: unknown): Effects => {
    throw error instanceof Refusal ? new Again() : error;
  });
  await record(effects);
  const user = await findUser(tx, local.id);
  if (user === undefined) throw new Again();
  await link(tx, record, arrival, user, { automatic: true });
  return { kind: 'user', user };
}

/** Links, and tells both sides. Also for who has just proven the account: then it is not automatic. */
export async function link(
  tx: Tx,
  record: Record,
  { profile, providerName, tokensSealed, origin }: Omit<Arrival, 'flags'>,
  user: UserRow,
  detail: { automatic: boolean },
  isTold = true,
): Promise<string> {
  const id = uuidv7(origin.now);
  const { provider, issuer, subject, email } = profile;
  const row = { id, userId: user.id, provider, issuer, subject, email, tokensSealed, now: new Date(origin.now) };
  if (!(await insertIdentity(tx, row))) throw new Again();
  await record({
    audit: [identityLine('identity.linked', user, profile, origin, detail)],
    mail: isTold ? linkNotices('identity_linked', user, profile, providerName, origin) : [],
    changed: [user.id],
  });
  return id;
}

async function refuseLink(
  deps: ResolveDeps,
  tx: Tx,
  record: Record,
  { profile, providerName, origin }: Arrival,
  local: UserRow,
): Promise<void> {
  const isWelcome = await deps.guesses.admitMail(tx, 'link', local.email, origin.now);
  await record({
    audit: [identityLine('identity.link_refused', local, profile, origin)],
    mail:
      isWelcome && local.status === 'active'
        ? [securityNotice(local, 'identity_link_refused', origin, providerName)]
        : [],
  });
}

/**
 * Somebody names an address at a provider that does not vouch for it, so may be anybody: they get what they would get
 * if nobody had the address, after as much work. Where registration itself tells of taken addresses
 * (EMAIL_VERIFICATION=optional) there is nothing to conceal.
 */
async function conceal(deps: ResolveDeps, tx: Tx, record: Record, arrival: Arrival, local: UserRow): Promise<Resolved> {
  await refuseLink(deps, tx, record, arrival, local);
  if (deps.config.EMAIL_VERIFICATION === 'optional') return { kind: 'prove', user: local };
  await issueOneTime(tx, 'verify-email', { userId: null, data: { email: local.email } }, arrival.origin.now);
  return refused('email_not_verified');
}

/** The account that has the address, locked, as it is now. */
async function lockedByEmail(tx: Tx, email: string): Promise<UserRow | undefined> {
  const found = await findUserByEmail(tx, email);
  if (found === undefined) return undefined;
  await lockUser(tx, found.id);
  const user = await findUser(tx, found.id);
  if (user?.email !== email) throw new Again();
  return user;
}

function stateOf(user: UserRow | undefined): LocalAccount {
  if (user === undefined) return 'none';
  if (user.status !== 'active') return 'disabled';
  return user.email_verified_at === null ? 'unverified' : 'verified';
}

function refused(code: 'registration_closed' | 'invalid_credentials' | 'email_not_verified', user?: UserRow): Resolved {
  return { kind: 'refused', refusal: new Refusal(code), ...(user === undefined ? {} : { user }) };
}
