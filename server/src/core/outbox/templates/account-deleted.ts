import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { eventFacts, greeting } from './words.ts';

export const accountDeleted = {
  en: (data: MailData['account-deleted']): Letter => ({
    subject: 'Your account was deleted',
    greeting: greeting(data.name),
    paragraphs: ['Your account was deleted with all that belonged to it. This is the last mail about it.'],
    facts: eventFacts(data),
    why: 'You receive this because it concerns your account.',
    notYou: 'If you did not want this, ask those who run the service without delay.',
  }),
};
