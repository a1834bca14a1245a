import type { Unit } from '../../core/effects/index.ts';
import type { Flags } from '../../core/flags/index.ts';
import type { Passwords } from '../../core/passwords/index.ts';
import { type RegistrationDeps, registerIn } from '../../core/registration/index.ts';
import type { Outcome } from '../../core/signin/index.ts';
import { requireEmail, requireName } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';

export interface RegisterDeps extends RegistrationDeps {
  unit: Unit;
  flags: Pick<Flags, 'requireOn'>;
  passwords: Passwords;
}

export interface Registration {
  email: string;
  password: string;
  name?: string;
  session?: 'token' | 'cookie';
  device_token?: string;
}

/** A new account with a password. For a taken address the hash is computed all the same, and thrown away. */
export async function register(deps: RegisterDeps, body: Registration, origin: RequestOrigin): Promise<Outcome | null> {
  const email = requireEmail(body.email);
  // Before anything is looked up: a closed registration says the same of every address.
  await deps.flags.requireOn('registration', { key: email });
  const name = body.name === undefined ? null : requireName(body.name);
  const faults = await deps.passwords.check(body.password, { email, name });
  if (faults.length > 0) throw new Refusal('password_rejected', { errors: faults });
  const passwordHash = await deps.passwords.hash(body.password);
  const { session, device_token: deviceToken } = body;
  const newcomer = { email, name, passwordHash, proof: { method: 'pwd' }, session, deviceToken } as const;

  const { outcome, isTaken } = await deps.unit.change(async (tx, record) => {
    const registered = await registerIn(deps, tx, newcomer, origin);
    for (const effects of registered.effects) await record(effects);
    return registered;
  });
  if (isTaken) throw new Refusal('email_taken');
  return outcome;
}
