import { duration, oneOf, path, text } from '../parsers.ts';
import { keyList, secretList } from '../secret-parsers.ts';
import { optional, setting } from '../setting.ts';

const MADE_IN_DEVELOPMENT = 'required in production; else made once and kept in `DATA_DIR/dev-secrets.json`';
const identifier = text('a name or a URL of at most 200 characters', /^[^\s"\\]{1,200}$/);

export const tokens = {
  JWT_ISSUER: optional(identifier, {
    defaultNote: '`PUBLIC_URL`',
    description: 'The claim `iss` of access tokens. In production an http URL is refused, except on this machine.',
    example: 'https://auth.example.com',
  }),
  JWT_AUDIENCE: optional(identifier, {
    defaultNote: '`PUBLIC_URL`',
    description: 'The claim `aud` of access tokens.',
    example: 'https://api.example.com',
  }),
  JWT_EXPIRES_IN: setting(duration('1s', '1d'), {
    default: '15m',
    description: 'How long an access token is valid.',
    example: '15m',
  }),
  JWT_REFRESH_EXPIRES_IN: setting(duration('1s', '400d'), {
    default: '7d',
    description: 'How long a refresh token is valid after its last use, within `SESSION_MAX_AGE`.',
    example: '7d',
  }),
  JWT_ALG: optional(oneOf('EdDSA', 'ES256', 'RS256', 'HS256'), {
    defaultNote: 'by the type of the key; `EdDSA` for keys that the server makes',
    description:
      'The algorithm that access tokens are signed with. With key files it must agree with them; `HS256` needs `JWT_SECRET`.',
    example: 'EdDSA',
  }),
  JWT_PRIVATE_KEY_PATH: optional(path, {
    defaultNote: 'none: the server makes keys, keeps them encrypted in the database and rotates them',
    description:
      'The private key (PEM) that signs access tokens: Ed25519, P-256, or RSA of at least 2048 bits. Refused in production where others may read it or its group may write it.',
    example: '/app/keys/private.key',
  }),
  JWT_PUBLIC_KEY_PATH: optional(path, {
    description: 'The public key (PEM) of `JWT_PRIVATE_KEY_PATH`.',
    example: '/app/keys/public.key',
  }),
  JWT_SECRET: optional(secretList, {
    isSecret: true,
    isList: true,
    defaultNote: 'none',
    description:
      'Signs access tokens with `JWT_ALG=HS256`; not used otherwise. Whoever verifies such tokens can also make them: prefer keys.',
    example: 'SECRET',
  }),
  JWT_REFRESH_SECRET: optional(secretList, {
    isSecret: true,
    isList: true,
    isRequiredInProduction: true,
    defaultNote: MADE_IN_DEVELOPMENT,
    description: 'Goes into the stored form of refresh tokens, so that the database alone is of no use.',
    example: 'SECRET',
  }),
  SESSION_SECRET: optional(secretList, {
    isSecret: true,
    isList: true,
    isRequiredInProduction: true,
    defaultNote: MADE_IN_DEVELOPMENT,
    description:
      'Keys the stored form of session cookies, and signs their value and what processes share about sessions through Redis.',
    example: 'SECRET',
  }),
  CSRF_SECRET: optional(secretList, {
    isSecret: true,
    isList: true,
    isRequiredInProduction: true,
    defaultNote: MADE_IN_DEVELOPMENT,
    description: 'Keys the tokens that protect cookie sessions against cross-site requests.',
    example: 'SECRET',
  }),
  ENCRYPTION_KEY: optional(keyList, {
    isSecret: true,
    isList: true,
    isRequiredInProduction: true,
    defaultNote: MADE_IN_DEVELOPMENT,
    description:
      'Encrypts what the database keeps and must be read again: signing keys, one-time-code secrets, tokens of providers, mails to be sent. The first key encrypts, all decrypt. Losing it loses these.',
    example: 'KEY',
  }),
};

export const sessions = {
  SESSION_MAX_AGE: setting(duration('1s', '400d'), {
    default: '30d',
    description: 'How long a session lasts at most, however often it is used.',
    example: '30d',
  }),
  REFRESH_GRACE_SECONDS: setting(duration('0s', '5m'), {
    default: '10',
    description:
      'How long the token before gets the same successor again, for several tabs and lost answers. Anything older ends the session.',
    example: '10',
  }),
  REAUTH_WITHIN: setting(duration('1s', '1d'), {
    default: '10m',
    description: 'How fresh a sign-in must be for what asks for recent authentication, such as deleting the account.',
    example: '10m',
  }),
};
