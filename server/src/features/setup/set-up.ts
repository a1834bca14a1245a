import type { Unit } from '../../core/effects/index.ts';
import type { Passwords } from '../../core/passwords/index.ts';
import { useSetupLink } from '../../core/setup/index.ts';
import type { Outcome, SignIn } from '../../core/signin/index.ts';
import { findUser, grantRole, insertUser, requireEmail, type UserRow } from '../../core/users/index.ts';
import { uuidv7 } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';

export interface SetUpDeps {
  unit: Unit;
  passwords: Passwords;
  signIn: SignIn;
}

export interface SetUp {
  token: string;
  email: string;
  password: string;
  session?: 'token' | 'cookie';
  device_token?: string;
}

/** The first administrator, once. Who holds the link was given it on the machine itself. */
export async function setUp(deps: SetUpDeps, body: SetUp, origin: RequestOrigin): Promise<Outcome> {
  const email = requireEmail(body.email);
  const faults = await deps.passwords.check(body.password, { email, name: null });
  if (faults.length > 0) throw new Refusal('password_rejected', { errors: faults });
  const passwordHash = await deps.passwords.hash(body.password);
  const id = uuidv7(origin.now);
  const now = new Date(origin.now);

  return deps.unit.change(async (tx, record) => {
    await useSetupLink(tx, body.token, origin.now);
    const isNew = await insertUser(tx, { id, email, name: null, passwordHash, verifiedAt: now, createdAt: now });
    if (!isNew) throw new Refusal('email_taken');
    await grantRole(tx, id, 'admin');
    const user = (await findUser(tx, id)) as UserRow;
    const { outcome, effects } = await deps.signIn.proceedIn(tx, {
      user,
      proofs: [{ method: 'pwd' }],
      mode: body.session ?? 'token',
      deviceToken: body.device_token,
      origin,
      audit: { action: 'setup.completed' },
    });
    await record(effects);
    return outcome;
  });
}
