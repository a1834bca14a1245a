/** What one page says, and which operation its button calls. */
export interface PageText {
  /** Where its link comes from, if not from a mail. */
  readonly source?: string;
  readonly path: string;
  /** Under the API's prefix. */
  readonly operation: string;
  readonly title: string;
  readonly intro: string;
  readonly asksFor: readonly ('email' | 'password')[];
  readonly button: string;
  readonly busy: string;
  readonly done: { readonly title: string; readonly text: string };
  /** What to do when the link is used, expired or replaced. */
  readonly remedy: string;
  /** Where the operation can be over for good. */
  readonly closed?: { readonly title: string; readonly text: string };
  /** It signs in, which may take more steps than one. */
  readonly signsIn?: true;
}

export const pageTexts: readonly PageText[] = [
  {
    path: '/verify-email',
    operation: '/auth/verify-email',
    title: 'Confirm your email address',
    intro: 'Press the button to confirm that this address is yours.',
    asksFor: [],
    button: 'Confirm address',
    busy: 'Confirming your address…',
    done: { title: 'Your address is confirmed', text: 'You can close this page and sign in.' },
    remedy: 'If you have not confirmed your address yet, ask for a new link where you signed up.',
  },
  {
    path: '/reset-password',
    operation: '/auth/password/reset',
    title: 'Choose a new password',
    intro: 'Once it is changed, you are signed out everywhere and sign in again with the new password.',
    asksFor: ['password'],
    button: 'Change password',
    busy: 'Changing your password…',
    done: {
      title: 'Your password is changed',
      text: 'You have been signed out everywhere. You can close this page and sign in with the new password.',
    },
    remedy: 'Ask for a new link with “Forgot password” where you sign in.',
  },
  {
    path: '/confirm-email',
    operation: '/email/confirm',
    title: 'Confirm your new email address',
    intro: 'Press the button to use this address for your account from now on. Until then nothing changes.',
    asksFor: [],
    button: 'Use the new address',
    busy: 'Changing your address…',
    done: { title: 'Your new address is in use', text: 'From now on, sign in with the new address.' },
    remedy: 'Your address stays as it is. To change it, ask for the change again in your account.',
  },
  {
    path: '/undo-email',
    operation: '/email/undo',
    title: 'Keep your earlier email address',
    intro:
      'Somebody asked to change the email address of your account. If it was not you, press the button to undo it.',
    asksFor: [],
    button: 'Undo the change',
    busy: 'Undoing the change…',
    done: {
      title: 'The change is undone',
      text: 'Your account uses your earlier address. If it was not you, choose a new password now: somebody may know the old one.',
    },
    remedy: 'If your account is no longer in your hands, turn to the people who run this service.',
  },
  {
    path: '/magic-link',
    operation: '/auth/magic-link/verify',
    title: 'Sign in',
    intro: 'Press the button to sign in with this link.',
    asksFor: [],
    button: 'Sign in',
    busy: 'Signing you in…',
    done: { title: 'You are signed in', text: 'You can close this page and go on where you asked for the link.' },
    remedy: 'Ask for a new one where you sign in.',
    signsIn: true,
  },
  {
    path: '/veto-factor-reset',
    operation: '/auth/factor-reset/veto',
    title: 'Keep your second factors',
    intro:
      'An administrator was asked to remove the second factors of your account. If it was not you who asked, press the button to stop it.',
    asksFor: [],
    button: 'Keep my second factors',
    busy: 'Stopping the removal…',
    done: {
      title: 'Your second factors stay',
      text: 'Nothing was removed. If you did not ask for it, choose a new password now: somebody tried to get into your account.',
    },
    remedy:
      'If your second factors were removed against your will, turn to the people who run this service, and choose a new password.',
  },
  {
    path: '/setup',
    source: 'the terminal',
    operation: '/setup',
    title: 'Create the first administrator',
    intro: 'This account can manage all others. The page works once.',
    asksFor: ['email', 'password'],
    button: 'Create administrator',
    busy: 'Creating the account…',
    done: {
      title: 'The administrator account is ready',
      text: 'Sign in with it in your application, or through the API: /docs says how.',
    },
    remedy: 'Whoever runs this server makes a new link with the command “auth-api setup-link”.',
    closed: {
      title: 'There is an administrator already',
      text: 'The set-up is closed. Sign in with the administrator’s account; /docs says how.',
    },
  },
];
