import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Reading } from './reading.ts';

export function parsePrivateKey(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}

/** Takes public keys only: node would derive one from a private key, which then lay in a file made for everybody. */
export function parsePublicKey(pem: string): KeyObject | null {
  if (/PRIVATE KEY/.test(pem)) return null;
  try {
    return createPublicKey(pem);
  } catch {
    return null;
  }
}

export function parseCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** A private key that others can read is theirs too; one that its group can write can be replaced. */
export function checkKeyFileMode(name: string, mode: number, { report, isProduction }: Reading): void {
  const isOpen = process.platform !== 'win32' && (mode & 0o026) !== 0;
  if (!isOpen) return;
  const problem = `names a private key with mode ${(mode & 0o777).toString(8).padStart(4, '0')}: others can read it, or its group or others can write it`;
  if (isProduction) report.fault(name, problem, 'a file with mode 0400, 0440, 0600 or 0640');
  else report.warn(`${name} ${problem}; production refuses that`);
}
