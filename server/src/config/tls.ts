import { resolve } from 'node:path';
import type { Config } from './config.ts';
import { readSmallFile } from './files.ts';
import { checkKeyFileMode, parseCertificate, parsePrivateKey } from './pem.ts';
import type { Reading } from './reading.ts';

const DAY = 86_400_000;
const BOTH = 'both of SSL_KEY_PATH and SSL_CERT_PATH, or neither';

type PathName = 'SSL_KEY_PATH' | 'SSL_CERT_PATH' | 'SSL_CA_PATH';

/** The server's own TLS: what would fail at the first handshake fails at the start. */
export function readTls(reading: Reading): Config['tls'] {
  const { SSL_KEY_PATH: keyPath, SSL_CERT_PATH: certPath, SSL_CA_PATH: caPath } = reading.values;
  const { report, cwd } = reading;
  if (keyPath === null && certPath === null) {
    if (caPath !== null)
      report.fault('SSL_CA_PATH', 'is set without SSL_KEY_PATH and SSL_CERT_PATH', 'all three, the first two, or none');
    return null;
  }
  if (keyPath === null) report.fault('SSL_KEY_PATH', 'is missing, but SSL_CERT_PATH is set', BOTH);
  if (certPath === null) report.fault('SSL_CERT_PATH', 'is missing, but SSL_KEY_PATH is set', BOTH);

  const key =
    keyPath === null
      ? null
      : readPem('SSL_KEY_PATH', keyPath, 'private key without a passphrase', parsePrivateKey, reading);
  const certificate =
    certPath === null ? null : readPem('SSL_CERT_PATH', certPath, 'certificate', parseCertificate, reading);
  if (caPath !== null) readPem('SSL_CA_PATH', caPath, 'certificate', parseCertificate, reading);
  if (certificate) checkDates(certificate.validFromDate.getTime(), certificate.validToDate.getTime(), reading);
  if (key && certificate && !certificate.checkPrivateKey(key)) {
    report.fault('SSL_CERT_PATH', 'does not belong to SSL_KEY_PATH', 'the certificate of this key, first in its file');
  }
  if (keyPath === null || certPath === null) return null;
  const ca = caPath === null ? {} : { caPath: resolve(cwd, caPath) };
  return { keyPath: resolve(cwd, keyPath), certPath: resolve(cwd, certPath), ...ca };
}

function readPem<T>(
  name: PathName,
  path: string,
  what: string,
  parse: (pem: string) => T | null,
  reading: Reading,
): T | null {
  const file = readSmallFile(reading.cwd, path);
  const parsed = 'text' in file ? parse(file.text) : null;
  if ('problem' in file) reading.report.fault(name, file.problem, `the path of a PEM file with a ${what}`);
  else if (!parsed)
    reading.report.fault(name, `names a file that does not hold a ${what}`, `the path of a PEM file with a ${what}`);
  else if (name === 'SSL_KEY_PATH') checkKeyFileMode(name, file.mode, reading);
  return parsed;
}

function checkDates(from: number, to: number, { now, report }: Reading): void {
  const until = new Date(to).toISOString().slice(0, 10);
  const expected = 'a certificate that is valid now';
  if (to <= now) report.fault('SSL_CERT_PATH', `holds a certificate that expired on ${until}`, expected);
  else if (to - now < 14 * DAY) report.warn(`SSL_CERT_PATH holds a certificate that expires on ${until}`);
  if (from > now)
    report.fault(
      'SSL_CERT_PATH',
      `holds a certificate that is valid only from ${new Date(from).toISOString()}`,
      expected,
    );
}
