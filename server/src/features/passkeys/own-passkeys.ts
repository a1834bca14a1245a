import type { Config } from '../../config/config.ts';
import type { AuditEvent } from '../../core/audit/index.ts';
import type { Unit } from '../../core/effects/index.ts';
import { codesLine } from '../../core/enrolment/index.ts';
import { type Factors, factorsOf, isFactorWanted } from '../../core/factors/index.ts';
import { requireAnotherWayIn } from '../../core/identities/index.ts';
import { endOneTime, SIGN_IN_PURPOSES } from '../../core/one-time/index.ts';
import { type OutgoingMail, type SecurityEvent, securityNotice } from '../../core/outbox/index.ts';
import {
  type Accepted,
  type BrowserResponse,
  deletePasskey,
  findPasskey,
  type PasskeyRow,
  type Passkeys,
  renamePasskey,
} from '../../core/passkeys/index.ts';
import { lockOwner, type Sessions } from '../../core/sessions/index.ts';
import { distrustDevices } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { principalUser, requireName, type UserRow } from '../../core/users/index.ts';
import { isUuid } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';

export interface OwnPasskeysDeps {
  config: Pick<Config, 'PASSKEY_AS_FACTOR' | 'REQUIRE_MFA'>;
  unit: Unit;
  passkeys: Passkeys;
  factors: Factors;
  sessions: Sessions;
  guesses: Guesses;
}

/** What a passkey is called that nobody has named. */
export const FIRST_NAME = 'Passkey';
/** More than anybody has authenticators: every one of them is in the options of the next. */
const MOST = 50;

export async function passkeyOptions(
  { unit, passkeys }: OwnPasskeysDeps,
  principal: Principal,
  isSecondFactorOnly: boolean,
  now: number,
): Promise<Record<string, unknown>> {
  const { id, email, name } = principal.user;
  const about = { owner: { id, email, name }, isKnown: true, flow: principal.sessionId, isSecondFactorOnly };
  return unit.change((tx) => passkeys.creationOptions(tx, 'passkey-creation', about, now));
}

export interface Added {
  readonly passkey: PasskeyRow;
  readonly recoveryCodes: string[] | null;
  /** A cookie session's new value. */
  readonly cookie: string | null;
}

export async function addPasskey(
  deps: OwnPasskeysDeps,
  principal: Principal,
  body: { response: BrowserResponse; name: string | undefined },
  origin: RequestOrigin,
): Promise<Added> {
  const name = body.name === undefined ? FIRST_NAME : requireName(body.name);
  const inspected = await deps.passkeys.inspect(body.response, origin.now);
  const added = await deps.unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    if (user.passkeys >= MOST) throw new Refusal('conflict', { detail: `An account has at most ${MOST} passkeys.` });
    const about = { userId: user.id, flow: principal.sessionId };
    const accepted = await deps.passkeys.accept(tx, 'passkey-creation', inspected, about, origin.now);
    const passkey =
      'reason' in accepted ? null : await deps.passkeys.add(tx, accepted, { userId: user.id, name }, origin.now);
    if (passkey === null) {
      const reason = 'reason' in accepted ? accepted.reason : 'registered';
      await record({ audit: [{ ...lineFor('passkey.added', principal, origin), outcome: 'failure', reason }] });
      return null;
    }
    const { recoveryCodes, cookie } = await afterFirst(deps, tx, principal, user, accepted as Accepted, origin.now);
    await settle(tx, user.id, origin.now);
    const { id, aaguid, second_factor_only } = passkey;
    const line = lineFor('passkey.added', principal, origin, { passkey: id, aaguid, second_factor_only });
    await record({
      audit: recoveryCodes === null ? [line] : [line, codesLine(user.id, origin)],
      mail: await noticeFor(deps, tx, user, 'passkey_added', name, origin),
      changed: [user.id, principal.sessionId],
    });
    return { passkey, recoveryCodes, cookie };
  });
  if (added === null) throw new Refusal('passkey_rejected');
  return added;
}

/**
 * The first second factor of an account: its session has just shown it, so that the next step does not ask for it at
 * once, and recovery codes come with it.
 */
async function afterFirst(
  { config, factors, sessions }: OwnPasskeysDeps,
  tx: Tx,
  principal: Principal,
  before: UserRow,
  { credential }: Accepted,
  now: number,
): Promise<{ recoveryCodes: string[] | null; cookie: string | null }> {
  const isFirst = factorsOf(principalUser(before), config).length === 0 && config.PASSKEY_AS_FACTOR;
  if (!isFirst) return { recoveryCodes: null, cookie: null };
  const method = credential.isBackupEligible ? 'swk' : 'hwk';
  const cookie = await sessions.reauthenticated(tx, principal, [method, 'mfa'], now);
  const recoveryCodes = before.recovery_codes_left === 0 ? await factors.newRecoveryCodes(tx, before.id, now) : null;
  return { recoveryCodes, cookie };
}

export async function renameOwnPasskey(
  { unit }: OwnPasskeysDeps,
  principal: Principal,
  { id, name }: { id: string; name: string },
  origin: RequestOrigin,
): Promise<PasskeyRow> {
  const plain = requireName(name);
  return unit.change(async (tx, record) => {
    const passkey = isUuid(id) ? await renamePasskey(tx, principal.user.id, id, plain) : undefined;
    if (passkey === undefined) throw new Refusal('not_found');
    await record({ audit: [lineFor('passkey.updated', principal, origin, { passkey: id })] });
    return passkey;
  });
}

/** The last way in stays; another's passkey and none at all are one answer. */
export async function removePasskey(
  deps: OwnPasskeysDeps,
  principal: Principal,
  id: string,
  origin: RequestOrigin,
): Promise<void> {
  if (!isUuid(id)) throw new Refusal('not_found');
  await deps.unit.change(async (tx, record) => {
    const user = await lockOwner(tx, principal);
    const passkey = await findPasskey(tx, user.id, id);
    if (passkey === undefined) throw new Refusal('not_found');
    if (!passkey.second_factor_only) await requireAnotherWayIn(tx, user.id);
    await deletePasskey(tx, user.id, id);
    const left = factorsOf(principalUser({ ...user, passkeys: user.passkeys - 1 }), deps.config);
    if (left.length === 0) {
      if (isFactorWanted(user.roles, deps.config) && factorsOf(principalUser(user), deps.config).length > 0) {
        throw new Refusal('conflict', { detail: 'This account needs a second factor: add another one first.' });
      }
      await deps.factors.removeRecoveryCodes(tx, user.id); // they stand in for a factor, and are nothing without one
    }
    await settle(tx, user.id, origin.now);
    await record({
      audit: [lineFor('passkey.removed', principal, origin, { passkey: id })],
      mail: await noticeFor(deps, tx, user, 'passkey_removed', passkey.name, origin),
      changed: [user.id],
    });
  });
}

/** Other factors than before: what was under way with the former ones ends, and every device is asked again. */
async function settle(tx: Tx, userId: string, now: number): Promise<void> {
  await endOneTime(tx, userId, SIGN_IN_PURPOSES, now);
  await distrustDevices(tx, userId);
}

function lineFor(
  action: AuditEvent['action'],
  { user, sessionId }: Principal,
  origin: RequestOrigin,
  detail: Record<string, unknown> = {},
): AuditEvent {
  const actor = { type: 'user', id: user.id } as const;
  return { action, outcome: 'success', actor, subject: user.id, session: sessionId, origin, detail };
}

/** An address that nobody has proven is not written to without end. */
async function noticeFor(
  { guesses }: OwnPasskeysDeps,
  tx: Tx,
  user: UserRow,
  event: SecurityEvent,
  what: string,
  origin: RequestOrigin,
): Promise<OutgoingMail[]> {
  const isProven = user.email_verified_at !== null;
  if (!isProven && !(await guesses.admitMail(tx, 'notice', user.email, origin.now))) return [];
  return [securityNotice(user, event, origin, what)];
}
