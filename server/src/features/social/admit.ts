import type { Config } from '../../config/config.ts';
import type { Unit } from '../../core/effects/index.ts';
import type { Flags } from '../../core/flags/index.ts';
import { usePersonsIdentity } from '../../core/identities/index.ts';
import { issueOneTime } from '../../core/one-time/index.ts';
import { type AnswerDeps, answerSignIn, deviceHashOf, type Outcome, type SignIn } from '../../core/signin/index.ts';
import type { UserRow } from '../../core/users/index.ts';
import { randomToken } from '../../lib/random.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { readCookie } from '../../platform/http/cookies.ts';
import { bindToApp, bindToBrowser } from './binding.ts';
import type { Back, Reply } from './come-back.ts';
import { byProvider, enter, type Record } from './enter.ts';
import { Again, type Arrival, type ResolveDeps, resolveUser } from './resolve-user.ts';
import { withQuery } from './return-to.ts';
import { sealTokens } from './tokens-at-rest.ts';

export interface AdmitDeps extends ResolveDeps, AnswerDeps {
  config: Config;
  db: Db;
  unit: Unit;
  flags: Flags;
  signIn: SignIn;
  encryption: Encryption;
}

/** A one-time code, and where it goes. */
const CODE_SECONDS = 60;
const LINK_SECONDS = 900;

/** What comes of a sign-in at a provider, in one transaction; a refusal is what it leads to, not what undoes it. */
export async function admit(deps: AdmitDeps, back: Back): Promise<Reply> {
  const { provider, profile, tokens, origin } = back;
  const tokensSealed = tokens === null ? null : sealTokens(deps.encryption, profile, tokens);
  const swift = await admitAlone(deps, back, tokensSealed);
  if (swift !== null) return swift;
  const flags = await deps.flags.known();
  const arrival: Arrival = { profile, providerName: provider.settings.name, tokensSealed, flags, origin };
  const result = await twice(() => deps.unit.change((tx, record) => decide(deps, tx, record, back, arrival)));
  if (result instanceof Refusal) throw result;
  return result;
}

/**
 * The way that most take: an identity that is known, of an account of which nothing more is asked. Two statements; null
 * where it takes more than that, and the long way looks at everything anew.
 */
async function admitAlone(deps: AdmitDeps, back: Back, tokensSealed: string | null): Promise<Reply | null> {
  const { kept, profile, provider, origin } = back;
  if (kept.challenge !== undefined) return null;
  const deviceToken = readCookie(back.cookieHeader, deps.cookies.device);
  const seen = {
    email: profile.email,
    tokensSealed,
    now: new Date(origin.now),
    deviceHash: deviceHashOf(deviceToken),
  };
  const person = await usePersonsIdentity(deps.db, profile, seen);
  if (person === undefined) return null;
  const { device_id: id, trusted_until, has_devices: hasDevices, identity_id: identityId } = person;
  const device = id === null ? undefined : { id, user_id: person.id, trusted_until };
  const mode = modeOf(back);
  const attempt = {
    ...byProvider({ user: person, provider: provider.settings.id, mode, deviceToken, origin }),
    identityId,
  };
  const outcome = await deps.signIn.proceedAlone(attempt, { device, hasDevices });
  if (outcome === null) return null;
  const { body, cookies } = answerSignIn(deps, outcome);
  if (kept.return_to === undefined) return { body, cookies, outcome: 'success' };
  return { location: withQuery(kept.return_to, {}), cookies, outcome: 'success' };
}

function modeOf({ kept }: Back): 'token' | 'cookie' {
  return kept.return_to === undefined ? (kept.session ?? 'token') : 'cookie';
}

/** Who was overtaken looks once more, and then finds what the other has done. */
export async function twice<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Again)) throw error;
    return await work().catch((again: unknown) => {
      throw again instanceof Again ? new Refusal('busy', { retryAfter: 1 }) : again;
    });
  }
}

async function decide(deps: AdmitDeps, tx: Tx, record: Record, back: Back, arrival: Arrival): Promise<Reply | Refusal> {
  const resolved = await resolveUser(deps, tx, record, arrival);
  if (resolved.kind === 'refused') return resolved.refusal;
  if (resolved.kind === 'prove') return linkRequired(deps, tx, back, arrival, resolved.user);
  const { user } = resolved;
  if (user.status !== 'active') return new Refusal('invalid_credentials');
  const { return_to: returnTo, challenge } = back.kept;
  if (returnTo !== undefined && challenge !== undefined) {
    return sendCode(deps, tx, back, user, bindToApp(challenge).flow, {});
  }
  const outcome = await signInNow(deps, tx, record, back, user);
  if (outcome instanceof Refusal) return outcome;
  const { body, cookies } = answerSignIn(deps, outcome);
  if (returnTo === undefined) return { body, cookies, outcome: metric(outcome) };
  if (outcome.status === 'complete') return { location: withQuery(returnTo, {}), cookies, outcome: 'success' };
  const kept = deps.encryption.seal('provider-code', JSON.stringify(outcome));
  return sendCode(deps, tx, back, user, null, { outcome: kept });
}

function signInNow(deps: AdmitDeps, tx: Tx, record: Record, back: Back, user: UserRow): Promise<Outcome | Refusal> {
  return enter(deps.signIn, tx, record, {
    user,
    provider: back.provider.settings.id,
    mode: modeOf(back),
    deviceToken: readCookie(back.cookieHeader, deps.cookies.device),
    origin: back.origin,
  });
}

/** To an application, which proves itself by its verifier; or (`flow` null) to our own page in this very browser. */
async function sendCode(
  deps: AdmitDeps,
  tx: Tx,
  { kept, provider, origin }: Back,
  user: UserRow,
  flow: string | null,
  more: { outcome?: string },
): Promise<Reply> {
  const value = randomToken('oc');
  const binding = flow === null ? bindToBrowser(deps.cookies, value, { seconds: CODE_SECONDS }) : { flow, cookies: [] };
  const data = { provider: provider.settings.id, ...more };
  const code = await issueOneTime(
    tx,
    'provider-code',
    { userId: user.id, flow: binding.flow, data, value },
    origin.now,
  );
  const outcome = more.outcome === undefined ? 'code_sent' : 'mfa_required';
  return { location: withQuery(kept.return_to as string, { code }), cookies: binding.cookies, outcome };
}

/** What is known of the person waits, sealed and bound to the account, until its owner signs in to it and says yes. */
async function linkRequired(
  deps: AdmitDeps,
  tx: Tx,
  { kept, origin }: Back,
  { profile, providerName, tokensSealed }: Arrival,
  user: UserRow,
): Promise<Refusal> {
  const value = randomToken('lk');
  const binding =
    kept.challenge === undefined
      ? bindToBrowser(deps.cookies, value, { seconds: LINK_SECONDS })
      : bindToApp(kept.challenge);
  const identity = deps.encryption.seal('provider-link', JSON.stringify({ profile, providerName, tokensSealed }));
  const subject = { userId: user.id, flow: binding.flow, data: { identity }, value };
  const linkToken = await issueOneTime(tx, 'provider-link', subject, origin.now);
  const [cookie] = binding.cookies;
  return new Refusal('link_required', {
    linkToken,
    ...(cookie === undefined ? {} : { headers: { 'set-cookie': cookie } }),
  });
}

function metric({ status }: Outcome): string {
  return status === 'complete' ? 'success' : status;
}
