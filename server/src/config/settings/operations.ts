import { boolean, host, mailbox, oneOf, path, port, size, text, urlPath, wholeNumber } from '../parsers.ts';
import { credential } from '../secret-parsers.ts';
import { optional, setting } from '../setting.ts';
import { baseUrl } from '../url-parsers.ts';

export const mail = {
  EMAIL_SERVICE: optional(oneOf('ses', 'smtp', 'inbox'), {
    isRequiredInProduction: true,
    defaultNote: '`inbox`; required in production',
    description: 'How mail leaves. `inbox` keeps it for reading at `/dev/inbox` and is refused in production.',
    example: 'smtp',
  }),
  EMAIL_FROM: optional(mailbox, {
    isRequiredInProduction: true,
    defaultNote: '`auth-api <no-reply@localhost>`; required in production',
    description: 'The sender of all mail.',
    example: 'Example <no-reply@example.com>',
  }),
  SMTP_HOST: optional(host, {
    description: 'The mail server. Required with `EMAIL_SERVICE=smtp`.',
    example: 'smtp.example.com',
  }),
  SMTP_PORT: optional(port(1), {
    defaultNote: '`587`; `465` with `SMTP_SECURE=true`',
    description: 'The port of the mail server.',
    example: '587',
  }),
  SMTP_USER: optional(credential, { description: 'The user at the mail server.', example: 'auth-api' }),
  SMTP_PASSWORD: optional(credential, {
    isSecret: true,
    description: 'The password of `SMTP_USER`.',
    example: 'PASSWORD',
  }),
  SMTP_SECURE: optional(boolean, {
    defaultNote: '`false`; `true` on port 465',
    description: 'TLS from the first byte, instead of STARTTLS.',
    example: 'false',
  }),
  SMTP_REQUIRE_TLS: setting(boolean, {
    default: { production: 'true', otherwise: 'false' },
    description: 'Sends nothing where the mail server offers no STARTTLS.',
    example: 'true',
  }),
};

export const aws = {
  AWS_REGION: optional(text('a region such as eu-central-1', /^[a-z]{2,4}(-[a-z]+)+-\d$/), {
    description: 'The region of SES and Secrets Manager. Required with `EMAIL_SERVICE=ses`.',
    example: 'eu-central-1',
  }),
  AWS_ACCESS_KEY_ID: optional(text('the identifier of an access key', /^\w{4,128}$/), {
    isSecret: true,
    defaultNote: "none: the role of the machine, by AWS's own rules",
    description: 'An access key. Prefer a role: then leave both parts out.',
    example: 'AKIAIOSFODNN7EXAMPLE',
  }),
  AWS_SECRET_ACCESS_KEY: optional(credential, {
    isSecret: true,
    description: 'The secret of `AWS_ACCESS_KEY_ID`.',
    example: 'SECRET',
  }),
  AWS_SESSION_TOKEN: optional(credential, {
    isSecret: true,
    description: 'The session token of a temporary `AWS_ACCESS_KEY_ID`.',
    example: 'TOKEN',
  }),
  AWS_SES_ENDPOINT: optional(baseUrl, {
    defaultNote: "AWS's own",
    description: 'Another address of SES, such as a VPC endpoint or a stand-in.',
    example: 'http://127.0.0.1:4566',
  }),
};

export const logs = {
  LOG_LEVEL: setting(oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), {
    default: 'info',
    description: 'How much is logged.',
    example: 'info',
  }),
  LOG_FORMAT: setting(oneOf('json', 'pretty'), {
    default: { production: 'json', otherwise: 'pretty' },
    description: 'One JSON object a line, or lines for people.',
    example: 'json',
  }),
  LOG_FILE: optional(path, {
    defaultNote: 'none: standard output',
    description: 'The file that is logged to.',
    example: '/app/logs/app.log',
  }),
  LOG_MAX_SIZE: setting(size(1024, 100 * 1024 ** 3), {
    default: '10m',
    description: 'The size at which `LOG_FILE` is put aside and a new one begun.',
    example: '10m',
  }),
  LOG_MAX_FILES: setting(wholeNumber(1, 1000), {
    default: '10',
    description: 'How many files are kept, the current one included.',
    example: '10',
  }),
  AUDIT_RETENTION_DAYS: setting(wholeNumber(1, 36_500), {
    default: '365',
    description: 'How many days the audit trail is kept.',
    example: '365',
  }),
};

export const monitoring = {
  ENABLE_METRICS: setting(boolean, {
    default: 'true',
    description: 'Serves `/metrics` for Prometheus on `METRICS_PORT`, and nowhere else.',
    example: 'true',
  }),
  METRICS_PORT: setting(port(0), {
    default: '9090',
    description: 'The port of the metrics. Not the same as `PORT`.',
    example: '9090',
  }),
  HEALTH_CHECK_PATH: setting(urlPath, {
    default: '/health',
    description: 'Answers as long as the process lives.',
    example: '/health',
  }),
  READY_CHECK_PATH: setting(urlPath, {
    default: '/ready',
    description: 'Answers 200 when the server can do its work, else 503.',
    example: '/ready',
  }),
};
