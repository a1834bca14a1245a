import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import { mailLink } from '../../lib/link.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { AuditEvent } from '../audit/index.ts';
import type { Effects } from '../effects/index.ts';
import { endOneTime, issueOneTime } from '../one-time/index.ts';
import type { OutgoingMail } from '../outbox/index.ts';
import type { Outcome, Proof, SignIn } from '../signin/index.ts';
import type { Guesses } from '../throttle/index.ts';
import { findUserByEmail, insertOrFindUser, type UserRow } from '../users/index.ts';

export interface RegistrationDeps {
  config: Pick<Config, 'APP_LINK_BASE' | 'EMAIL_VERIFICATION'>;
  guesses: Pick<Guesses, 'admitMail'>;
  signIn: Pick<SignIn, 'proceedIn'>;
}

export interface Newcomer {
  /** Where something else knows the id already; else a new one. */
  readonly id?: string;
  readonly email: string;
  readonly name: string | null;
  readonly passwordHash: string | null;
  /** What the newcomer has shown, for a sign-in at once. */
  readonly proof: Proof;
  readonly session: 'token' | 'cookie' | undefined;
  readonly deviceToken: string | undefined;
  /** What else belongs to a new account: only for one that is really new. */
  furnish?(tx: Tx, userId: string): Promise<Effects>;
}

/** What registering came to: a session at once, or a mail, of which nobody is told whether the address was free. */
export interface Registered {
  readonly outcome: Outcome | null;
  /** EMAIL_VERIFICATION=optional alone says that an address is taken. */
  readonly isTaken: boolean;
  readonly effects: readonly Effects[];
}

/**
 * A new account, or what looks exactly like one: for a taken address nothing of the request is stored, and the owner is
 * told by mail. An unverified account is not extended by whoever registers it again (pre-hijacking): its earlier link
 * ends, and the mail offers to choose a new password. The caller has asked the flag `registration`, and records the
 * effects.
 */
export async function registerIn(
  deps: RegistrationDeps,
  tx: Tx,
  newcomer: Newcomer,
  origin: RequestOrigin,
): Promise<Registered> {
  const { email, name, passwordHash, id = uuidv7(origin.now) } = newcomer;
  const isOptional = deps.config.EMAIL_VERIFICATION === 'optional';
  const createdAt = new Date(origin.now);
  const found = await insertOrFindUser(tx, { id, email, name, passwordHash, verifiedAt: null, createdAt });
  const isNew = found?.is_new ?? false;
  const added = isNew ? await newcomer.furnish?.(tx, id) : undefined;
  const user = found === undefined || added !== undefined ? await findUserByEmail(tx, email) : found;
  if (user === undefined) throw new Refusal('busy', { retryAfter: 1 }); // deleted at this very moment
  const audit = [lineFor(user, isNew, origin)];
  const mail = isOptional && !isNew ? [] : [await mailFor(deps, tx, user, isNew, origin)];
  const effects: Effects[] = added === undefined ? [{ audit, mail }] : [{ audit, mail }, added];
  if (!isOptional || !isNew) return { outcome: null, isTaken: isOptional, effects };
  const happened = await deps.signIn.proceedIn(tx, {
    user,
    proofs: [newcomer.proof],
    mode: newcomer.session ?? 'token',
    deviceToken: newcomer.deviceToken,
    origin,
  });
  return { outcome: happened.outcome, isTaken: false, effects: [...effects, happened.effects] };
}

/**
 * The same statements whatever the address is, so that their time tells nothing either. Once an address has had its
 * mails for the hour nothing of it changes: the links that were sent before still work.
 */
async function mailFor(
  { config, guesses }: RegistrationDeps,
  tx: Tx,
  user: UserRow,
  isNew: boolean,
  origin: RequestOrigin,
): Promise<OutgoingMail> {
  const isWelcome = await guesses.admitMail(tx, 'register', user.email, origin.now);
  const isOpen = user.email_verified_at === null && user.status === 'active';
  const userId = isWelcome && isOpen ? user.id : null;
  const purpose = isNew ? 'verify-email' : 'choose-password';
  await endOneTime(tx, userId, ['verify-email', 'choose-password', 'reset-password'], origin.now);
  const token = await issueOneTime(tx, purpose, { userId, data: { email: user.email } }, origin.now);
  const link = mailLink(config.APP_LINK_BASE, isNew ? '/verify-email' : '/reset-password', token);
  const to = { to: user.email, locale: user.locale, userId: user.id };
  if (!isWelcome) return { template: 'nobody', ...to, data: { link } };
  return isOpen ? { template: purpose, ...to, data: { link } } : { template: 'address-taken', ...to, data: {} };
}

function lineFor(user: UserRow, isNew: boolean, origin: RequestOrigin): AuditEvent {
  return {
    action: isNew ? 'user.registered' : 'user.register_duplicate',
    outcome: isNew ? 'success' : 'denied',
    actor: isNew ? { type: 'user', id: user.id } : { type: 'anonymous' },
    subject: user.id,
    origin,
  };
}
