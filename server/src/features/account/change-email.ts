import type { Config } from '../../config/config.ts';
import { type AuditEvent, eraseSubject } from '../../core/audit/index.ts';
import type { Unit } from '../../core/effects/index.ts';
import type { Flags } from '../../core/flags/index.ts';
import {
  endOneTime,
  endOneTimeSince,
  issueOneTime,
  type OneTimeRow,
  peekOneTime,
  SIGN_IN_PURPOSES,
  useOneTime,
} from '../../core/one-time/index.ts';
import { dropMailsOf, type OutgoingMail } from '../../core/outbox/index.ts';
import { endImpersonations, endSessions, findSession } from '../../core/sessions/index.ts';
import { forgetDevices } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { deleteUser, findUser, findUserByEmail, lockUser, requireEmail, setEmail } from '../../core/users/index.ts';
import { mailLink } from '../../lib/link.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import { isUniqueViolation, type Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { removeWaysInSince } from './store.ts';

export interface ChangeEmailDeps {
  config: Pick<Config, 'APP_LINK_BASE'>;
  unit: Unit;
  flags: Pick<Flags, 'known'>;
  guesses: Guesses;
}

/** The change counts once the new address confirms it; the old one is told at once and can undo it for a week. */
export async function requestEmailChange(
  { config, unit, flags, guesses }: ChangeEmailDeps,
  principal: Principal,
  address: string,
  origin: RequestOrigin,
): Promise<void> {
  const to = requireEmail(address);
  await (await flags.known()).requireOn('email-change', principal.user);
  const { id, locale } = principal.user;
  await unit.change(async (tx, record) => {
    const from = await requireLiveSession(tx, principal);
    // Without its notice there is no change, and nobody's mailbox is filled with notices.
    if (!(await guesses.admitMail(tx, 'change-notice', from, origin.now))) {
      throw new Refusal('rate_limited', { policy: 'email_change', retryAfter: 3600 });
    }
    await endOneTime(tx, id, ['confirm-email'], origin.now);
    const owner = await findUserByEmail(tx, to);
    const isAllowed = await guesses.admitMail(tx, 'change', to, origin.now);
    const data = { from, to };
    const confirm = await issueOneTime(tx, 'confirm-email', { userId: id, data }, origin.now);
    const undo = await issueOneTime(tx, 'undo-email', { userId: id, data }, origin.now);
    const link = mailLink(config.APP_LINK_BASE, '/confirm-email', confirm);
    const mail: OutgoingMail[] = [
      {
        template: 'email-change-requested',
        to: from,
        locale,
        userId: id,
        data: {
          link: mailLink(config.APP_LINK_BASE, '/undo-email', undo),
          newEmail: to,
          when: new Date(origin.now).toISOString(),
        },
      },
    ];
    if (!isAllowed) mail.push({ template: 'nobody', to, data: { link } });
    else if (owner === undefined) mail.push({ template: 'confirm-email', to, locale, userId: id, data: { link } });
    else mail.push({ template: 'address-taken', to, locale: owner.locale, userId: owner.id, data: {} });
    await record({
      audit: [
        {
          action: 'user.email_change_requested',
          outcome: 'success',
          actor: { type: 'user', id },
          subject: id,
          session: principal.sessionId,
          origin,
          personal: { new_email: to },
        },
      ],
      mail,
    });
  });
}

// Beside a reset or a sign-out that ends this session, the request is either ended with the rest or refused: no change
// of address survives them (EML-09). Gives the address that the account has now.
async function requireLiveSession(tx: Tx, principal: Principal): Promise<string> {
  await lockUser(tx, principal.user.id);
  const session = await findSession(tx, principal.sessionId);
  if (session === undefined || session.ended_at !== null || session.status !== 'active')
    throw new Refusal('session_revoked');
  return session.email;
}

/** Two who confirm the same address at once: the unique index lets one through. */
export async function confirmEmail(
  { unit, flags }: ChangeEmailDeps,
  token: string,
  origin: RequestOrigin,
): Promise<void> {
  const now = new Date(origin.now);
  const switches = await flags.known();
  await unit
    .change(async (tx, record) => {
      const { id, data, roles } = await changeOf(tx, 'confirm-email', token, origin.now);
      await switches.requireOn('email-change', { id, roles }); // the link is not used up
      if (!(await setEmail(tx, id, data.from, data.to, now))) throw new Refusal('token_invalid');
      await endOneTime(
        tx,
        id,
        ['verify-email', 'reset-password', 'choose-password', 'confirm-email', ...SIGN_IN_PURPOSES],
        origin.now,
      );
      await record({
        audit: [
          {
            action: 'user.email_changed',
            outcome: 'success',
            actor: { type: 'user', id },
            subject: id,
            origin,
            personal: { old_email: data.from, new_email: data.to },
          },
        ],
        mail: [
          {
            template: 'email-changed',
            to: data.from,
            userId: id,
            data: { newEmail: data.to, when: now.toISOString() },
          },
        ],
        changed: [id],
      });
    })
    .catch(refuseTaken);
}

/**
 * From the old address: the account goes back to it, however often its address was changed since, and whoever is in is
 * out. The undo links of those later changes went to addresses that may be the intruder's: they end.
 */
export async function undoEmail(
  { config, unit }: ChangeEmailDeps,
  token: string,
  origin: RequestOrigin,
): Promise<void> {
  const now = new Date(origin.now);
  await unit
    .change(async (tx, record) => {
      const { id, data, current, row } = await changeOf(tx, 'undo-email', token, origin.now);
      const removed = await freeAddress(tx, data.from, id, origin);
      if (current !== data.from) await setEmail(tx, id, current, data.from, now);
      await endOneTimeSince(tx, row, 'undo-email', origin.now);
      await endOneTime(tx, id, ['confirm-email', 'reset-password', 'choose-password', ...SIGN_IN_PURPOSES], origin.now);
      const waysRemoved = await removeWaysInSince(tx, id, row.id);
      const ended = await endSessions(tx, { userId: id }, 'email_undone', now);
      const acting = await endImpersonations(tx, id, now);
      await forgetDevices(tx, id, null);
      // Who could ask for the change may know the password: its owner is offered a new one.
      const reset = await issueOneTime(tx, 'reset-password', { userId: id, data: { email: data.from } }, origin.now);
      await record({
        audit: [
          ...removed,
          {
            action: 'user.email_change_undone',
            outcome: 'success',
            actor: { type: 'user', id },
            subject: id,
            origin,
            detail: { sessions_ended: ended.length, ways_in_removed: waysRemoved },
          },
        ],
        mail: [
          {
            template: 'reset-password',
            to: data.from,
            userId: id,
            data: { link: mailLink(config.APP_LINK_BASE, '/reset-password', reset) },
          },
        ],
        changed: [id, ...acting, ...removed.map((line) => line.subject as string)],
      });
      for (const { subject } of removed) await eraseSubject(tx, subject as string);
    })
    .catch(refuseTaken);
}

// Whoever moved the account away may have registered its old address meanwhile. The link has just proven that address;
// an account that never did has to give way. One that did stands, and the link is refused.
async function freeAddress(tx: Tx, address: string, id: string, origin: RequestOrigin): Promise<AuditEvent[]> {
  const owner = await findUserByEmail(tx, address);
  if (owner === undefined || owner.id === id || owner.email_verified_at !== null) return [];
  if (!(await deleteUser(tx, owner.id))) return [];
  await dropMailsOf(tx, owner.id);
  return [
    {
      action: 'user.deleted',
      outcome: 'success',
      actor: { type: 'system' },
      subject: owner.id,
      reason: 'address_reclaimed',
      origin,
    },
  ];
}

async function changeOf(
  tx: Tx,
  purpose: 'confirm-email' | 'undo-email',
  token: string,
  now: number,
): Promise<{ id: string; roles: string[]; data: { from: string; to: string }; current: string; row: OneTimeRow }> {
  const { user_id: id } = await peekOneTime(tx, purpose, token, now);
  if (id !== null) await lockUser(tx, id); // before what hangs on it, as everywhere
  const row = await useOneTime(tx, purpose, token, now);
  const { data } = row;
  const { from, to } = data;
  if (id === null || from === undefined || to === undefined) throw new Refusal('token_invalid');
  const user = await findUser(tx, id);
  if (user === undefined || user.status !== 'active') throw new Refusal('token_invalid');
  return { id, roles: user.roles, data: { from, to }, current: user.email, row };
}

function refuseTaken(error: unknown): never {
  throw isUniqueViolation(error) ? new Refusal('token_invalid', { cause: error }) : error;
}
