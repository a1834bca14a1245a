import type { RedisSettings } from './config.ts';
import { reconcile, splitUrl, type UrlParts } from './connection-url.ts';
import { readSmallFile } from './files.ts';
import { parseCertificate } from './pem.ts';
import type { Reading } from './reading.ts';
import type { Name } from './table.ts';
import { isLoopbackHost } from './url-parsers.ts';

const PARTS = ['REDIS_PORT', 'REDIS_USERNAME', 'REDIS_PASSWORD', 'REDIS_DB', 'REDIS_TLS', 'REDIS_TLS_CA_PATH'] as const;

export function readRedis(reading: Reading): RedisSettings | null {
  const { values, report, isGiven } = reading;
  if (!isGiven('REDIS_URL') && !isGiven('REDIS_HOST')) {
    const ignored = PARTS.filter((name) => isGiven(name));
    if (ignored.length > 0) report.warn(`${ignored.join(', ')} set without REDIS_HOST or REDIS_URL: no Redis is used`);
    return null;
  }
  const url = values.REDIS_URL;
  const said: UrlParts = url ? splitUrl(url) : { query: new URLSearchParams() };
  const fill = <T extends string | number>(fromUrl: T | undefined, part: Name, fromPart: T | null): T | null =>
    reconcile(fromUrl, fromPart, { url: 'REDIS_URL', part }, report.warn);
  const host = fill(said.host, 'REDIS_HOST', values.REDIS_HOST);
  if (host === null && !report.blames('REDIS_URL', 'REDIS_HOST'))
    report.fault('REDIS_HOST', 'is missing, and REDIS_URL has no host either');
  const username = fill(said.user, 'REDIS_USERNAME', values.REDIS_USERNAME);
  const password = fill(said.password, 'REDIS_PASSWORD', values.REDIS_PASSWORD);
  const tls = readTls(url, reading);
  const ca = tls ? readAuthority(reading) : null;
  if (reading.isProduction && !tls && host !== null && !isLoopbackHost(host))
    report.warn(`the connection to Redis at ${host} is not encrypted (REDIS_TLS)`);
  return {
    host: host ?? '',
    port: fill(said.port, 'REDIS_PORT', values.REDIS_PORT) ?? 6379,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    database: fill(readNumber(said.path, reading), 'REDIS_DB', values.REDIS_DB) ?? 0,
    tls,
    ...(ca === null ? {} : { ca }),
  };
}

/** Of the two the one that encrypts wins: a forgotten `s` in the URL must not put passwords on the wire. */
function readTls(url: URL | null, { values, report }: Reading): boolean {
  const isSecureUrl = url?.protocol === 'rediss:';
  if (url && values.REDIS_TLS !== null && values.REDIS_TLS !== isSecureUrl) {
    report.warn(
      `REDIS_URL (${url.protocol}//) and REDIS_TLS (${values.REDIS_TLS}) contradict each other; the connection is encrypted`,
    );
  }
  return isSecureUrl || values.REDIS_TLS === true;
}

function readNumber(path: string | undefined, { report }: Reading): number | undefined {
  if (path === undefined) return undefined;
  if (/^\d{1,5}$/.test(path)) return Number(path);
  report.fault('REDIS_URL', 'has a path that is not the number of a database');
  return undefined;
}

function readAuthority({ values, report, cwd }: Reading): string | null {
  if (values.REDIS_TLS_CA_PATH === null) return null;
  const file = readSmallFile(cwd, values.REDIS_TLS_CA_PATH);
  const problem =
    'problem' in file ? file.problem : parseCertificate(file.text) ? null : 'names a file that holds no certificate';
  if (problem) report.fault('REDIS_TLS_CA_PATH', problem, 'the path of a PEM file with a certificate');
  return 'text' in file ? file.text : null;
}
