import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { type Clock, systemClock } from './clock.ts';
import type { Logger } from './log.ts';

export interface TlsPaths {
  keyPath: string;
  certPath: string;
  /** The chain to the root, for clients that do not have it. */
  caPath?: string;
}

/** TLS 1.2 with forward secrecy and authenticated ciphers, and 1.3 (RFC 9325, sections 3.1.1 and 4.2). */
const POLICY = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers:
    'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:' +
    'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:' +
    'ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256',
  honorCipherOrder: true,
} as const satisfies SecureContextOptions;

/** The files, read and proven to belong together; throws with the path and the reason, never with the contents. */
export function loadTls({ keyPath, certPath, caPath }: TlsPaths): SecureContextOptions {
  const key = read(keyPath, 'private key');
  const cert = read(certPath, 'certificate');
  const certificate = explained(certPath, 'is not a certificate in PEM', () => new X509Certificate(cert));
  const privateKey = explained(keyPath, 'is not a private key in PEM', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error(`${keyPath} is not the key of the certificate in ${certPath}`);
  const options: SecureContextOptions = { ...POLICY, key, cert };
  if (caPath !== undefined) options.ca = read(caPath, 'CA certificate');
  explained(caPath ?? certPath, 'is refused by OpenSSL', () => createSecureContext(options));
  return options;
}

function read(path: string, what: string): Buffer {
  return explained(path, `cannot be read as the ${what}`, () => readFileSync(path));
}

function explained<T>(path: string, problem: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${path} ${problem} (${(error as { code?: string }).code ?? 'invalid'})`);
  }
}

export interface TlsReload {
  /** Takes new files into use for new connections; those that are open stay. Broken or expired ones leave all as it was. */
  reload(): 'reloaded' | 'kept';
}

export function watchTlsReload(
  server: Pick<Server, 'setSecureContext'>,
  paths: TlsPaths,
  log: Pick<Logger, 'info' | 'error'>,
  clock: Clock = systemClock,
): TlsReload {
  const reload = () => {
    try {
      const options = loadTls(paths);
      const { subject, validFromDate, validToDate } = new X509Certificate(options.cert as Buffer);
      if (validToDate.getTime() <= clock.now())
        throw new Error(`${paths.certPath} expired on ${validToDate.toISOString()}`);
      if (validFromDate.getTime() > clock.now())
        throw new Error(`${paths.certPath} is not valid before ${validFromDate.toISOString()}`);
      server.setSecureContext(options);
      log.info({ subject, expires: validToDate }, 'the TLS certificate was reloaded');
      return 'reloaded';
    } catch (error) {
      log.error({ err: error }, 'the TLS certificate could not be reloaded; the one in use stays');
      return 'kept';
    }
  };
  return { reload };
}
