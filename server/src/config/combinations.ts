import type { Reading } from './reading.ts';
import type { Name } from './table.ts';

/** What is right by itself, but not together. */
export function checkCombinations(reading: Reading): void {
  const { values, report, isProduction } = reading;
  if (
    values.ENABLE_METRICS &&
    values.METRICS_PORT === values.PORT &&
    values.PORT !== 0 &&
    !report.blames('METRICS_PORT', 'PORT')
  ) {
    report.fault(
      'METRICS_PORT',
      `is ${values.METRICS_PORT}, the same as PORT`,
      'a port of its own, so that the metrics are not public',
    );
  }
  if (values.HEALTH_CHECK_PATH === values.READY_CHECK_PATH && !report.blames('HEALTH_CHECK_PATH', 'READY_CHECK_PATH')) {
    report.fault('READY_CHECK_PATH', 'is the same as HEALTH_CHECK_PATH', 'two different paths');
  }
  for (const name of ['HEALTH_CHECK_PATH', 'READY_CHECK_PATH'] as const) {
    if (values[name] === '') report.fault(name, 'is the root', 'a path below the root');
  }
  if (values.SHUTDOWN_DELAY >= values.SHUTDOWN_GRACE && !report.blames('SHUTDOWN_DELAY', 'SHUTDOWN_GRACE')) {
    report.fault(
      'SHUTDOWN_DELAY',
      `is ${values.SHUTDOWN_DELAY} s, not less than SHUTDOWN_GRACE, which is ${values.SHUTDOWN_GRACE} s`,
      'less than SHUTDOWN_GRACE',
    );
  }
  warnOfOrder('JWT_REFRESH_EXPIRES_IN', 'SESSION_MAX_AGE', 'the session ends first', reading);
  warnOfOrder('JWT_EXPIRES_IN', 'JWT_REFRESH_EXPIRES_IN', 'refreshing is of no use', reading);
  if (isProduction && (values.LOG_LEVEL === 'debug' || values.LOG_LEVEL === 'trace')) {
    report.warn(`LOG_LEVEL is ${values.LOG_LEVEL}: in production that is much, and slow`);
  }
  if (isProduction && values.EMAIL_VERIFICATION === 'optional')
    report.warn('EMAIL_VERIFICATION is optional: whoever registers may do so with the address of somebody else');
}

function warnOfOrder(shorter: Name, longer: Name, consequence: string, { values, report, isGiven }: Reading): void {
  if (
    Number(values[shorter]) > Number(values[longer]) &&
    (isGiven(shorter) || isGiven(longer)) &&
    !report.blames(shorter, longer)
  ) {
    report.warn(`${shorter} is longer than ${longer}: ${consequence}`);
  }
}

/** Sample values of the guide that are harmless as secrets go, but surely not meant. */
export function warnOfSamples(
  texts: ReadonlyMap<Name, string>,
  secretNames: ReadonlySet<string>,
  { report }: Reading,
): void {
  for (const [name, text] of texts) {
    if (!secretNames.has(name) && /(^|[@/.])yourdomain\.com\b|^your-/i.test(text))
      report.warn(`${name} still has a sample value of the guide`);
  }
}
