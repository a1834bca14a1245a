import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { greeting, moment, ownLink } from './words.ts';

export const factorResetRequested = {
  en: (data: MailData['factor-reset-requested']): Letter => ({
    subject: 'Your second factors are about to be removed',
    greeting: greeting(data.name),
    paragraphs: [
      'An administrator was asked to remove all second factors of your account: passkeys, authenticator app, codes.',
      `It will happen on ${moment(data.due)}, unless you stop it before.`,
    ],
    action: { label: 'Stop the removal', link: ownLink(data.link) },
    why: 'You receive this because it concerns the security of your account.',
    notYou: 'If you did not ask for it, use the link above, and change your password.',
  }),
};
