import type { Unit } from '../../core/effects/index.ts';
import type { Assertion, BrowserResponse, Passkeys } from '../../core/passkeys/index.ts';
import type { Outcome, SignIn } from '../../core/signin/index.ts';
import { findUser } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';

export interface SignInDeps {
  unit: Unit;
  passkeys: Passkeys;
  signIn: SignIn;
}

export interface How {
  readonly session: 'token' | 'cookie' | undefined;
  readonly deviceToken: string | undefined;
}

type Record = Parameters<Parameters<Unit['change']>[0]>[1];

/**
 * A passkey as the only way in: two factors at once, since the authenticator has verified its user. Every refusal but
 * that of an unverified address is one answer; the challenge is used up, and the counter stored, all the same.
 */
export async function signInWithPasskey(
  deps: SignInDeps,
  response: BrowserResponse,
  how: How,
  origin: RequestOrigin,
): Promise<Outcome> {
  const outcome = await deps.unit.change(async (tx, record) => {
    const about = { userId: null, origin };
    const examined = await deps.passkeys.examine(tx, 'passkey-sign-in', response, about, origin.now);
    if (!('reason' in examined)) return enter(deps, tx, record, examined, how, origin);
    await refuse(record, examined.reason, examined.userId, origin);
    return new Refusal('passkey_invalid');
  });
  if (outcome instanceof Refusal) throw outcome;
  return outcome;
}

// What refuses here has written nothing: the transaction goes on, and what the passkey has used up stays used.
async function enter(
  { signIn }: SignInDeps,
  tx: Tx,
  record: Record,
  { userId, passkeyId, method }: Assertion,
  { session, deviceToken }: How,
  origin: RequestOrigin,
): Promise<Outcome | Refusal> {
  const user = await findUser(tx, userId);
  if (user === undefined) return new Refusal('passkey_invalid');
  try {
    const { outcome, effects } = await signIn.proceedIn(tx, {
      user,
      proofs: [{ method, isMultiFactor: true }],
      mode: session ?? 'token',
      deviceToken,
      origin,
      audit: { detail: { passkey: passkeyId } },
    });
    await record(effects);
    return outcome;
  } catch (error) {
    const code = error instanceof Refusal ? error.code : null;
    if (code !== 'invalid_credentials' && code !== 'email_not_verified') throw error;
    await refuse(record, code === 'invalid_credentials' ? 'disabled' : code, userId, origin);
    return code === 'email_not_verified' ? (error as Refusal) : new Refusal('passkey_invalid');
  }
}

async function refuse(record: Record, reason: string, userId: string | null, origin: RequestOrigin): Promise<void> {
  await record({
    audit: [
      {
        action: 'session.login_failed',
        outcome: 'failure',
        actor: { type: 'anonymous' },
        ...(userId === null ? {} : { subject: userId }),
        reason,
        origin,
        detail: { method: 'passkey' },
      },
    ],
  });
}
