import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { ownLink } from './words.ts';

export const magicLink = {
  en: (data: MailData['magic-link']): Letter => ({
    subject: 'Your sign-in link',
    greeting: 'Hello,',
    paragraphs: [
      'Open this link and press the button to sign in. It works once, for ten minutes.',
      'Opened on another device, it shows a code. Type that code only where you asked for the link yourself, and tell it to nobody.',
    ],
    action: { label: 'Sign in', link: ownLink(data.link) },
    why: 'You receive this because somebody asked for a sign-in link for this address.',
    notYou: 'If it was not you, ignore this mail: without the link nobody gets in.',
  }),
};
