import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';

export const mailCode = {
  en: (data: MailData['mail-code']): Letter => ({
    subject: data.for === 'sign-in' ? 'Your sign-in code' : 'Your code for the second step',
    greeting: 'Hello,',
    paragraphs: [
      `Your code: ${data.code}`,
      'It works once, for ten minutes, and only where it was asked for. Nobody of ours ever asks you for it.',
    ],
    why: 'You receive this because somebody asked for a code for this address.',
    notYou:
      data.for === 'sign-in'
        ? 'If it was not you, ignore this mail: without the code nobody gets in.'
        : 'If it was not you, somebody knows your password: change it now with “Forgot password” on the sign-in page.',
  }),
};
