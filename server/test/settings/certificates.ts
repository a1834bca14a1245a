import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from '../programs.ts';

export interface Issued {
  readonly key: string;
  readonly cert: string;
}

/** An authority that exists for one test file, with what it has signed as PEM files in a folder of its own. */
export interface Authority {
  readonly folder: string;
  /** Path of its certificate, and its text. */
  readonly ca: string;
  readonly pem: string;
  issue(file: string, options?: { commonName?: string; names?: string }): Issued;
  /** An authority below this one. */
  intermediate(file: string): Authority;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
const LOOPBACK = 'DNS:localhost,IP:127.0.0.1';

export function makeAuthority(name = 'Test authority'): Authority {
  const folder = scratchFolder();
  writeFileSync(join(folder, 'openssl.cnf'), '[req]\ndistinguished_name=dn\n[dn]\n');
  return authority(folder, 'ca', certify(folder, 'ca', name, ['basicConstraints=critical,CA:TRUE'], null));
}

function authority(folder: string, file: string, own: Issued): Authority {
  const pathOf = (name: string): string => join(folder, `${file}-${name}`);
  return {
    folder,
    ca: own.cert,
    pem: readFileSync(own.cert, 'utf8'),
    issue(name, { commonName = 'localhost', names = LOOPBACK } = {}) {
      const extensions = ['basicConstraints=critical,CA:FALSE', ...(names === '' ? [] : [`subjectAltName=${names}`])];
      return certify(folder, pathOf(name), commonName, extensions, own);
    },
    intermediate(name) {
      const below = certify(folder, pathOf(name), name, ['basicConstraints=critical,CA:TRUE'], own);
      return authority(folder, `${file}-${name}`, below);
    },
  };
}

function certify(folder: string, file: string, commonName: string, extensions: string[], by: Issued | null): Issued {
  const path = file.startsWith('/') ? file : join(folder, file);
  const issued = { key: `${path}.key`, cert: `${path}.crt` };
  const signer = by === null ? [] : ['-CA', by.cert, '-CAkey', by.key];
  const added = extensions.flatMap((extension) => ['-addext', extension]);
  const out = ['-keyout', issued.key, '-out', issued.cert, '-subj', `/CN=${commonName}`];
  const options = ['-x509', '-config', join(folder, 'openssl.cnf'), ...NEW_KEY, ...signer, ...added, ...out];
  execFileSync('openssl', ['req', ...options], { stdio: 'ignore' });
  return issued;
}
