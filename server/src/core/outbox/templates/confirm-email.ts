import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { greeting, ownLink } from './words.ts';

export const confirmEmail = {
  en: (data: MailData['confirm-email']): Letter => ({
    subject: 'Confirm your new email address',
    greeting: greeting(),
    paragraphs: ['An account is to use this address from now on. It takes effect only once you confirm it.'],
    action: { label: 'Confirm the new address', link: ownLink(data.link) },
    why: 'You receive this because this address was entered as the new address of an account.',
    notYou: 'If you did not ask for this, ignore this mail: nothing changes.',
  }),
};
