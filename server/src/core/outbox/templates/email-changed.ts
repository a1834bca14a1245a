import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { eventFacts, greeting } from './words.ts';

export const emailChanged = {
  en: (data: MailData['email-changed']): Letter => ({
    subject: 'Your email address was changed',
    greeting: greeting(data.name),
    paragraphs: [`The address of your account was changed${data.newEmail ? ` to ${data.newEmail}` : ''}.`],
    facts: eventFacts(data),
    why: 'You receive this because it concerns the security of your account.',
    notYou: 'If it was not you, use the link for undoing it in our earlier mail, and change your password.',
  }),
};
