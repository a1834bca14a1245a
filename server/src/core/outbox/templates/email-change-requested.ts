import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { eventFacts, greeting, ownLink } from './words.ts';

export const emailChangeRequested = {
  en: (data: MailData['email-change-requested']): Letter => ({
    subject: 'Your email address is about to change',
    greeting: greeting(data.name),
    paragraphs: [
      `A change of your account’s address to ${data.newEmail} was requested. It takes effect once the new address is confirmed.`,
    ],
    action: { label: 'Stop or undo this change', link: ownLink(data.link) },
    facts: eventFacts(data),
    why: 'You receive this because it concerns the security of your account.',
    notYou:
      'If it was not you, use the link above: it keeps this address, even after the change. Then change your password.',
  }),
};
