import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Secrets } from './kit.ts';
import { type Manifest, parseManifests } from './manifest.ts';

const OTHERS = ['secrets.yaml', 'secrets.example.yaml', 'kustomization.yaml'];

/** The files of deploy/k8s as they are, with what stands beside them for the Gateway API and for Prometheus. */
export function readManifests(deploy: string): Manifest[] {
  return ['k8s', 'k8s/gateway', 'k8s/prometheus-operator'].flatMap((folder) =>
    readdirSync(join(deploy, folder))
      .filter((name) => name.endsWith('.yaml') && !OTHERS.includes(name))
      .flatMap((name) => parseManifests(readFileSync(join(deploy, folder, name), 'utf8'))),
  );
}

export function secretsOf(manifests: readonly Manifest[]): Secrets {
  return Object.fromEntries(
    manifests
      .filter(({ kind }) => kind === 'Secret')
      .map(({ metadata, data = {}, stringData = {} }) => [
        metadata.name,
        {
          ...Object.fromEntries(
            Object.entries(data).map(([key, text]) => [key, Buffer.from(String(text), 'base64').toString()]),
          ),
          ...stringData,
        },
      ]),
  );
}

/** New secrets, by the two scripts that an operator runs, one after the other, away from the checkout's own. */
export function makeSecrets(deploy: string): Manifest[] {
  const folder = mkdtempSync(join(tmpdir(), 'auth-api-secrets-'));
  try {
    cpSync(join(deploy, 'make-secrets.sh'), join(folder, 'make-secrets.sh'));
    execFileSync('bash', [join(folder, 'make-secrets.sh')], { stdio: ['ignore', 'ignore', 'pipe'] });
    const script = join(deploy, 'k8s/make-secrets.sh');
    const text = execFileSync('bash', [script, '--from', join(folder, 'secrets'), '--to', '-'], { encoding: 'utf8' });
    return parseManifests(text);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
