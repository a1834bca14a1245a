import { boolean, duration, list, type Parser, path, text } from '../parsers.ts';
import { optional, setting } from '../setting.ts';
import { origin } from '../url-parsers.ts';

/** `nobody`, `everyone`, or names of roles. */
const whoNeedsFactors: Parser<'nobody' | 'everyone' | readonly string[]> = {
  expected: 'nobody, everyone, or names of roles separated by commas, such as admin,support',
  parse(value) {
    if (value === 'nobody' || value === 'everyone') return { value };
    return list(text('the name of a role', /^[a-z][a-z0-9_-]{0,62}$/), '').parse(value);
  },
};

export const signIn = {
  SERVICE_NAME: optional(text('a name of at most 64 characters', /^[^\p{C}:]{1,64}$/u), {
    defaultNote: 'the host of `PUBLIC_URL`',
    description: 'What people know the service as: authenticator apps and passkey dialogues show it.',
    example: 'Example',
  }),
  REQUIRE_MFA: setting(whoNeedsFactors, {
    default: 'nobody',
    description:
      'Who needs a second factor: `nobody`, `everyone`, or roles. Without one such an account is led to enrol it before it gets any token.',
    example: 'admin',
  }),
  REQUIRE_MFA_GRACE: setting(duration('0s', '90d'), {
    default: '0s',
    description: 'How long after its first sign-in under `REQUIRE_MFA` an account may still do without.',
    example: '7d',
  }),
  MFA_EMAIL_CODE: setting(boolean, {
    default: 'true',
    description: 'Whether an account may choose a code by mail as its second factor.',
    example: 'true',
  }),
  MFA_RESET_DELAY: setting(duration('0s', '30d'), {
    default: '0s',
    description:
      "How long an administrator's reset of somebody's second factors waits, so that its owner can veto it by the link in the mail. 0s: it happens at once.",
    example: '24h',
  }),
  TRUSTED_DEVICE_AGE: setting(duration('0s', '180d'), {
    default: '30d',
    description:
      'How long a device on which the second factor was shown may do without it, if its owner asks for that. 0s: never.',
    example: '30d',
  }),
  PASSKEY_AS_FACTOR: setting(boolean, {
    default: 'true',
    description:
      'Whether an account with a passkey takes a second factor after a password, a link or a provider. `false`: only accounts that have another factor do.',
    example: 'true',
  }),
  PASSKEY_ATTESTATION_ROOTS: optional(path, {
    defaultNote: 'none: any authenticator',
    description:
      'A file of root certificates (PEM). Only passkeys whose attestation leads to one of them are taken, such as those of security keys that were handed out.',
    example: '/run/secrets/authenticator-roots.pem',
  }),
  WEBAUTHN_RP_ID: optional(text('a domain name', /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/), {
    defaultNote: 'the host of `PUBLIC_URL`',
    description:
      'The domain that passkeys belong to: the host of `PUBLIC_URL` or a parent of it. A change makes every passkey useless.',
    example: 'example.com',
  }),
  WEBAUTHN_ORIGINS: optional(list(origin, origin.expected), {
    defaultNote: '`PUBLIC_URL`',
    description:
      'The origins whose pages may use the passkeys; published at `/.well-known/webauthn` for those outside the domain (related origins).',
    example: 'https://auth.example.com,https://app.example.com',
  }),
  SIGN_UP_BY_MAIL: setting(boolean, {
    default: 'true',
    description:
      'Whether a magic link or a mail code makes an account for an address that has none. `false`: nothing is sent there, and the answer is the same.',
    example: 'true',
  }),
};
