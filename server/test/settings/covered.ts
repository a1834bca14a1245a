import type { Name } from '../../src/config/table.ts';

/** For every setting the title of the test that shows its effect. A new setting does not compile without one. */
export const covered: Readonly<Record<Name, string>> = {
  ...each(
    'NODE_ENV=production prints no setup link, has no inbox and logs JSON; secrets come from NAME_FILE; LOG_FILE rotates',
    ['NODE_ENV', 'LOG_FILE', 'LOG_MAX_SIZE', 'LOG_MAX_FILES', 'ENABLE_METRICS'],
  ),
  ...each(
    'a .env file is read, the environment wins over it, DATA_DIR holds what is kept, HOST and PORT are listened on',
    ['HOST', 'PORT', 'DATA_DIR', 'METRICS_PORT'],
  ),
  ...each('LOG_LEVEL and LOG_FORMAT say how much is logged, and how', ['LOG_LEVEL', 'LOG_FORMAT']),
  MIGRATE_ON_START: 'MIGRATE_ON_START=false leaves an empty database empty and does not serve on it',
  EMBEDDED_ACCEPT_POWER_LOSS: 'production takes the embedded database only with EMBEDDED_ACCEPT_POWER_LOSS=true',
  ...each('after SIGTERM requests are served for SHUTDOWN_DELAY, and what hangs is waited for until SHUTDOWN_GRACE', [
    'SHUTDOWN_DELAY',
    'SHUTDOWN_GRACE',
  ]),

  API_PREFIX: 'the API answers under API_PREFIX and nowhere else',
  PUBLIC_URL: 'PUBLIC_URL is in links, in the issuer and audience, and makes cookies and transport strict',
  APP_LINK_BASE: 'links in mails lead to APP_LINK_BASE instead of the own pages',
  CORS_ORIGIN: 'only pages of CORS_ORIGIN may call, with credentials, and be told the answer',
  ...each('health and readiness answer at HEALTH_CHECK_PATH and READY_CHECK_PATH', [
    'HEALTH_CHECK_PATH',
    'READY_CHECK_PATH',
  ]),
  ...each('every provider of the settings is offered, and sends people back to OAUTH_REDIRECT_URL', [
    'GOOGLE_CLIENT_ID',
    'GOOGLE_CLIENT_SECRET',
    'GITHUB_CLIENT_ID',
    'GITHUB_CLIENT_SECRET',
    'OIDC_PROVIDERS',
    'OAUTH_REDIRECT_URL',
  ]),
  ...each(
    'with SSL_KEY_PATH and SSL_CERT_PATH the server speaks TLS itself, modern versions only, and nothing in plain text',
    ['SSL_KEY_PATH', 'SSL_CERT_PATH'],
  ),
  SSL_CA_PATH: 'SSL_CA_PATH completes the chain for clients that know the root only',

  ...each('the parts DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD name the database', [
    'DB_HOST',
    'DB_PORT',
    'DB_NAME',
    'DB_USER',
    'DB_PASSWORD',
  ]),
  DATABASE_URL: 'DATABASE_URL wins over the parts, which fill its gaps',
  DATABASE_DIRECT_URL: 'migrating and listening go through DATABASE_DIRECT_URL, everything else does not',
  ...each('DB_SSL encrypts, and verifies with DB_SSL_CA_PATH', ['DB_SSL', 'DB_SSL_CA_PATH']),
  DB_SSL_REJECT_UNAUTHORIZED: 'outside production DB_SSL_REJECT_UNAUTHORIZED=false takes any certificate',
  ...each('DB_SSL_CERT_PATH and DB_SSL_KEY_PATH sign in where the database asks for a certificate', [
    'DB_SSL_CERT_PATH',
    'DB_SSL_KEY_PATH',
  ]),
  ...each('a process opens at most DB_POOL_MAX connections, and keeps DB_POOL_MIN of them', [
    'DB_POOL_MAX',
    'DB_POOL_MIN',
  ]),

  ...each('REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and REDIS_DB say where the cache is', [
    'REDIS_HOST',
    'REDIS_PORT',
    'REDIS_PASSWORD',
    'REDIS_DB',
  ]),
  ...each('REDIS_URL wins over the parts, which fill its gaps, such as REDIS_USERNAME', [
    'REDIS_URL',
    'REDIS_USERNAME',
  ]),
  ...each('REDIS_TLS encrypts, and verifies with REDIS_TLS_CA_PATH', ['REDIS_TLS', 'REDIS_TLS_CA_PATH']),

  ...each('access tokens carry JWT_ISSUER and JWT_AUDIENCE and live for JWT_EXPIRES_IN', [
    'JWT_ISSUER',
    'JWT_AUDIENCE',
    'JWT_EXPIRES_IN',
  ]),
  JWT_REFRESH_EXPIRES_IN: 'a refresh token that rests for JWT_REFRESH_EXPIRES_IN has expired; use keeps it alive',
  ...each('key files sign with the algorithm of their key, and the published key verifies', [
    'JWT_PRIVATE_KEY_PATH',
    'JWT_PUBLIC_KEY_PATH',
  ]),
  ...each('JWT_ALG=HS256 signs with JWT_SECRET, publishes no key, and takes a list of secrets', [
    'JWT_ALG',
    'JWT_SECRET',
  ]),
  JWT_REFRESH_SECRET: 'JWT_REFRESH_SECRET=new,old still takes tokens of the old one and writes with the new one',
  SESSION_SECRET: 'SESSION_SECRET=new,old still takes cookies of the old one; a server without it does not',
  CSRF_SECRET: 'CSRF_SECRET=new,old still takes tokens of the old one; a server without it does not',
  ENCRYPTION_KEY: 'ENCRYPTION_KEY=new,old opens what the old one sealed; a server without it cannot sign',
  SESSION_MAX_AGE: 'a session ends after SESSION_MAX_AGE, however often it is used',
  REFRESH_GRACE_SECONDS:
    'the token before gets the same successor within REFRESH_GRACE_SECONDS, and ends the session after',
  REAUTH_WITHIN: 'what asks for a fresh sign-in refuses one that is older than REAUTH_WITHIN',

  ...each('new passwords are hashed by PASSWORD_HASH at the cost of BCRYPT_SALT_ROUNDS, and again where these change', [
    'PASSWORD_HASH',
    'BCRYPT_SALT_ROUNDS',
  ]),
  PASSWORD_MIN_LENGTH: 'a password shorter than PASSWORD_MIN_LENGTH is refused',
  PASSWORD_BREACH_CHECK: 'PASSWORD_BREACH_CHECK asks for five digits of the hash and refuses what is known',
  ...each(
    'no more than HASH_CONCURRENCY passwords are hashed at once and HASH_QUEUE wait; the others are told to come back',
    ['HASH_CONCURRENCY', 'HASH_QUEUE'],
  ),
  EMAIL_VERIFICATION: 'with EMAIL_VERIFICATION=optional one is signed in at once, else only after following the link',
  SERVICE_NAME: 'SERVICE_NAME is what authenticator apps and passkey dialogues show',
  ...each('REQUIRE_MFA leads an account without a second factor to enrol one, REQUIRE_MFA_GRACE later', [
    'REQUIRE_MFA',
    'REQUIRE_MFA_GRACE',
  ]),
  MFA_EMAIL_CODE: 'MFA_EMAIL_CODE=false offers no code by mail as a second factor',
  MFA_RESET_DELAY: 'MFA_RESET_DELAY lets the owner veto what an administrator asked for',
  TRUSTED_DEVICE_AGE: 'a trusted device is asked again after TRUSTED_DEVICE_AGE',
  PASSKEY_AS_FACTOR: 'with PASSKEY_AS_FACTOR=false a passkey alone asks nobody for a second factor',
  PASSKEY_ATTESTATION_ROOTS:
    'PASSKEY_ATTESTATION_ROOTS takes only passkeys of authenticators that one of them vouches for',
  ...each('passkeys belong to WEBAUTHN_RP_ID and to the pages of WEBAUTHN_ORIGINS', [
    'WEBAUTHN_RP_ID',
    'WEBAUTHN_ORIGINS',
  ]),
  SIGN_UP_BY_MAIL: 'SIGN_UP_BY_MAIL=false makes no account by a link or a code, and says the same',
  AUDIT_RETENTION_DAYS: 'audit lines older than AUDIT_RETENTION_DAYS go with the month that holds them',

  ...each('an address may ask RATE_LIMIT_MAX times within RATE_LIMIT_WINDOW minutes', [
    'RATE_LIMIT_MAX',
    'RATE_LIMIT_WINDOW',
  ]),
  RATE_LIMIT_LOGIN: 'an address may send RATE_LIMIT_LOGIN credentials',
  RATE_LIMIT_USER: 'a signed-in user may ask RATE_LIMIT_USER times, from wherever',
  TRUSTED_PROXIES: 'only TRUSTED_PROXIES are believed about the address',

  EMAIL_SERVICE: 'EMAIL_SERVICE=inbox keeps mails for reading; any other has no inbox',
  ...each('EMAIL_SERVICE=smtp hands mails to SMTP_HOST:SMTP_PORT, from EMAIL_FROM, signed in as SMTP_USER', [
    'EMAIL_FROM',
    'SMTP_HOST',
    'SMTP_PORT',
    'SMTP_USER',
    'SMTP_PASSWORD',
  ]),
  SMTP_SECURE: 'SMTP_SECURE speaks TLS from the first byte, and only with a server that can be verified',
  SMTP_REQUIRE_TLS: 'SMTP_REQUIRE_TLS sends nothing where there is no STARTTLS, and sends where there is',
  ...each('EMAIL_SERVICE=ses sends through SES at AWS_SES_ENDPOINT, signed with the AWS settings', [
    'AWS_REGION',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'AWS_SES_ENDPOINT',
  ]),
  ...each('a server takes its secrets from four stores at its start, and they are the very ones', [
    'VAULT_ADDR',
    'VAULT_TOKEN',
    'VAULT_NAMESPACE',
    'AWS_SECRETS_ENDPOINT',
    'GCP_SM_ENDPOINT',
    'GCE_METADATA_HOST',
    'AZURE_KV_ENDPOINT',
    'AZURE_IMDS_ENDPOINT',
    'AZURE_CLIENT_ID',
  ]),
};

function each<Covered extends Name>(title: string, names: readonly Covered[]): Record<Covered, string> {
  return Object.fromEntries(names.map((name) => [name, title])) as Record<Covered, string>;
}
