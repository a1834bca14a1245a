import type { Unit } from '../../core/effects/index.ts';
import { endOneTime, issueOneTime, useOneTime } from '../../core/one-time/index.ts';
import type { OutgoingMail } from '../../core/outbox/index.ts';
import { endSessions } from '../../core/sessions/index.ts';
import { forgetDevices } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { findUser, findUserByEmail, lockUser, requireEmail, setEmail } from '../../core/users/index.ts';
import type { Config } from '../../config/config.ts';
import { mailLink } from '../../lib/link.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import { isUniqueViolation, type Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';

export interface ChangeEmailDeps {
  config: Pick<Config, 'APP_LINK_BASE'>;
  unit: Unit;
  guesses: Guesses;
}

/** The change counts once the new address confirms it; the old one is told at once and can undo it for a week. */
export async function requestEmailChange(
  { config, unit, guesses }: ChangeEmailDeps,
  principal: Principal,
  address: string,
  origin: RequestOrigin,
): Promise<void> {
  const to = requireEmail(address);
  const { id, email: from, locale } = principal.user;
  await unit.change(async (tx, record) => {
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
        data: { link: mailLink(config.APP_LINK_BASE, '/undo-email', undo), newEmail: to, when: new Date(origin.now).toISOString() },
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

/** Two who confirm the same address at once: the unique index lets one through. */
export async function confirmEmail({ unit }: ChangeEmailDeps, token: string, origin: RequestOrigin): Promise<void> {
  const now = new Date(origin.now);
  await unit
    .change(async (tx, record) => {
      const { id, data } = await changeOf(tx, 'confirm-email', token, origin.now);
      if (!(await setEmail(tx, id, data.from, data.to, now))) throw new Refusal('token_invalid');
      await endOneTime(tx, id, ['verify-email', 'reset-password', 'choose-password', 'confirm-email'], origin.now);
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
        mail: [{ template: 'email-changed', to: data.from, userId: id, data: { newEmail: data.to, when: now.toISOString() } }],
        changed: [id],
      });
    })
    .catch(refuseTaken);
}

/** From the old address: the account goes back to it, and whoever is in is out. */
export async function undoEmail({ config, unit }: ChangeEmailDeps, token: string, origin: RequestOrigin): Promise<void> {
  const now = new Date(origin.now);
  await unit
    .change(async (tx, record) => {
      const { id, data, current } = await changeOf(tx, 'undo-email', token, origin.now);
      if (current === data.to) await setEmail(tx, id, data.to, data.from, now);
      else if (current !== data.from) throw new Refusal('token_invalid');
      await endOneTime(tx, id, ['confirm-email', 'reset-password', 'choose-password'], origin.now);
      const ended = await endSessions(tx, { userId: id }, 'email_undone', now);
      await forgetDevices(tx, id, null);
      // Who could ask for the change may know the password: its owner is offered a new one.
      const reset = await issueOneTime(tx, 'reset-password', { userId: id, data: { email: data.from } }, origin.now);
      await record({
        audit: [
          {
            action: 'user.email_change_undone',
            outcome: 'success',
            actor: { type: 'user', id },
            subject: id,
            origin,
            detail: { sessions_ended: ended.length },
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
        changed: [id],
      });
    })
    .catch(refuseTaken);
}

async function changeOf(
  tx: Tx,
  purpose: 'confirm-email' | 'undo-email',
  token: string,
  now: number,
): Promise<{ id: string; data: { from: string; to: string }; current: string }> {
  const { user_id: id, data } = await useOneTime(tx, purpose, token, now);
  const { from, to } = data;
  if (id === null || from === undefined || to === undefined) throw new Refusal('token_invalid');
  await lockUser(tx, id);
  const user = await findUser(tx, id);
  if (user === undefined || user.status !== 'active') throw new Refusal('token_invalid');
  return { id, data: { from, to }, current: user.email };
}

function refuseTaken(error: unknown): never {
  throw isUniqueViolation(error) ? new Refusal('token_invalid', { cause: error }) : error;
}
