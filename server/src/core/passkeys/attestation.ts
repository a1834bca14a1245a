import { X509Certificate } from 'node:crypto';

/**
 * The formats whose certificates are looked at where policy wants to know the authenticator. `none` and an attestation
 * by the credential's own key say nothing about where the key lives.
 */
const VOUCHED = new Set(['packed', 'tpm', 'android-key', 'fido-u2f', 'apple']);
const LONGEST = 6;

/**
 * Whether the certificates of an attestation lead to one of the roots that the operator trusts: each signed by the
 * next, each valid now, every issuer an authority, the last one a root or signed by one. A chain that ends in itself
 * proves nothing (I-073). The statement's own signature is the library's to check.
 */
export function isVouchedFor(
  format: unknown,
  statement: Map<string, unknown>,
  roots: readonly string[],
  now: number,
): boolean {
  const chain = statement.get('x5c');
  if (!VOUCHED.has(format as string) || !Array.isArray(chain) || chain.length === 0 || chain.length > LONGEST) {
    return false;
  }
  try {
    return leadsTo(
      chain.map((one) => new X509Certificate(one as Uint8Array)),
      roots.map((one) => new X509Certificate(one)),
      now,
    );
  } catch {
    return false; // not certificates
  }
}

function leadsTo(chain: readonly X509Certificate[], roots: readonly X509Certificate[], now: number): boolean {
  for (const [at, certificate] of chain.entries()) {
    if (!isValidAt(certificate, now)) return false;
    if (roots.some((root) => isValidAt(root, now) && (isSame(root, certificate) || isIssuedBy(certificate, root)))) {
      return true;
    }
    const issuer = chain[at + 1];
    if (issuer === undefined || !isIssuedBy(certificate, issuer)) return false;
  }
  return false;
}

function isSame(a: X509Certificate, b: X509Certificate): boolean {
  return a.raw.equals(b.raw);
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isValidAt(certificate: X509Certificate, now: number): boolean {
  return certificate.validFromDate.getTime() <= now && now <= certificate.validToDate.getTime();
}
