import type { Config } from '../../config/config.ts';
import type { Effects, Unit } from '../../core/effects/index.ts';
import { codesLine } from '../../core/enrolment/index.ts';
import type { Factors } from '../../core/factors/index.ts';
import type { Flags } from '../../core/flags/index.ts';
import type { Accepted, BrowserResponse, Passkeys } from '../../core/passkeys/index.ts';
import { type RegistrationDeps, registerIn } from '../../core/registration/index.ts';
import type { Outcome } from '../../core/signin/index.ts';
import { requireEmail, requireName } from '../../core/users/index.ts';
import { uuidv7 } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import { FIRST_NAME } from './own-passkeys.ts';
import type { How } from './sign-in.ts';

export interface SignUpDeps extends RegistrationDeps {
  config: RegistrationDeps['config'] & Pick<Config, 'PASSKEY_AS_FACTOR'>;
  unit: Unit;
  flags: Pick<Flags, 'requireOn' | 'known'>;
  passkeys: Passkeys;
  factors: Pick<Factors, 'newRecoveryCodes'>;
}

/** Nothing is looked up: a free and a taken address get options of the same shape. */
export async function signUpOptions(
  { flags, unit, passkeys }: SignUpDeps,
  body: { email: string; name?: string },
  origin: RequestOrigin,
): Promise<Record<string, unknown>> {
  const email = requireEmail(body.email);
  const name = body.name === undefined ? null : requireName(body.name);
  await flags.requireOn('registration', { key: email });
  // The account's id before there is one: the authenticator keeps it as the user handle.
  const id = uuidv7(origin.now);
  const data = { id, email, ...(name === null ? {} : { name }) };
  const about = { owner: { id, email, name }, isKnown: false, data };
  return unit.change((tx) => passkeys.creationOptions(tx, 'passkey-sign-up', about, origin.now));
}

export interface SignedUp {
  readonly outcome: Outcome | null;
  readonly recoveryCodes: readonly string[] | null;
}

/** An account whose only way in is a passkey; its address is proven by the link in the mail, as with a password. */
export async function signUp(
  deps: SignUpDeps,
  response: BrowserResponse,
  how: How,
  origin: RequestOrigin,
): Promise<SignedUp> {
  const inspected = await deps.passkeys.inspect(response, origin.now);
  const switches = await deps.flags.known();
  const done = await deps.unit.change(async (tx, record) => {
    const accepted = await deps.passkeys.accept(tx, 'passkey-sign-up', inspected, { userId: null }, origin.now);
    // Before it matters whether the address is free: what is wrong with the credential tells nothing of it.
    if ('reason' in accepted || (await deps.passkeys.isRegistered(tx, accepted))) return null;
    const { id, email, name = null } = accepted.data as { id: string; email: string; name?: string };
    await switches.requireOn('registration', { key: email });
    const { furnish, codes } = furnisher(deps, accepted, origin);
    const proof = { method: accepted.credential.isBackupEligible ? 'swk' : 'hwk', isMultiFactor: true } as const;
    const newcomer = { id, email, name, passwordHash: null, proof, ...how, furnish };
    const registered = await registerIn(deps, tx, newcomer, origin);
    for (const effects of registered.effects) await record(effects);
    return { ...registered, recoveryCodes: codes() };
  });
  if (done === null) throw new Refusal('passkey_rejected');
  if (done.isTaken) throw new Refusal('email_taken');
  return done;
}

/** Recovery codes only where there is an answer that can show them; else they are made after the first sign-in. */
function furnisher(
  { config, passkeys, factors }: SignUpDeps,
  accepted: Accepted,
  origin: RequestOrigin,
): { furnish(tx: Tx, userId: string): Promise<Effects>; codes(): readonly string[] | null } {
  let recoveryCodes: readonly string[] | null = null;
  return {
    codes: () => recoveryCodes,
    async furnish(tx, userId) {
      const passkey = await passkeys.add(tx, accepted, { userId, name: FIRST_NAME }, origin.now);
      if (passkey === null) throw new Refusal('passkey_rejected');
      const actor = { type: 'user', id: userId } as const;
      const audit: Effects['audit'] = [
        {
          action: 'passkey.added',
          outcome: 'success',
          actor,
          subject: userId,
          origin,
          detail: { passkey: passkey.id, aaguid: passkey.aaguid },
        },
      ];
      if (config.EMAIL_VERIFICATION === 'optional' && config.PASSKEY_AS_FACTOR) {
        recoveryCodes = await factors.newRecoveryCodes(tx, userId, origin.now);
        audit.push(codesLine(userId, origin));
      }
      return { audit };
    },
  };
}
