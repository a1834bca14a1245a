import type { Config } from './config.ts';
import { readSmallFile } from './files.ts';
import { parseCertificate } from './pem.ts';
import type { Reading } from './reading.ts';
import { isLoopback } from './url-parsers.ts';

/** The domain that passkeys belong to and the pages that may use them (WebAuthn Level 3, sections 5.1.3 and 5.11). */
export function readWebauthn(reading: Reading, publicUrl: string): Config['webauthn'] {
  const { values, report, isProduction } = reading;
  const host = new URL(publicUrl).hostname;
  const rpId = values.WEBAUTHN_RP_ID ?? host;
  if (host !== rpId && !host.endsWith(`.${rpId}`) && !report.blames('WEBAUTHN_RP_ID', 'PUBLIC_URL')) {
    report.fault(
      'WEBAUTHN_RP_ID',
      `is ${rpId}, which is neither the host of PUBLIC_URL nor a parent of it`,
      `${host} or a parent domain of it`,
    );
  }
  for (const origin of values.WEBAUTHN_ORIGINS ?? []) {
    if (origin.startsWith('https:') || (!isProduction && isLoopback(origin))) continue;
    report.fault(
      'WEBAUTHN_ORIGINS',
      `holds ${origin}, which is not https`,
      'https origins (http only for localhost, outside production)',
    );
  }
  return {
    rpId,
    origins: values.WEBAUTHN_ORIGINS ?? [publicUrl],
    attestationRoots: readRoots(reading),
  };
}

function readRoots({ values, report, cwd }: Reading): readonly string[] | null {
  const path = values.PASSKEY_ATTESTATION_ROOTS;
  if (path === null) return null;
  const expected = 'the path of a PEM file with at least one certificate';
  const file = readSmallFile(cwd, path);
  if ('problem' in file) {
    report.fault('PASSKEY_ATTESTATION_ROOTS', file.problem, expected);
    return [];
  }
  const roots = file.text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (roots.length === 0 || roots.some((root) => parseCertificate(root) === null)) {
    report.fault(
      'PASSKEY_ATTESTATION_ROOTS',
      'names a file without certificates, or with one that cannot be read',
      expected,
    );
  }
  return roots;
}
