import { oneLine } from '../../../platform/mail/mail.ts';
import type { MailData, MailTemplate, OutgoingMail } from '../mail.ts';
import { accountDeleted } from './account-deleted.ts';
import { accountDisabled } from './account-disabled.ts';
import { addressTaken } from './address-taken.ts';
import { choosePassword } from './choose-password.ts';
import { confirmEmail } from './confirm-email.ts';
import { emailChangeRequested } from './email-change-requested.ts';
import { emailChanged } from './email-changed.ts';
import { factorResetRequested } from './factor-reset-requested.ts';
import { type Letter, letterHtml, letterText } from './letter.ts';
import { magicLink } from './magic-link.ts';
import { mailCode } from './mail-code.ts';
import { newDevice } from './new-device.ts';
import { passwordChanged } from './password-changed.ts';
import { refreshReused } from './refresh-reused.ts';
import { resetPassword } from './reset-password.ts';
import { securityNotice } from './security-notice.ts';
import { verifyEmail } from './verify-email.ts';

/** English is always there; another language is another function in a template's file. */
type Template<T extends MailTemplate> = { en: (data: MailData[T]) => Letter } & Partial<
  Record<string, (data: MailData[T]) => Letter>
>;

const templates: { readonly [T in Exclude<MailTemplate, 'nobody'>]: Template<T> } = {
  'verify-email': verifyEmail,
  'choose-password': choosePassword,
  'confirm-email': confirmEmail,
  'address-taken': addressTaken,
  'reset-password': resetPassword,
  'password-changed': passwordChanged,
  'new-device': newDevice,
  'email-change-requested': emailChangeRequested,
  'email-changed': emailChanged,
  'refresh-reused': refreshReused,
  'account-disabled': accountDisabled,
  'account-deleted': accountDeleted,
  'magic-link': magicLink,
  'mail-code': mailCode,
  'security-notice': securityNotice,
  'factor-reset-requested': factorResetRequested,
};

interface RenderedMail {
  subject: string;
  text: string;
  html: string;
}

/** Throws where this process does not know the template: one that is being replaced by a newer one may not. */
export function renderMail(mail: Pick<OutgoingMail, 'template' | 'data' | 'locale'>): RenderedMail {
  if (!Object.hasOwn(templates, mail.template)) throw new Error('unknown template');
  const template = templates[mail.template as keyof typeof templates] as Template<MailTemplate>;
  const wanted = mail.locale?.split('-')[0]?.toLowerCase() ?? 'en';
  const language = Object.hasOwn(template, wanted) ? wanted : 'en';
  // The data belongs to the template by OutgoingMail's type, which an index access cannot show.
  const letter = (template[language] ?? template.en)(mail.data as never);
  return { subject: oneLine(letter.subject), text: letterText(letter), html: letterHtml(letter, language) };
}
