import type { Config } from '../../config/config.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Effects } from '../effects/index.ts';
import { type Factors, factorsOf, otpauthUri } from '../factors/index.ts';
import { endOneTime, SIGN_IN_PURPOSES } from '../one-time/index.ts';
import { type SecurityEvent, securityNotice } from '../outbox/index.ts';
import { distrustDevices } from '../signin/index.ts';
import { findUser, principalUser, type UserRow } from '../users/index.ts';

export interface TotpEnrolment {
  secret: string;
  otpauth_uri: string;
  qr_svg: string;
}

/** The secret in the three forms in which people take it in. The image is drawn here: a secret is shown to nobody else. */
export async function showTotp(secret: string, email: string, serviceName: string): Promise<TotpEnrolment> {
  const uri = otpauthUri(secret, serviceName, email);
  const { default: codes } = await import('qrcode'); // its fifty files are read when somebody enrols
  const qr_svg = await codes.toString(uri, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 });
  return { secret, otpauth_uri: uri, qr_svg };
}

export interface EnrolmentDeps {
  factors: Factors;
  config: Pick<Config, 'PASSKEY_AS_FACTOR'>;
}

type Added = 'totp' | 'email';
const EVENTS: Record<Added, { added: SecurityEvent; removed: SecurityEvent }> = {
  totp: { added: 'totp_added', removed: 'totp_removed' },
  email: { added: 'email_factor_added', removed: 'email_factor_removed' },
};

/**
 * What comes with a new factor: recovery codes, if the account has none that go with another factor; no device is
 * trusted any longer; sign-ins that wait are over; and its owner is told.
 */
export async function afterEnrolment(
  { factors }: EnrolmentDeps,
  tx: Tx,
  { user, factor, codes, origin }: { user: UserRow; factor: Added; codes: 'always' | 'if-none'; origin: RequestOrigin },
): Promise<{ recoveryCodes: string[] | null; effects: Effects }> {
  await endOneTime(tx, user.id, SIGN_IN_PURPOSES, origin.now);
  await distrustDevices(tx, user.id);
  const isDue = codes === 'always' || user.recovery_codes_left === 0;
  const recoveryCodes = isDue ? await factors.newRecoveryCodes(tx, user.id, origin.now) : null;
  const effects = effectsOf(user, 'mfa.enrolled', factor, EVENTS[factor].added, origin);
  if (recoveryCodes !== null) effects.audit?.push(codesLine(user.id, origin));
  return { recoveryCodes, effects };
}

/** What goes with a factor that was removed: recovery codes stand in for a factor, and are nothing without one. */
export async function afterRemoval(
  { factors, config }: EnrolmentDeps,
  tx: Tx,
  { user, factor, origin }: { user: UserRow; factor: Added; origin: RequestOrigin },
): Promise<Effects> {
  const left = (await findUser(tx, user.id)) as UserRow;
  if (factorsOf(principalUser(left), config).length === 0) await factors.removeRecoveryCodes(tx, user.id);
  await endOneTime(tx, user.id, SIGN_IN_PURPOSES, origin.now);
  await distrustDevices(tx, user.id);
  return effectsOf(user, 'mfa.removed', factor, EVENTS[factor].removed, origin);
}

export function codesLine(userId: string, origin: RequestOrigin): NonNullable<Effects['audit']>[number] {
  const actor = { type: 'user', id: userId } as const;
  return { action: 'mfa.recovery_codes_created', outcome: 'success', actor, subject: userId, origin };
}

function effectsOf(
  user: UserRow,
  action: 'mfa.enrolled' | 'mfa.removed',
  factor: Added,
  event: SecurityEvent,
  origin: RequestOrigin,
): Effects {
  return {
    audit: [
      {
        action,
        outcome: 'success',
        actor: { type: 'user', id: user.id },
        subject: user.id,
        origin,
        detail: { factor },
      },
    ],
    mail: [securityNotice(user, event, origin)],
    changed: [user.id],
  };
}
