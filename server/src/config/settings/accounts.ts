import { boolean, oneOf, rateLimit, text, wholeNumber } from '../parsers.ts';
import { providerList } from '../provider-fields.ts';
import { credential } from '../secret-parsers.ts';
import { optional, setting } from '../setting.ts';
import { baseUrl } from '../url-parsers.ts';

export const passwords = {
  PASSWORD_HASH: setting(oneOf('argon2id', 'bcrypt'), {
    default: 'argon2id',
    description: 'How new passwords are hashed. Other hashes still verify, and are replaced at the next sign-in.',
    example: 'argon2id',
  }),
  BCRYPT_SALT_ROUNDS: setting(wholeNumber(10, 15), {
    default: '12',
    description: 'The cost of bcrypt with `PASSWORD_HASH=bcrypt`; each step doubles it.',
    example: '12',
  }),
  PASSWORD_MIN_LENGTH: setting(wholeNumber(8, 64), {
    default: '8',
    description:
      'The shortest password, in characters. NIST SP 800-63B-4 asks for 15 where the password is the only factor.',
    example: '8',
  }),
  PASSWORD_BREACH_CHECK: setting(boolean, {
    default: 'false',
    description:
      'Asks Have I Been Pwned whether a new password is known from a breach. Only five characters of its hash leave the server.',
    example: 'false',
  }),
  HASH_CONCURRENCY: setting(wholeNumber(0, 64), {
    default: '0',
    description:
      'How many passwords are hashed at once. 0: as many as there are cores, at most 3, so that one thread of the pool of four stays free.',
    example: '0',
  }),
  HASH_QUEUE: setting(wholeNumber(0, 10_000), {
    default: '64',
    description: 'How many may wait for it; more are answered with 503 and `Retry-After`.',
    example: '64',
  }),
  EMAIL_VERIFICATION: setting(oneOf('required', 'optional'), {
    default: 'required',
    description: 'Whether an address must be confirmed before its first sign-in.',
    example: 'required',
  }),
};

export const limits = {
  RATE_LIMIT_WINDOW: setting(wholeNumber(1, 1440), {
    default: '15',
    description: 'The window of `RATE_LIMIT_MAX`, in minutes.',
    example: '15',
  }),
  RATE_LIMIT_MAX: setting(wholeNumber(1, 1_000_000), {
    default: '100',
    description:
      'How many requests without a valid session an address (IPv6: a /64) may make within `RATE_LIMIT_WINDOW`.',
    example: '100',
  }),
  RATE_LIMIT_LOGIN: setting(rateLimit, {
    default: '30/60',
    description: 'How many requests/seconds an address may make to the routes that take a credential.',
    example: '30/60',
  }),
  RATE_LIMIT_USER: setting(rateLimit, {
    default: '600/60',
    description: 'How many requests/seconds a signed-in user may make.',
    example: '600/60',
  }),
};

const client = text('the identifier that the provider gave out', /^\S{1,300}$/);

export const oauth = {
  GOOGLE_CLIENT_ID: optional(client, {
    description: 'The client of this server at Google.',
    example: '1234567890-abc.apps.googleusercontent.com',
  }),
  GOOGLE_CLIENT_SECRET: optional(credential, {
    isSecret: true,
    description: 'The secret of `GOOGLE_CLIENT_ID`.',
    example: 'SECRET',
  }),
  GITHUB_CLIENT_ID: optional(client, {
    description: 'The client of this server at GitHub.',
    example: 'Iv1.0123456789abcdef',
  }),
  GITHUB_CLIENT_SECRET: optional(credential, {
    isSecret: true,
    description: 'The secret of `GITHUB_CLIENT_ID`.',
    example: 'SECRET',
  }),
  OIDC_PROVIDERS: optional(providerList, {
    isSecret: true,
    mayHaveLines: true,
    description:
      'More providers to sign in with, as a JSON array of objects: any OpenID Connect issuer, or a `preset` (google, github, apple, microsoft, gitlab, discord). Fields: `id`, `preset`, `name`, `issuer` (GitHub Enterprise: `base_url`), `client_id`, `client_secret` (Apple: `team_id`, `key_id`, `private_key`), `client_auth` (post or basic), `scopes`, `authoritative_domains` (whose mailboxes the provider gives out: only there it may sign somebody in to an account that exists already), `store_tokens`, `hosts` (others than the issuer that keys, tokens and claims are fetched from).',
    example: '[{"id":"acme","issuer":"https://id.example.com","client_id":"auth-api","client_secret":"SECRET"}]',
  }),
  OAUTH_REDIRECT_URL: optional(baseUrl, {
    defaultNote: '`PUBLIC_URL` and `/auth/callback`',
    description:
      'Where providers send people back to; `/{provider}` is put behind it. Must be https in production, except on this machine.',
    example: 'https://auth.example.com/auth/callback',
  }),
};
