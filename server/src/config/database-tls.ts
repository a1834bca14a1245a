import type { PostgresConnection } from './config.ts';
import { readSmallFile } from './files.ts';
import { checkKeyFileMode, parseCertificate, parsePrivateKey } from './pem.ts';
import type { Reading } from './reading.ts';
import type { Name } from './table.ts';

type Tls = PostgresConnection['tls'];
type UrlName = 'DATABASE_URL' | 'DATABASE_DIRECT_URL';

const MODES = ['disable', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/**
 * `require` verifies here, though libpq's does not: encryption to an unknown stranger is of little use. The modes
 * that fall back to plain text (`allow`, `prefer`) are refused, because a stranger chooses the fall-back.
 */
export function readDatabaseTls(
  urlName: UrlName,
  query: URLSearchParams,
  base: PostgresConnection | null,
  reading: Reading,
): Tls {
  const { values, report, isProduction } = reading;
  const mode = query.get('sslmode');
  if (mode !== null && !MODES.includes(mode)) {
    report.fault(
      urlName,
      'has an sslmode that is not understood, or that may fall back to plain text',
      `sslmode as one of ${MODES.join(', ')}`,
    );
    return false;
  }
  if (mode === 'no-verify' && isProduction) {
    report.fault(urlName, 'has sslmode=no-verify: any certificate would do', 'sslmode=verify-full');
  } else if (mode === 'no-verify')
    report.warn(`${urlName} has sslmode=no-verify: any certificate will do; production refuses that`);
  if (mode === null && base) return base.tls;

  const fromParts = values.DB_SSL ?? (values.DB_SSL_CA_PATH === null ? null : true);
  const wanted = mode === null ? (fromParts ?? false) : mode !== 'disable';
  if (!base && mode !== null && values.DB_SSL !== null && values.DB_SSL !== wanted) {
    report.warn(`${urlName} and DB_SSL contradict each other; ${urlName} wins`);
  }
  if (!wanted) {
    const idle = (['DB_SSL_CA_PATH', 'DB_SSL_CERT_PATH', 'DB_SSL_KEY_PATH'] as const).filter(
      (name) => values[name] !== null,
    );
    if (!base && idle.length > 0)
      report.warn(`${idle.join(', ')} without effect: the connection to the database is not encrypted`);
    return false;
  }
  const files = readFiles(urlName, query, reading);
  return { rejectUnauthorized: mode !== 'no-verify' && (values.DB_SSL_REJECT_UNAUTHORIZED || isProduction), ...files };
}

function readFiles(
  urlName: UrlName,
  query: URLSearchParams,
  reading: Reading,
): { ca?: string; cert?: string; key?: string } {
  const ca = readPem(urlName, query.get('sslrootcert'), 'DB_SSL_CA_PATH', checkCertificate, reading);
  const cert = readPem(urlName, query.get('sslcert'), 'DB_SSL_CERT_PATH', checkCertificate, reading);
  const key = readPem(urlName, query.get('sslkey'), 'DB_SSL_KEY_PATH', checkKey, reading);
  const names = ['DB_SSL_CERT_PATH', 'DB_SSL_KEY_PATH'] as const;
  if ((cert === null) !== (key === null) && !reading.report.blames(urlName, ...names)) {
    const [present, absent] = cert === null ? [names[1], names[0]] : names;
    reading.report.fault(
      absent,
      `is missing, but ${present} is set`,
      'both of DB_SSL_CERT_PATH and DB_SSL_KEY_PATH, or neither',
    );
  }
  return { ...(ca === null ? {} : { ca }), ...(cert === null ? {} : { cert }), ...(key === null ? {} : { key }) };
}

type Check = (name: string, pem: string, mode: number, reading: Reading) => void;

function readPem(
  urlName: UrlName,
  fromUrl: string | null,
  part: Name & `DB_SSL_${string}_PATH`,
  check: Check,
  reading: Reading,
): string | null {
  const name = fromUrl === null ? part : urlName;
  const path = fromUrl ?? reading.values[part];
  if (path === null || (fromUrl === 'system' && part === 'DB_SSL_CA_PATH')) return null;
  if (reading.report.blames(name)) return null;
  const file = readSmallFile(reading.cwd, path);
  if ('problem' in file) {
    reading.report.fault(name, file.problem, 'the path of a PEM file that the server can read');
    return null;
  }
  check(name, file.text, file.mode, reading);
  return file.text;
}

const checkCertificate: Check = (name, pem, _mode, { report }) => {
  if (!parseCertificate(pem))
    report.fault(name, 'names a file that holds no certificate', 'the path of a PEM file with a certificate');
};

const checkKey: Check = (name, pem, mode, reading) => {
  if (parsePrivateKey(pem)) checkKeyFileMode(name, mode, reading);
  else
    reading.report.fault(
      name,
      'names a file that holds no private key, or one with a passphrase',
      'the path of a PEM file with a private key',
    );
};
