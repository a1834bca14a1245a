import type { Config } from './config.ts';
import type { Reading } from './reading.ts';
import type { Name } from './table.ts';

/** How mail leaves. */
export function readMail(reading: Reading): Config['mail'] {
  const { values, report, isProduction } = reading;
  requireBoth('SMTP_USER', 'SMTP_PASSWORD', reading);
  requireBoth('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', reading);
  if (values.EMAIL_SERVICE === 'smtp') return readSmtp(reading);
  if (values.EMAIL_SERVICE === 'ses') return readSes(reading);
  if (values.EMAIL_SERVICE === 'inbox' && isProduction) {
    report.fault(
      'EMAIL_SERVICE',
      'is inbox, which sends nothing and shows every mail to whoever asks',
      'ses or smtp in production',
    );
  }
  return { kind: 'inbox' };
}

function readSmtp({ values, report }: Reading): Config['mail'] {
  if (values.SMTP_HOST === null && !report.blames('SMTP_HOST'))
    report.fault('SMTP_HOST', 'is missing; EMAIL_SERVICE=smtp needs it');
  const secure = values.SMTP_SECURE ?? values.SMTP_PORT === 465;
  if (values.SMTP_PORT === 465 && !secure)
    report.warn('SMTP_PORT is 465, where servers speak TLS from the first byte, but SMTP_SECURE is false');
  return {
    kind: 'smtp',
    host: values.SMTP_HOST ?? '',
    port: values.SMTP_PORT ?? (secure ? 465 : 587),
    secure,
    ...(values.SMTP_USER === null ? {} : { user: values.SMTP_USER }),
    ...(values.SMTP_PASSWORD === null ? {} : { password: values.SMTP_PASSWORD }),
    requireTls: values.SMTP_REQUIRE_TLS,
  };
}

function readSes({ values, report }: Reading): Config['mail'] {
  if (values.AWS_REGION === null && !report.blames('AWS_REGION'))
    report.fault('AWS_REGION', 'is missing; EMAIL_SERVICE=ses needs it');
  return {
    kind: 'ses',
    region: values.AWS_REGION ?? '',
    ...(values.AWS_ACCESS_KEY_ID === null ? {} : { accessKeyId: values.AWS_ACCESS_KEY_ID }),
    ...(values.AWS_SECRET_ACCESS_KEY === null ? {} : { secretAccessKey: values.AWS_SECRET_ACCESS_KEY }),
    ...(values.AWS_SESSION_TOKEN === null ? {} : { sessionToken: values.AWS_SESSION_TOKEN }),
    ...(values.AWS_SES_ENDPOINT === null ? {} : { endpoint: values.AWS_SES_ENDPOINT }),
  };
}

export function requireBoth(first: Name, second: Name, { report, isGiven }: Reading): void {
  if (isGiven(first) === isGiven(second) || report.blames(first, second)) return;
  const [present, absent] = isGiven(first) ? [first, second] : [second, first];
  report.fault(absent, `is missing, but ${present} is set`, `both of ${first} and ${second}, or neither`);
}
