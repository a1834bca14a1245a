import type { Manifest } from './manifest.ts';

/** Kinds of others than Kubernetes itself, and who describes them. */
const PACKAGES: Readonly<Record<string, string>> = {
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

/**
 * The schema of Kubernetes (OpenAPI, compiled): types, what is required, choices, formats; and no field that it does not
 * know, at any depth. Compiled checks pass over unknown fields, but they look at every one that they know: so the
 * manifest is shown to them through a proxy, and a field that nobody looked at is unknown.
 */
export async function strictFaults(manifest: Manifest): Promise<string[]> {
  const { apiVersion = '', kind = '', metadata } = manifest;
  const name = `${kind}/${metadata?.name}`;
  const check = await checkOf(apiVersion, kind);
  if (check === null) return [`${name}: there is no ${kind} in ${apiVersion}`];
  const seen = watch(manifest);
  const faults: string[] = [];
  try {
    check.call(seen.value);
  } catch (error) {
    faults.push(...(error as Error).message.split('\n').map((line) => `${name}: ${line}`));
  }
  return [...faults, ...seen.unseen().map((path) => `${name}: ${path} is not a field`)];
}

/** What every Kubernetes still serves has no `beta` in it; the models keep versions that are gone. */
const STABLE = /^(?:[a-z0-9.-]+\/)?v\d+$/;

async function checkOf(apiVersion: string, kind: string): Promise<(() => void) | null> {
  const group = apiVersion.split('/')[0] ?? '';
  const from = PACKAGES[group] ?? 'kubernetes-models';
  if (!STABLE.test(apiVersion) || !/^\w+$/.test(kind)) return null;
  try {
    const models = (await import(`${from}/${apiVersion}/${kind}`)) as Record<
      string,
      { prototype: { validate(): void } }
    >;
    return models[kind]?.prototype.validate ?? null;
  } catch {
    return null;
  }
}

interface Watched {
  readonly value: object;
  unseen(): string[];
}

function watch(root: object): Watched {
  const looked = new Map<object, Set<string>>();
  const proxies = new Map<object, object>();
  const wrap = (target: object): object => {
    const known = proxies.get(target);
    if (known) return known;
    const keys = new Set<string>();
    looked.set(target, keys);
    const proxy = new Proxy(target, {
      get(object, key) {
        if (typeof key === 'string') keys.add(key);
        const value: unknown = Reflect.get(object, key);
        return typeof value === 'object' && value !== null ? wrap(value) : value;
      },
    });
    proxies.set(target, proxy);
    return proxy;
  };
  const unseen = (target: object, path: string): string[] =>
    Object.entries(target).flatMap(([key, value]) => {
      const place = Array.isArray(target) ? `${path}[${key}]` : `${path}${path && '.'}${key}`;
      if (!looked.get(target)?.has(key)) return [place];
      return typeof value === 'object' && value !== null ? unseen(value, place) : [];
    });
  return { value: wrap(root), unseen: () => unseen(root, '') };
}
